"""Manifests of courses as they stand, in the lab and on sim: the patient runs as their apps, and their probes hold."""

from __future__ import annotations

import asyncio
import random
import time
from typing import Any

import pytest

from crashy.clock import run_virtual
from crashy.engines.base import Engine
from crashy.engines.images import notes
from crashy.engines.lab.running import running as lab
from crashy.engines.sim.sim import running as sim
from crashy.objects.document import Document
from crashy.objects.manifests import Manifests, read
from crashy.timeline import Event, Timeline

DEADLINE = 40.0


def pod(name: str, **container: Any) -> dict[str, Any]:
    """Return a pod that ends within a second; whose probes, if any, come each second."""
    spec = {"terminationGracePeriodSeconds": 1, "containers": [{"name": "app", **container}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def get(path: str, port: int = 8080) -> dict[str, Any]:
    return {"httpGet": {"path": path, "port": port}, "periodSeconds": 1}


def podcli(*words: str) -> dict[str, Any]:
    return {"exec": {"command": ["podcli", "check", *words]}, "periodSeconds": 1, "timeoutSeconds": 5}


READY = {
    "podinfo": pod(
        "podinfo",
        image="ghcr.io/stefanprodan/podinfo:6.14.1",
        ports=[{"containerPort": port} for port in (9898, 9797, 9999)],
        command=["./podinfo", "--port=9898", "--port-metrics=9797", "--grpc-port=9999", "--level=info"],
        env=[{"name": "PODINFO_UI_COLOR", "value": "#34577c"}],
        livenessProbe=podcli("http", "localhost:9898/healthz"),
        readinessProbe=podcli("grpc", "localhost:9999", "--service=podinfo"),
        startupProbe=podcli("tcp", "localhost:9797"),
    ),
    "kuard": pod(
        "kuard",
        image="gcr.io/kuar-demo/kuard-amd64:blue",
        livenessProbe=get("/healthy"),
        readinessProbe=get("/ready"),
    ),
    "netexec": pod(
        "netexec",
        image="registry.k8s.io/e2e-test-images/agnhost:2.53",
        args=["netexec", "--http-port=8083", "--udp-port=-1"],
        livenessProbe=get("/healthz", 8083),
        readinessProbe=get("/redirect?location=/readyz", 8083),
    ),
    "ours": pod(
        "ours",
        image="crashy-app:1.0.0",
        command=["/agnhost", "netexec"],
        readinessProbe=get("/echo?code=201"),
    ),
}
"""Pods that become ready, and whose containers do not restart meanwhile."""

KILLED = {
    "kubia": (
        pod("kubia", image="luksa/kubia-unhealthy", livenessProbe={**get("/"), "failureThreshold": 1}),
        {"Container app failed liveness probe, will be restarted"},
    ),
    "failing": (
        pod(
            "failing",
            image="gcr.io/kuar-demo/kuard-amd64:blue",
            command=["/kuard", "--liveness-fail-next", "3"],
            livenessProbe={**get("/healthy"), "initialDelaySeconds": 2},
        ),
        {"Container app failed liveness probe, will be restarted"},
    ),
    "unhealthy": (
        pod(
            "unhealthy",
            image="stefanprodan/podinfo",
            command=["podinfo", "--unhealthy"],
            livenessProbe={**podcli("http", "http://localhost:9898/healthz"), "initialDelaySeconds": 2},
        ),
        {"Container app failed liveness probe, will be restarted"},
    ),
    "exit": (
        pod(
            "exit",
            image="registry.k8s.io/e2e-test-images/agnhost:2.40",
            args=["netexec"],
            readinessProbe={**get("/exit?code=3"), "initialDelaySeconds": 2},
        ),
        set(),
    ),
}
"""Pods whose container ends, each with why the kubelet kills it, where it does."""

PODS = READY | {name: one for name, (one, _) in KILLED.items()}


def manifests(pods: dict[str, Any]) -> Manifests:
    return read([Document("pods.yaml", i, 1, pod) for i, pod in enumerate(pods.values(), 1)])


def ready(event: Event) -> bool:
    return event.kind == "pod" and bool(event.data["ready"])


def restarted(event: Event) -> bool:
    return event.kind == "pod" and event.data["containers"][0]["restarts"] > 0


@pytest.fixture(scope="module", params=["sim", "lab"])
def events(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Event]:
    """Run all of them once on an engine, until each is ready, or has ended."""

    async def play(engine: Engine, timeline: Timeline) -> list[Event]:
        await engine.apply(manifests(PODS))

        async def until(name: str) -> None:
            done = restarted if name in KILLED else ready
            while not any(done(e) for e in timeline.since() if e.object == f"pod/{name}"):  # noqa: ASYNC110
                await asyncio.sleep(0.05)

        async with asyncio.timeout(DEADLINE):
            await asyncio.gather(*map(until, PODS))
        return [*timeline.since()]

    async def virtual() -> list[Event]:
        timeline = Timeline(asyncio.get_running_loop().time)
        async with sim(timeline, rng=random.Random(1)) as engine:
            return await play(engine, timeline)

    async def real() -> list[Event]:
        timeline, folder = Timeline(time.monotonic), tmp_path_factory.mktemp("labs")
        async with lab(timeline, labs=folder, note=lambda _: None, rng=random.Random(1)) as engine:
            return await play(engine, timeline)

    return run_virtual(virtual()) if request.param == "sim" else asyncio.run(real())


@pytest.mark.parametrize("name", READY)
def test_an_app_becomes_ready_by_its_own_probes(events: list[Event], name: str) -> None:
    pods = [event.data for event in events if event.kind == "pod" and event.object == f"pod/{name}"]

    assert any(one["ready"] for one in pods)
    assert {container["restarts"] for one in pods for container in one["containers"]} == {0}


@pytest.mark.parametrize("name", KILLED)
def test_an_app_that_fails_is_restarted(events: list[Event], name: str) -> None:
    said = [event for event in events if event.kind == "event" and event.object == f"pod/{name}"]

    assert {event.message for event in said if event.reason == "Killing"} == KILLED[name][1]


def test_a_lab_says_that_they_are_the_patient() -> None:
    (said,) = notes(manifests({name: READY[name] for name in ("podinfo", "kuard", "ours")}), {})

    images = "ghcr.io/stefanprodan/podinfo:6.14.1, gcr.io/kuar-demo/kuard-amd64:blue"
    assert said == f"run as the patient, which answers as they do: {images}"


def test_another_agnhost_is_a_stand_in() -> None:
    other = pod("other", image="registry.k8s.io/e2e-test-images/agnhost:2.40", args=["test-webserver"])

    assert [line.partition(":")[0] for line in notes(manifests({"other": other}), {})] == [
        "stand-ins, healthy apps that answer on the ports that are declared or probed"
    ]

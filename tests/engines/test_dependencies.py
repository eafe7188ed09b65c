"""What patients depend on in a lab and on sim: the same states in the same words, and what probes make of them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from crashy.clock import VirtualLoop
from crashy.kubelet.versions import PROFILES
from crashy.timeline import Event
from tests.engines.effects import Seen, at, container, pod, probe, watching

NEWEST = PROFILES["1.36"]
PORTS = [{"containerPort": 8080}]


def db(**spec: Any) -> list[dict[str, Any]]:
    """A patient, and two Services for it: by address and headless."""
    made = pod("db", container(readinessProbe=probe("/readyz"), ports=PORTS), **spec)
    ports = [{"port": 80, "targetPort": 8080}]
    services = [
        {"metadata": {"name": "db"}, "spec": {"selector": {"app": "db"}, "ports": ports}},
        {"metadata": {"name": "direct"}, "spec": {"selector": {"app": "db"}, "ports": ports, "clusterIP": "None"}},
        {"metadata": {"name": "nobody"}, "spec": {"selector": {"app": "none"}, "ports": ports}},
    ]
    return [made, *({"apiVersion": "v1", "kind": "Service", **one} for one in services)]


def web(name: str, dependencies: str, **env: str) -> dict[str, Any]:
    probes = {"readinessProbe": probe("/readyz"), "livenessProbe": probe("/livez", failureThreshold=2)}
    return pod(name, container(env={"DEPENDENCIES": dependencies, **env}, ports=PORTS, **probes))


DEPENDENCIES = ",".join(
    (
        "http://db/livez",
        "http://db.default.svc.cluster.local/nowhere",
        "tcp://direct:8080",
        "tcp://nobody:80",
        "redis://db.default:80",
        "tcp://nowhere.default.svc:80",
    )
)


async def both(objects: list[dict[str, Any]], steps: list[dict[str, Any]], seconds: float, *, on: str) -> list[Event]:
    return await watching(objects, steps, seconds, on=on, profile=NEWEST)


def run(objects: list[dict[str, Any]], steps: list[dict[str, Any]], seconds: float, *, on: str) -> list[Event]:
    with asyncio.Runner(loop_factory=VirtualLoop if on == "sim" else None) as runner:
        return runner.run(both(objects, steps, seconds, on=on))


def told(events: list[Event], name: str) -> dict[str, list[str]]:
    """Return what a patient's log says of each dependency, in its order."""
    found: dict[str, list[str]] = {}
    for event in Seen(events, name).of("log"):
        words = event.message if event.reason == "Dependency" else event.message.partition(" Dependency: ")[2]
        if words.startswith("dependency "):
            host, _, state = words.removeprefix("dependency ").partition(" ")
            found.setdefault(host, []).append(state.partition(" is ")[2])
    return found


@pytest.mark.parametrize("on", ["lab", "sim"])
def test_names_lead_to_the_ready_pods_of_services(on: str) -> None:
    objects = [*db(), web("web", DEPENDENCIES)]
    events = run(objects, [at(5, "inject", "unready", "db"), at(8, "inject", "freeze", "db")], 12, on=on)

    ends = {host: states[-1] for host, states in told(events, "web").items()}
    assert ends == {
        "db": "down: Connection refused",  # no pod is ready
        "db.default.svc.cluster.local": "down: Connection refused",
        "direct": "down: Name or service not known",
        "nobody": "down: Connection refused",
        "db.default": "down: Connection refused",
        "nowhere.default.svc": "down: Name or service not known",
    }
    begins = told(events, "web")
    assert "up" in begins["db"]
    assert "down: answers 404" in begins["db.default.svc.cluster.local"]
    assert "up" in begins["direct"]
    assert "down: answers 'HTTP/1.0 400 Bad Request'" in begins["db.default"]


@pytest.mark.parametrize("on", ["lab", "sim"])
def test_a_dependency_in_readiness_takes_pods_out_and_in_liveness_restarts_them(on: str) -> None:
    objects = [
        *db(),
        web("ready", "tcp://direct:8080", READINESS_CHECKS_DEPENDENCIES="1"),
        web("live", "tcp://direct:8080", LIVENESS_CHECKS_DEPENDENCIES="1"),
    ]
    steps = [at(5, "inject", "dependency-down for=6s", name) for name in ("ready", "live")]
    events = run(objects, steps, 14, on=on)

    ready, live = Seen(events, "ready"), Seen(events, "live")
    texts = {event.message for event in ready.of("event", "Unhealthy", after=5)}
    assert texts == {"Readiness probe failed: HTTP probe failed with statuscode: 503"}
    assert ready.of("event", "Killing") == []
    assert live.of("event", "Killing")
    assert {event.message for event in live.of("event", "Unhealthy", after=5)} >= {
        "Liveness probe failed: HTTP probe failed with statuscode: 500"
    }


@pytest.mark.parametrize("on", ["lab", "sim"])
def test_a_slow_dependency_makes_the_probe_that_checks_it_late(on: str) -> None:
    objects = [*db(), web("web", "tcp://direct:8080", READINESS_CHECKS_DEPENDENCIES="1")]
    events = run(objects, [at(5, "inject", "dependency-slow delay=2s", "web")], 12, on=on)

    seen = Seen(events, "web")
    assert told(events, "web")["direct"][-1] == "slow: 2.00s"
    (text,) = {event.message.partition(": ")[2].partition(": ")[2] for event in seen.of("event", "Unhealthy", after=6)}
    assert text == "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"

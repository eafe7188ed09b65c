"""Other people's images on sim: a healthy app, as their manifests ask it, and ill as it is made to be."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from crashy.clock import run_virtual
from crashy.engines.images import notes
from crashy.engines.sim import sim
from crashy.objects.manifests import Manifests
from crashy.timeline import Event, Timeline
from tests.manifest.conftest import manifests

POD = """
apiVersion: v1
kind: Pod
metadata: {{name: web, annotations: {{crashy/model: '{model}'}}}}
spec:
  restartPolicy: {policy}
  terminationGracePeriodSeconds: 10
  containers: [{{name: web, image: "example.org/web:1", {container}}}]
"""


def pod(container: str, *, model: str = "start=2s", policy: str = "Always") -> Manifests:
    return manifests(POD.format(container=container, model=model, policy=policy))


def play(given: Manifests, *at: tuple[float, Any], seconds: float = 60) -> list[Event]:
    """Run manifests, and at these moments what is handed the sim; return what happened."""

    async def main() -> list[Event]:
        timeline = Timeline(asyncio.get_running_loop().time)
        async with sim.running(timeline, rng=random.Random(1)) as engine:
            await engine.apply(given)
            for t, do in at:
                await asyncio.sleep(t - timeline.now())
                done = do(engine)
                if asyncio.iscoroutine(done):
                    await done
            await asyncio.sleep(seconds - timeline.now())
            return [*timeline.since()]

    events: list[Event] = run_virtual(main())
    return events


def reasons(events: list[Event], kind: str = "event") -> list[str]:
    return [event.reason for event in events if event.kind == kind]


def ready_at(events: list[Event]) -> float | None:
    return next((event.t for event in events if event.kind == "pod" and event.data["ready"]), None)


@pytest.mark.parametrize(
    "probe",
    [
        "httpGet: {path: /any/path, port: 9000, scheme: HTTPS}",
        "tcpSocket: {port: 9000}",
        "grpc: {port: 9000, service: any}",
        "exec: {command: [pg_isready]}",
    ],
)
def test_every_probe_is_answered_once_the_app_has_started(probe: str) -> None:
    events = play(
        pod(f"readinessProbe: {{{probe}, periodSeconds: 1}}, livenessProbe: {{{probe}, failureThreshold: 9}}")
    )

    at = ready_at(events)
    assert at is not None
    assert 2 < at < 4
    assert "Killing" not in reasons(events)


def test_it_takes_sigterm_and_ends_after_its_drain() -> None:
    events = play(
        pod("command: [serve]", model="start=1s drain=3s"), (10, lambda engine: engine.delete(engine.pods()[0].pod))
    )

    (exited,) = [event for event in events if event.kind == "process" and event.reason == "Exited"]
    assert (round(exited.t - 10, 1), exited.data["exit_code"]) == (3.0, 0)


@pytest.mark.parametrize(
    ("fault", "ends", "code"), [("slow-drain by=2s", 5.0, 0), ("slow-drain", 10.0, 137), ("ignore-sigterm", 10.0, 137)]
)
def test_its_end_takes_longer_by_a_fault(fault: str, ends: float, code: int) -> None:
    events = play(
        pod("", model="start=1s drain=3s"),
        (9, lambda engine: engine.inject(engine.pods()[0].pod, fault)),
        (10, lambda engine: engine.delete(engine.pods()[0].pod)),
    )

    (exited,) = [event for event in events if event.kind == "process" and event.reason == "Exited"]
    assert (round(exited.t - 10, 1), exited.data["exit_code"]) == (ends, code)


@pytest.mark.parametrize(
    ("fault", "restarts"), [("crash", True), ("freeze", True), ("error clients=all", True), ("unready", False)]
)
def test_it_takes_the_faults_of_a_process(fault: str, restarts: bool) -> None:
    probes = "{httpGet: {path: /healthy, port: 80}, periodSeconds: 1}"
    events = play(
        pod(f"readinessProbe: {probes}, livenessProbe: {probes}", model="start=500ms"),
        (20, lambda engine: engine.inject(engine.pods()[0].pod, fault)),
    )

    assert (reasons(events).count("Started") == 2) is restarts
    assert any(event.t > 20 and not event.data["ready"] for event in events if event.kind == "pod")


def test_its_manifests_simple_commands_do_what_they_say() -> None:
    """The documentation's first liveness probe: its command alone is in `args`."""
    events = play(
        pod(
            'args: [sh, -c, "touch /tmp/ok; sleep 30; rm /tmp/ok; sleep 600"], '
            "livenessProbe: {exec: {command: [cat, /tmp/ok]}, periodSeconds: 5}"
        )
    )
    unhealthy = [event for event in events if event.reason == "Unhealthy"]

    assert [event.message for event in unhealthy[:1]] == [
        "Liveness probe failed: cat: /tmp/ok: No such file or directory"
    ]
    assert 30 < unhealthy[0].t < 36
    killed = next(event.t for event in events if event.reason == "Killing")
    (ended, *_) = [event for event in events if event.kind == "process" and event.reason == "Exited"]
    assert (round(ended.t - killed), ended.data["exit_code"]) == (10, 137)  # a shell as PID 1 ignores SIGTERM


def test_a_command_is_held_to_its_probes_timeout() -> None:
    events = play(pod("readinessProbe: {exec: {command: [sleep, '5']}, periodSeconds: 10}"))

    assert ready_at(events) is None
    assert any("timed out after 1s" in event.message for event in events if event.reason == "Unhealthy")


def test_a_prestop_that_sleeps_takes_its_time() -> None:
    events = play(
        pod("lifecycle: {preStop: {exec: {command: [sh, -c, sleep 4]}}}", model="drain=0s"),
        (10, lambda engine: engine.delete(engine.pods()[0].pod)),
    )

    (exited,) = [event for event in events if event.kind == "process" and event.reason == "Exited"]
    assert exited.t == pytest.approx(14, abs=0.1)


def test_one_with_a_run_ends_well() -> None:
    events = play(pod("command: [migrate]", model="start=1s run=5s", policy="Never"))

    assert [event.reason for event in events if event.kind == "pod"][-1] == "Succeeded"


def test_the_notes_name_the_stand_ins_and_what_is_taken_to_succeed() -> None:
    given = pod("readinessProbe: {exec: {command: [pg_isready]}}")

    assert [*notes(given, {})] == [
        "stand-ins, healthy apps that answer on the ports that are declared or probed: "
        "example.org/web:1 (start=2s drain=500ms)",
        "commands taken to succeed while their app is well: pg_isready",
    ]

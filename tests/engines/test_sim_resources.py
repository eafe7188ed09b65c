"""Modelled containers under limits: memory until the kernel kills, CPU that others burn."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crashy.clock import run_virtual
from crashy.engines.sim.life import PATIENT_MEMORY
from crashy.engines.sim.sim import running
from crashy.objects.document import Document
from crashy.objects.manifests import read
from crashy.objects.status import PodStatus
from crashy.timeline import Event, Timeline

MIB = 1 << 20


def pod(limits: Mapping[str, str] | None = None, **more: Any) -> dict[str, Any]:
    container = {"name": "app", "image": "crashy-app", **more}
    if limits:
        container["resources"] = {"limits": dict(limits)}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": {"containers": [container]}}


class Run:
    """A pod's run on sim: its timeline and its last container's status."""

    def __init__(self, events: list[Event], status: PodStatus) -> None:
        self.events = events
        (self.container,) = status.containers
        self.phase = status.phase

    def starts(self) -> list[float]:
        """Return when the container's processes were started."""
        return [event.t for event in self.events if event.kind == "process" and event.reason == "Started"]

    def lines(self, reason: str) -> list[str]:
        """Return the messages of the events with this reason."""
        return [event.message for event in self.events if event.reason == reason]

    @property
    def last(self) -> tuple[int, str] | None:
        ended = self.container.last_state
        return (ended.exit_code, ended.reason) if ended else None


def play(manifest: dict[str, Any], *steps: tuple[float, str], seconds: float = 60) -> Run:
    """Run a pod and inject each spec at its time; `recover` takes all faults back."""

    async def main() -> Run:
        timeline = Timeline(asyncio.get_running_loop().time)
        async with running(timeline, rng=random.Random(1)) as sim:
            await sim.apply(read([Document("pod.yaml", 1, 1, manifest)]))
            for at, spec in steps:
                await asyncio.sleep(at - asyncio.get_running_loop().time())
                (view,) = sim.pods()
                await (sim.recover(view.pod) if spec == "recover" else sim.inject(view.pod, spec))
            await asyncio.sleep(seconds - asyncio.get_running_loop().time())
            (view,) = sim.pods()
            return Run(timeline.since(), view.status)

    return run_virtual(main())


@pytest.mark.parametrize(
    ("spec", "limit", "killed"),
    [
        ("memory to=300Mi", "256Mi", True),
        ("memory to=300Mi", "512Mi", False),
        ("memory to=300Mi", "", False),
        ("memory to=90%", "64Mi", False),
        ("memory to=100%", "64Mi", True),
        ("memory", "64Mi", True),
        ("memory to=200Mi rate=10Mi for=5s", "128Mi", False),
        ("memory to=200Mi rate=100Mi for=5s", "128Mi", True),
    ],
)
def test_growth_to_the_limit_ends_in_an_oom_kill_and_a_restart(spec: str, limit: str, killed: bool) -> None:
    run = play(pod({"memory": limit} if limit else None), (5, spec))

    assert run.last == ((137, "OOMKilled") if killed else None)
    assert (run.phase, run.container.state, run.container.restart_count) == ("Running", "running", int(killed))


def test_the_kill_comes_when_the_limit_is_reached() -> None:
    run = play(pod({"memory": "64Mi"}), (5, "memory to=1Gi rate=4Mi"))

    (ended,) = [event.t for event in run.events if event.reason == "Exited"]
    assert ended == pytest.approx(5 + (64 * MIB - PATIENT_MEMORY) / (4 * MIB))


def test_kills_again_and_again_back_off() -> None:
    manifest = pod({"memory": "64Mi"}, env=[{"name": "FAULTS", "value": "memory after=2s"}])
    run = play(manifest, seconds=100)

    gaps = [later - earlier for earlier, later in pairwise(run.starts())]
    assert run.last == (137, "OOMKilled")
    assert [round(gap - 2) // 10 * 10 for gap in gaps] == [0, 10, 20, 40]
    assert "Back-off restarting failed container" in run.lines("BackOff")[0]


def test_a_pod_that_is_never_restarted_fails_for_the_same_reason() -> None:
    manifest = pod({"memory": "64Mi"})
    manifest["spec"]["restartPolicy"] = "Never"
    run = play(manifest, (5, "memory"))

    assert run.phase == "Failed"
    assert (run.container.state, run.container.exit_code, run.container.reason) == ("terminated", 137, "OOMKilled")


def test_what_is_taken_back_in_time_kills_nobody() -> None:
    run = play(pod({"memory": "64Mi"}), (5, "memory rate=4Mi"), (10, "recover"))

    assert run.last is None


def test_a_limit_below_what_the_patient_needs_kills_it_as_it_starts() -> None:
    run = play(pod({"memory": "16Mi"}))

    assert run.last == (137, "OOMKilled")
    assert run.container.restart_count > 0


def test_a_share_of_no_limit_is_refused_in_the_patients_words() -> None:
    run = play(pod(), (5, "memory to=90%"))

    assert run.lines("NotInjected") == [
        "memory to=90%: to: '90%': the container has no memory limit: use a size such as 300Mi"
    ]


def test_a_setting_that_is_refused_ends_the_patient_as_it_starts() -> None:
    run = play(pod(env=[{"name": "FAULTS", "value": "memory to=90%"}]))

    assert run.last == (2, "Error")
    assert run.lines("Refused")[0].startswith("FAULTS: memory to=90%: to: '90%': the container has no memory limit")


def test_another_image_takes_it_too() -> None:
    run = play(pod({"memory": "64Mi"}, image="nginx"), (5, "memory"))

    assert run.last == (137, "OOMKilled")


SIZES = st.integers(1, 400)


@given(to=SIZES, limit=st.integers(25, 400), rate=st.none() | SIZES)
def test_it_is_killed_if_and_only_if_the_size_is_no_less_than_the_limit(to: int, limit: int, rate: int | None) -> None:
    spec = f"memory to={to}Mi" + (f" rate={rate}Mi" if rate else "")
    run = play(pod({"memory": f"{limit}Mi"}), (5, spec), seconds=5 + 400 + 5)

    assert (run.last is not None) == (to >= limit)


def probing(command: list[str]) -> dict[str, Any]:
    return {"exec": {"command": command}, "periodSeconds": 2, "failureThreshold": 1}


@pytest.mark.parametrize(
    ("limit", "spec", "fails"),
    [
        ("100m", "cpu cores=2 for=20s", True),
        ("100m", "cpu cores=2 share=1% for=20s", False),
        ("500m", "cpu cores=2 for=20s", False),
        ("", "cpu cores=64 for=20s", False),
    ],
)
def test_a_probe_that_starts_a_program_times_out_where_others_burn_its_limit(
    limit: str, spec: str, fails: bool
) -> None:
    manifest = pod(
        {"cpu": limit} if limit else None, readinessProbe=probing(["python3", "-c", "import urllib.request"])
    )
    run = play(manifest, (10, spec))

    timed_out = [event.t for event in run.events if "timed out after 1s" in event.message]
    assert bool(timed_out) == fails
    assert all(10 <= t <= 32 for t in timed_out)
    assert run.container.ready


@pytest.mark.parametrize("kind", ["livenessProbe", "readinessProbe"])
def test_an_http_probe_that_costs_a_millisecond_does_not(kind: str) -> None:
    probe = {"httpGet": {"path": "/livez", "port": 8080}, "periodSeconds": 1, "failureThreshold": 1}
    run = play(pod({"cpu": "100m"}, **{kind: {**probe, "initialDelaySeconds": 3}}), (10, "cpu cores=2"))

    assert run.lines("Unhealthy") == []


def test_under_a_limit_the_patient_starts_later() -> None:
    serving = {
        limit: next(event.t for event in play(pod({"cpu": limit})).events if event.message == "serving")
        for limit in ("50m", "100m", "1")
    }

    assert serving["1"] < serving["100m"] < serving["50m"]


@pytest.mark.parametrize(
    ("spec", "killed_after"),
    [
        ("tasks to=50000", 0),
        ("tasks to=50000 rate=1024", 40),
        ("tasks to=30000", None),
        ("threads to=3000 rate=64", 40),
        ("threads to=2000", None),
        ("disk to=1Gi", None),
        ("log-flood", None),
        ("fds", None),
    ],
)
def test_what_tasks_and_threads_hold_counts(spec: str, killed_after: float | None) -> None:
    run = play(pod({"memory": "64Mi"}), (5, spec))

    ended = [event.t for event in run.events if event.reason == "Exited"]
    assert ended == ([] if killed_after is None else [pytest.approx(5 + killed_after)])


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ("disk", "disk: writes to STATE_DIR alone, and that is not set"),
        ("threads to=50%", "to: '50%': the container has no limit of processes: use a number such as 100"),
    ],
)
def test_what_a_model_has_not_is_refused(spec: str, reason: str) -> None:
    run = play(pod(env=[{"name": "STATE_DIR", "value": ""}]), (5, spec))

    assert run.lines("NotInjected") == [f"{spec}: {reason}"]


def test_without_descriptors_probes_time_out_until_it_is_recovered() -> None:
    probe = {"httpGet": {"path": "/readyz", "port": 8080}, "periodSeconds": 1, "failureThreshold": 1}
    manifest = pod(readinessProbe=probe, livenessProbe={"tcpSocket": {"port": 8080}, "periodSeconds": 1})
    run = play(manifest, (5, "fds rate=10000"), (20, "recover"))

    unhealthy = [event for event in run.events if event.reason == "Unhealthy" and event.t > 5]
    assert {event.message.rpartition(": ")[2] for event in unhealthy} == {
        "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
    }
    assert 11 < unhealthy[0].t < 14  # 65,500 at 10,000 a second
    assert 19 < unhealthy[-1].t < 21.1
    assert run.container.ready
    assert run.container.restart_count == 0


@pytest.mark.parametrize("spec", ["disk", "log-flood"])
@pytest.mark.parametrize("limited", ["container", "volume"])
def test_where_a_kubelet_would_evict_for_storage_a_fault_that_stores_is_refused(spec: str, limited: str) -> None:
    manifest = pod({"ephemeral-storage": "1Gi"} if limited == "container" else None)
    if limited == "volume":
        manifest["spec"]["volumes"] = [{"name": "state", "emptyDir": {"sizeLimit": "50Mi"}}]
    run = play(manifest, (5, spec))

    why = "not on sim: the container's storage is limited, and no pod is evicted for it there"
    assert run.lines("NotInjected") == [f"{spec}: fault: '{spec}': {why}"]

"""Laws that hold whatever a container does."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from crashy.kubelet.versions import PROFILES
from crashy.objects.pod import ProbeType
from tests.kubelet.scripted import Answer, Hang, Life, Refuse, ScriptedPhase, Stall, Stopped
from tests.kubelet.simulation import Run, simulate

SECONDS = 120

moments = st.floats(0, 60).map(lambda t: round(t, 3))
conditions = st.sampled_from([Answer(), Answer(500), Answer(latency=1.5), Hang(), Stall(), Refuse(), Stopped()])
phases = st.builds(
    lambda condition, start, length: ScriptedPhase(condition, start, start + length), conditions, moments, moments
)
lives = st.builds(
    Life,
    start_seconds=st.sampled_from([0.0, 0.08, 2.0]),
    listens_at=st.sampled_from([0.0, 0.06, 7.0]),
    phases=st.lists(phases, max_size=3).map(tuple),
    exits_at=st.none() | moments,
    exit_code=st.sampled_from([0, 1]),
    term_seconds=st.none() | st.sampled_from([0.0, 1.0]),
)
probes = st.fixed_dictionaries(
    {
        "httpGet": st.just({"port": 80}),
        "periodSeconds": st.integers(1, 5),
        "timeoutSeconds": st.integers(1, 3),
        "failureThreshold": st.integers(1, 4),
    },
    optional={"initialDelaySeconds": st.integers(0, 5)},
)
containers = st.fixed_dictionaries({"image": st.just("app")}, optional={kind.field: probes for kind in ProbeType})


@st.composite
def histories(draw: st.DrawFn) -> Run:
    """Draw a pod of one or two containers, what their lives are and return what came of it."""
    specs = draw(st.lists(containers, min_size=1, max_size=2))
    scripts = [draw(st.lists(lives, min_size=1, max_size=3)) for _ in specs]
    spec: dict[str, Any] = {
        "terminationGracePeriodSeconds": draw(st.integers(0, 5)),
        "restartPolicy": draw(st.sampled_from(["Always", "OnFailure", "Never"])),
        "containers": [{"name": f"c{i}", **spec} for i, spec in enumerate(specs)],
    }
    deletion = draw(st.none() | st.integers(1, SECONDS))
    return simulate(
        spec,
        lambda _pod, container, attempt: (plans := scripts[int(container.name[1:])])[attempt % len(plans)],
        SECONDS,
        profile=PROFILES[draw(st.sampled_from(["1.20", "1.36"]))],
        seed=draw(st.integers(0, 5)),
        play={} if deletion is None else {deletion: lambda driver, _: driver.delete()},
    )


@settings(max_examples=150, deadline=None)
@given(histories())
def test_whatever_the_containers_do(run: Run) -> None:
    probes_of_one_worker_never_overlap(run)
    a_container_has_one_process_at_a_time(run)
    restart_counts_only_grow(run)
    only_what_runs_is_ready(run)
    liveness_alone_never_changes_readiness(run)
    what_waits_in_back_off_does_not_run(run)


def probes_of_one_worker_never_overlap(run: Run) -> None:
    for container in run.template.containers:
        for kind in ProbeType:
            spans = [(t - e.data["seconds"], t) for t, e in run.of("probe", kind, container.name)]
            assert all(end <= begin + 1e-6 for (_, end), (begin, _) in pairwise(spans))


def a_container_has_one_process_at_a_time(run: Run) -> None:
    for container in run.template.containers:
        changes = [e.reason for _, e in run.of("process", container=container.name)]
        assert changes == ["Started", "Exited"] * (len(changes) // 2) + ["Started"] * (len(changes) % 2)


def restart_counts_only_grow(run: Run) -> None:
    for container in run.template.containers:
        counts = [status.container(container.name) for _, status in run.statuses]
        assert all(0 <= b.restart_count - a.restart_count <= 1 for a, b in pairwise(c for c in counts if c))


def only_what_runs_is_ready(run: Run) -> None:
    """Or it was asked while it did, and its yes came after its end: the kubelet takes it in until its next sync.

    What follows a killed one may be ready before it has started (kubernetes#141155).
    """
    for since, status in run.statuses:
        t = since - run.zero  # as the events' times
        for container in status.containers:
            if container.ready and container.state == "running" and container.restart_count:
                continue
            if container.ready and not (container.state == "running" and container.started):
                requested = run.of("probe", ProbeType.READINESS, container.name)
                yes = max(at for at, event in requested if at <= t + 1e-6 and event.data["outcome"] == "success")
                assert yes >= max(at for at, _ in run.of("process", "Exited", container.name) if at <= t + 1e-6)


def liveness_alone_never_changes_readiness(run: Run) -> None:
    for container in run.template.containers:
        if container.liveness_probe and not container.readiness_probe and not container.startup_probe:
            for _, status in run.statuses:
                mine = status.container(container.name)
                assert mine is None or mine.ready == (mine.state == "running")


def what_waits_in_back_off_does_not_run(run: Run) -> None:
    for _, status in run.statuses:
        for container in status.containers:
            assert container.reason != "CrashLoopBackOff" or (container.state == "waiting" and container.last_state)

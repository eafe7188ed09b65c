"""What holds for every probe, every outcome and every container."""

from __future__ import annotations

from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from crashy.kubelet.outcome import Outcome, Result, Results, Stored
from crashy.kubelet.versions import PROFILES, Profile
from crashy.kubelet.worker import INITIAL, ContainerView, Worker
from crashy.objects.pod import Exec, Probe, ProbeType

TYPES = st.sampled_from(ProbeType)
PROFILE = st.sampled_from(sorted(PROFILES.values(), key=lambda profile: profile.version))
PROBES = st.builds(
    Probe,
    st.just(Exec(("true",))),
    initial_delay_seconds=st.integers(0, 5),
    success_threshold=st.integers(1, 4),
    failure_threshold=st.integers(1, 4),
)
OUTCOMES = st.builds(Outcome, st.sampled_from(Result), error=st.sampled_from(["", "", "", "no"]))
VIEWS = st.none() | st.builds(
    ContainerView,
    id=st.sampled_from(["", "A", "A", "A", "B"]),
    state=st.sampled_from(["running", "running", "running", "waiting", "terminated"]),
    started_at=st.floats(0, 5),
    started=st.booleans(),
    restartable=st.booleans(),
    pod_phase=st.sampled_from(["Running", "Running", "Pending", "Failed"]),
    pod_deleting=st.sampled_from([False, False, False, True]),
)
STEPS = st.lists(st.tuples(VIEWS, OUTCOMES), max_size=30)


def healthy(outcome: Outcome) -> bool:
    return outcome.result in {Result.SUCCESS, Result.WARNING}


@given(probe_type=TYPES, probe=PROBES, outcomes=st.lists(OUTCOMES, max_size=40))
def test_a_stored_result_changes_only_at_its_threshold(
    probe_type: ProbeType, probe: Probe, outcomes: list[Outcome]
) -> None:
    """Against a reading of the whole history: the last run of equal outcomes that was long enough decides."""
    worker = Worker(probe_type, probe)
    view = ContainerView("A", "running", started=probe_type is not ProbeType.STARTUP)
    history: list[bool] = []
    for outcome in outcomes:
        if not outcome.error:
            history.append(healthy(outcome))
        decision = worker.step(100.0, view, outcome)
        expected = INITIAL[probe_type]
        for well, run in groupby(history):
            if len(list(run)) >= (probe.success_threshold if well else probe.failure_threshold):
                expected = Stored.SUCCESS if well else Stored.FAILURE
                if probe_type is ProbeType.STARTUP or (probe_type is ProbeType.LIVENESS and not well):
                    break
        assert decision.stored is expected


@given(probe_type=TYPES, probe=PROBES, profile=PROFILE, steps=STEPS)
def test_a_held_worker_calls_no_handler_and_changes_nothing(
    probe_type: ProbeType, probe: Probe, profile: Profile, steps: list[tuple[ContainerView | None, Outcome]]
) -> None:
    worker = Worker(probe_type, probe, profile=profile)
    for now, (view, outcome) in enumerate(steps):
        held = worker.on_hold and (view is None or view.id in {"", worker.container_id})
        before = worker.results.get(worker.container_id)
        decision = worker.step(float(now), view, outcome)
        if held:
            assert not decision.call_handler
            assert not decision.changed
            assert worker.on_hold
            assert worker.results.get(worker.container_id) is before


@given(probe=PROBES, profile=PROFILE, steps=STEPS)
def test_liveness_never_changes_readiness(
    probe: Probe, profile: Profile, steps: list[tuple[ContainerView | None, Outcome]]
) -> None:
    """Two workers of one container: what readiness stores does not depend on what liveness finds."""
    failing = Outcome(Result.FAILURE)

    def readiness(liveness: Outcome) -> list[Stored | None]:
        maps = {probe_type: Results() for probe_type in ProbeType}
        workers = {
            probe_type: Worker(probe_type, probe, maps[probe_type], profile)
            for probe_type in (ProbeType.LIVENESS, ProbeType.READINESS)
        }
        stored = []
        for now, (view, outcome) in enumerate(steps):
            workers[ProbeType.LIVENESS].step(float(now), view, liveness)
            stored.append(workers[ProbeType.READINESS].step(float(now), view, outcome).stored)
        return stored

    assert readiness(failing) == readiness(Outcome(Result.SUCCESS))


@given(probe_type=TYPES, probe=PROBES, profile=PROFILE, steps=STEPS)
def test_what_is_reported_as_news_is_all_that_changes(
    probe_type: ProbeType, probe: Probe, profile: Profile, steps: list[tuple[ContainerView | None, Outcome]]
) -> None:
    worker = Worker(probe_type, probe, profile=profile)
    known: dict[str, Stored | None] = {}
    for now, (view, outcome) in enumerate(steps):
        decision = worker.step(float(now), view, outcome)
        assert decision.stored is worker.results.get(decision.container_id)
        if not decision.changed and decision.container_id:
            assert known.get(decision.container_id) is decision.stored
        known = {decision.container_id: decision.stored}
        assert sum(worker.results.get(x) is not None for x in "AB") <= 1


@given(probe_type=TYPES, probe=PROBES, profile=PROFILE, steps=STEPS)
def test_two_calls_are_one_call(
    probe_type: ProbeType, probe: Probe, profile: Profile, steps: list[tuple[ContainerView | None, Outcome]]
) -> None:
    """Asking first and giving the outcome then comes to the same as giving it at once."""
    once, twice = Worker(probe_type, probe, profile=profile), Worker(probe_type, probe, profile=profile)
    for now, (view, outcome) in enumerate(steps):
        decision = once.step(float(now), view, outcome)
        first = twice.step(float(now), view)
        second = twice.step(float(now) + 7, None, outcome) if first.call_handler else first
        assert (decision.stored, decision.keep_going) == (second.stored, second.keep_going)
        assert decision.changed == (first.changed or second.changed)
        assert (once.on_hold, once.result_run) == (twice.on_hold, twice.result_run)

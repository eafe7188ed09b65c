"""One look of a probe worker at one container. kubelet: pkg/kubelet/prober/worker.go doProbe."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from crashy.kubelet.outcome import Outcome, Result, Results, Stored
from crashy.kubelet.versions import PROFILES
from crashy.kubelet.worker import INITIAL, ContainerView, Worker
from crashy.objects.pod import Exec, Probe, ProbeType
from tests.kubelet.cases import Each, Expect, case

LIVENESS, READINESS, STARTUP = ProbeType.LIVENESS, ProbeType.READINESS, ProbeType.STARTUP
SUCCESS = Outcome(Result.SUCCESS)
FAILURE = Outcome(Result.FAILURE)


def probe(**fields: int) -> Probe:
    return Probe(Exec(("true",)), **fields)


def view(probe_type: ProbeType, **fields: Any) -> ContainerView:
    """A running container that this type of probe is for."""
    return ContainerView(
        **{"id": "A", "state": "running", "started": probe_type is not STARTUP, "restartable": False, **fields}
    )


STOPPED, UNTOUCHED = False, None

DO_PROBE = [
    # case, types, view (None: no status), probe, keeps going, stored
    ("no-status", tuple(ProbeType), None, {}, True, UNTOUCHED),
    ("pod-failed", tuple(ProbeType), {"pod_phase": "Failed"}, {}, STOPPED, UNTOUCHED),
    ("pod-deleting", (LIVENESS, STARTUP), {"pod_deleting": True}, {}, STOPPED, Stored.SUCCESS),
    ("no-container-status", tuple(ProbeType), {"id": "", "state": "waiting"}, {}, True, UNTOUCHED),
    ("container-waiting", tuple(ProbeType), {"state": "waiting"}, {}, True, Stored.FAILURE),
    ("container-terminated", tuple(ProbeType), {"state": "terminated"}, {}, STOPPED, Stored.FAILURE),
    ("success", tuple(ProbeType), {}, {}, True, Stored.SUCCESS),
    ("initial-delay-negative", tuple(ProbeType), {}, {"initial_delay_seconds": -100}, True, Stored.SUCCESS),
]


@pytest.mark.parametrize(
    ("probe_type", "status", "fields", "keeps_going", "stored"),
    [case(f"worker.doprobe.{row[0]}.{t}", t, *row[2:]) for row in DO_PROBE for t in row[1]],
)
def test_do_probe(
    probe_type: ProbeType,
    status: dict[str, Any] | None,
    fields: dict[str, int],
    keeps_going: bool,
    stored: Stored,
    expect: Expect,
) -> None:
    """kubelet: prober/worker_test.go TestDoProbe, TestDoProbe_RegularContainerBehaviorUnchanged."""
    worker = Worker(probe_type, probe(**{"success_threshold": 0, "failure_threshold": 0, **fields}))
    container = None if status is None else view(probe_type, **status)
    decision = worker.step(0.0, container, SUCCESS)
    assert decision.keep_going is keeps_going
    assert decision.stored is stored
    assert worker.results.get("A") is stored
    expect(keep_going=decision.keep_going, result_stored=decision.stored is not None, result=decision.stored)


@pytest.mark.parametrize("probe_type", list(ProbeType))
@pytest.mark.parametrize("phase", ["Failed", "Succeeded"])
def test_a_pod_that_has_ended_ends_the_worker_without_a_trace(probe_type: ProbeType, phase: str) -> None:
    decision = Worker(probe_type, probe()).step(0.0, view(probe_type, pod_phase=phase))
    assert not decision.keep_going
    assert not decision.call_handler
    assert not decision.changed


@pytest.mark.parametrize("phase", ["Pending", "Running", "Unknown"])
def test_a_pod_in_another_phase_is_probed(phase: str) -> None:
    assert Worker(LIVENESS, probe()).step(0.0, view(LIVENESS, pod_phase=phase)).call_handler


@pytest.mark.parametrize(
    ("state", "restartable", "keeps_going"),
    [
        ("waiting", False, True),
        ("waiting", True, True),
        ("terminated", True, True),
        case("worker.regular-terminated-stops", "terminated", False, False),
    ],
)
def test_only_an_exit_for_good_ends_the_worker(
    state: Any, restartable: bool, keeps_going: bool, expect: Expect
) -> None:
    """kubelet: prober/worker.go doProbe: policy Never, unless the container is a sidecar."""
    for probe_type in ProbeType:
        worker = Worker(probe_type, probe())
        decision = worker.step(0.0, view(probe_type, state=state, restartable=restartable), SUCCESS)
        assert decision.keep_going is keeps_going
        assert not decision.call_handler
        assert decision.stored is Stored.FAILURE
        assert decision.changed
        expect(keep_going=decision.keep_going, result=decision.stored)


@pytest.mark.parametrize(
    ("probe_type", "initial"),
    [(LIVENESS, Stored.SUCCESS), (READINESS, Stored.FAILURE), (STARTUP, Stored.UNKNOWN)],
)
def test_initial_values(probe_type: ProbeType, initial: Stored) -> None:
    """kubelet: prober/worker.go newWorker."""
    assert INITIAL[probe_type] is initial
    worker = Worker(probe_type, probe())
    first = worker.step(0.0, view(probe_type))
    assert (first.stored, first.changed, first.container_id) == (initial, True, "A")
    again = worker.step(0.0, view(probe_type))
    assert (again.stored, again.changed) == (initial, False)


def test_a_worker_begins_with_nothing() -> None:
    worker = Worker(LIVENESS, probe())
    assert (worker.container_id, worker.on_hold, worker.result_run) == ("", False, 0)
    assert worker.step(0.0, None).container_id == ""


def test_a_view_without_more_is_a_container_that_was_never_created() -> None:
    view = ContainerView()
    assert (view.id, view.state, view.started, view.restartable) == ("", "waiting", False, True)
    assert view.started_at == 0
    assert (view.pod_phase, view.pod_deleting) == ("Running", False)


def test_ids_and_states_are_compared_by_value() -> None:
    worker = Worker(LIVENESS, probe(failure_threshold=1))
    worker.step(0.0, view(LIVENESS, id="".join(["con", "tainer"])), FAILURE)
    assert not worker.step(1.0, view(LIVENESS, id="".join(["con", "tainer"]))).changed
    ended = view(READINESS, state="".join(["termin", "ated"]))
    assert not Worker(READINESS, probe()).step(0.0, ended).keep_going


def test_a_new_container_takes_the_place_of_the_old_one() -> None:
    worker = Worker(READINESS, probe())
    worker.step(0.0, view(READINESS), SUCCESS)
    decision = worker.step(1.0, view(READINESS, id="B"))
    assert (decision.stored, decision.changed, decision.container_id) == (Stored.FAILURE, True, "B")
    assert worker.results.get("A") is None


@pytest.mark.case("worker.initial-delay.startup")
def test_a_startup_probe_waits_for_its_delay(expect: Expect) -> None:
    """kubelet: prober/worker_test.go TestInitialDelay."""
    worker = Worker(STARTUP, probe(initial_delay_seconds=10))
    early = worker.step(0.0, view(STARTUP), SUCCESS)
    assert (early.keep_going, early.call_handler, early.stored) == (True, False, Stored.UNKNOWN)
    late = worker.step(100.0, view(STARTUP))
    assert late.call_handler
    late = replace(worker.step(100.0, view(STARTUP), SUCCESS), call_handler=late.call_handler)
    assert (late.keep_going, late.stored) == (True, Stored.SUCCESS)
    steps = ((step.keep_going, step.stored, step.call_handler) for step in (early, late))
    expect(steps=[{"keep_going": k, "result": r, "handler_called": called} for k, r, called in steps])


@pytest.mark.parametrize(
    ("started_at", "delay", "now", "called"),
    [
        (0.0, 10, 0.0, False),
        (0.0, 10, 100.0, True),
        case("worker.initial-delay-integer-floor", 0.0, 5, 4.999, False),
        case("worker.initial-delay-integer-floor", 0.0, 5, 5.0, True),
        (0.9, 5, 4.999, False),
        (0.9, 5, 5.0, True),
        (0.0, 1, 0.999, False),
        (0.0, 0, 0.0, True),
        (100.5, 7, 106.999, False),
        (100.5, 7, 107.0, True),
    ],
)
def test_the_delay_counts_whole_seconds_from_a_start_in_whole_seconds(
    started_at: float, delay: int, now: float, called: bool, expect: Expect
) -> None:
    """kubelet: prober/worker_test.go TestInitialDelay; worker.go doProbe; status_manager.go normalizeStatus."""
    worker = Worker(LIVENESS, probe(initial_delay_seconds=delay))
    decision = worker.step(now, view(LIVENESS, started_at=started_at))
    assert decision.call_handler is called
    expect(handler_called=Each(decision.call_handler, int(now >= 5)))


@pytest.mark.parametrize(
    ("probe_type", "started", "called"),
    [
        (STARTUP, False, True),
        (STARTUP, True, False),
        (LIVENESS, False, False),
        (LIVENESS, True, True),
        (READINESS, False, False),
        (READINESS, True, True),
    ],
)
def test_the_startup_probe_gates_the_others(probe_type: ProbeType, started: bool, called: bool) -> None:
    """kubelet: prober/worker.go doProbe; prober/worker_test.go TestLivenessProbeDisabledByStarted."""
    decision = Worker(probe_type, probe()).step(0.0, view(probe_type, started=started))
    assert decision.call_handler is called
    assert decision.keep_going


@pytest.mark.parametrize(
    ("version", "probe_type", "keeps_going"),
    [
        ("1.36", LIVENESS, False),
        ("1.36", STARTUP, False),
        ("1.36", READINESS, True),
        ("1.20", LIVENESS, True),
        ("1.20", STARTUP, True),
        ("1.20", READINESS, True),
    ],
)
def test_deletion_ends_liveness_and_startup_but_not_on_old_kubelets(
    version: str, probe_type: ProbeType, keeps_going: bool
) -> None:
    """Measured on 1.20.2 and 1.36.2: eight more liveness probes while a deleted pod ended, and none."""
    worker = Worker(probe_type, probe(), profile=PROFILES[version])
    decision = worker.step(0.0, view(probe_type, pod_deleting=True))
    assert decision.keep_going is keeps_going
    assert decision.call_handler is keeps_going


def test_deletion_changes_a_startup_result_to_success() -> None:
    worker = Worker(STARTUP, probe())
    worker.step(0.0, view(STARTUP), FAILURE)
    decision = worker.step(1.0, view(STARTUP, pod_deleting=True))
    assert (decision.keep_going, decision.stored, decision.changed) == (False, Stored.SUCCESS, True)


def test_results_are_shared_where_one_map_is_given() -> None:
    results = Results()
    Worker(LIVENESS, probe(), results).step(0.0, view(LIVENESS))
    Worker(LIVENESS, probe(), results).step(0.0, view(LIVENESS, id="B"))
    assert (results.get("A"), results.get("B")) == (Stored.SUCCESS, Stored.SUCCESS)


def test_an_outcome_under_way_is_judged_for_the_container_that_was_probed() -> None:
    """kubelet: prober/worker.go: a probe under way ends, and may store a result, whatever has happened since."""
    worker = Worker(READINESS, probe())
    assert worker.step(0.0, view(READINESS)).call_handler
    decision = worker.step(3.0, view(READINESS, id="B"), SUCCESS)
    assert (decision.container_id, decision.stored, decision.changed) == ("A", Stored.SUCCESS, True)
    assert worker.step(3.0, view(READINESS, id="B")).stored is Stored.FAILURE


def test_an_outcome_is_used_once() -> None:
    worker = Worker(READINESS, probe(success_threshold=3))
    worker.step(0.0, view(READINESS))
    worker.step(0.0, view(READINESS), SUCCESS)
    worker.step(1.0, view(READINESS, started=False), SUCCESS)
    assert worker.result_run == 1


@pytest.mark.case("worker.cleanup.readiness", "worker.cleanup.startup")
def test_closing_removes_what_was_stored_however_often(expect: Expect) -> None:
    """kubelet: prober/worker_test.go TestCleanUp."""
    for probe_type in (READINESS, STARTUP):
        worker = Worker(probe_type, probe())
        worker.step(0.0, view(probe_type), SUCCESS)
        assert worker.results.get("A") is Stored.SUCCESS
        for _ in range(10):
            worker.close()
            assert worker.results.get("A") is None
        expect(stored_result_removed=worker.results.get("A") is None)

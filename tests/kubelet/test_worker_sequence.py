"""Outcome after outcome: thresholds, streaks and the hold. kubelet: pkg/kubelet/prober/worker.go doProbe."""

from __future__ import annotations

from dataclasses import replace

import pytest

from crashy.kubelet.outcome import Outcome, Result, Stored
from crashy.kubelet.versions import NEWEST, PROFILES
from crashy.kubelet.worker import INITIAL, ContainerView, Worker
from crashy.objects.pod import Exec, Probe, ProbeType
from tests.kubelet.cases import Expect, case

LIVENESS, READINESS, STARTUP = ProbeType.LIVENESS, ProbeType.READINESS, ProbeType.STARTUP
OUTCOMES = {
    "S": Outcome(Result.SUCCESS),
    "W": Outcome(Result.WARNING, "moved"),
    "F": Outcome(Result.FAILURE, "503"),
    "?": Outcome(Result.UNKNOWN),
    "E": Outcome(Result.UNKNOWN, error="no such file"),
    "e": Outcome(Result.FAILURE, error="unexpected EOF"),
}
NAMES = {Stored.SUCCESS: "s", Stored.FAILURE: "f", Stored.UNKNOWN: "u", None: "-"}


def worker_of(probe_type: ProbeType, success: int, failure: int) -> Worker:
    return Worker(probe_type, Probe(Exec(("true",)), success_threshold=success, failure_threshold=failure))


def running(probe_type: ProbeType, container_id: str = "A") -> ContainerView:
    return ContainerView(container_id, "running", started=probe_type is not STARTUP)


@pytest.mark.parametrize(
    ("origin", "probe_type", "success", "failure", "outcomes", "stored", "runs"),
    [
        case(
            "worker.failure-threshold",
            "TestFailureThreshold",
            READINESS,
            1,
            3,
            "SSSFFFFFSSSFFFFF",
            "sssssfffsssssfff",
            "1231234512312345",
        ),
        case(
            "worker.success-threshold",
            "TestSuccessThreshold",
            READINESS,
            3,
            1,
            "SSSSSFSSSSSF",
            "ffsssfffsssf",
            "123451123451",
        ),
        case(
            "worker.startup-failure-threshold", "TestStartupProbeFailureThreshold", STARTUP, 1, 3, "FFF", "uuf", "120"
        ),
        ("TestStartupProbeSuccessThreshold", STARTUP, 1, 3, "S", "s", "0"),
        case(
            "worker.result-run.liveness", "TestResultRunOnLivenessCheckFailure", LIVENESS, 1, 3, "SFFF", "sssf", "1120"
        ),
        case("worker.result-run.startup", "TestResultRunOnStartupCheckFailure", STARTUP, 1, 3, "FFF", "uuf", "120"),
        case(
            "worker.error-discards-result", "worker.go: an error is discarded", LIVENESS, 1, 1, "SEEF", "sssf", "1110"
        ),
        case(
            "worker.error-does-not-break-streak",
            "worker.go: an error does not break a streak",
            LIVENESS,
            1,
            3,
            "FFEF",
            "sssf",
            "1220",
        ),
        ("worker.go: a failure with an error is an error", LIVENESS, 1, 1, "Seee", "ssss", "1111"),
        ("worker.go: a success breaks a streak", LIVENESS, 1, 3, "FFSFFF", "sssssf", "121120"),
        case(
            "worker.readiness-never-on-hold",
            "worker.go: readiness is never on hold",
            READINESS,
            1,
            1,
            "FFS",
            "ffs",
            "121",
        ),
        ("prober_test.go TestProbe: a warning is a success", READINESS, 1, 1, "W", "s", "1"),
        ("prober_test.go TestProbe: unknown is a failure", LIVENESS, 1, 1, "?", "f", "0"),
        ("worker.go: thresholds below 1 are like 1", READINESS, 0, 0, "SFS", "sfs", "111"),
        ("worker.go: thresholds below 1 are like 1", READINESS, -1, -1, "SFS", "sfs", "111"),
    ],
)
def test_thresholds(
    origin: str,
    probe_type: ProbeType,
    success: int,
    failure: int,
    outcomes: str,
    stored: str,
    runs: str,
    expect: Expect,
) -> None:
    worker = worker_of(probe_type, success, failure)
    seen, counted, holds = "", "", []
    for letter in outcomes:
        decision = worker.step(0.0, running(probe_type), OUTCOMES[letter])
        assert decision.keep_going
        seen += NAMES[decision.stored]
        counted += str(worker.result_run)
        assert worker.on_hold is (worker.result_run == 0)
        holds.append(worker.on_hold)
    assert (seen, counted) == (stored, runs), origin
    words = {letter: stored for stored, letter in NAMES.items()}
    expect(stored_results=[words[letter] for letter in seen], result_run=[int(run) for run in counted], on_hold=holds)


@pytest.mark.parametrize(
    ("probe_type", "third_step_holds"),
    [case("worker.on-hold.liveness", LIVENESS, False), case("worker.on-hold.startup", STARTUP, True)],
)
def test_hold_until_the_container_changes(probe_type: ProbeType, third_step_holds: bool, expect: Expect) -> None:
    """kubelet: prober/worker_test.go TestOnHoldOnLivenessOrStartupCheckFailure."""
    worker = worker_of(probe_type, 1, 1)
    failed = worker.step(0.0, running(probe_type), OUTCOMES["F"])
    holds = [worker.on_hold]
    assert failed.stored is Stored.FAILURE
    assert worker.on_hold

    held = worker.step(1.0, running(probe_type), OUTCOMES["S"])
    assert (held.call_handler, held.keep_going, held.stored, held.changed) == (False, True, Stored.FAILURE, False)
    holds.append(worker.on_hold)
    assert worker.on_hold

    assert worker.step(2.0, running(probe_type, "B")).call_handler
    well = worker.step(2.0, running(probe_type, "B"), OUTCOMES["S"])
    holds.append(worker.on_hold)
    assert well.stored is Stored.SUCCESS
    assert worker.on_hold is third_step_holds
    expect(stored_results=[failed.stored, held.stored, well.stored], on_hold_after_step=holds)


def test_a_hold_hides_even_that_the_container_ended() -> None:
    worker = worker_of(LIVENESS, 1, 1)
    worker.step(0.0, running(LIVENESS), OUTCOMES["F"])
    decision = worker.step(1.0, replace(running(LIVENESS), state="terminated", restartable=False))
    assert (decision.keep_going, decision.changed) == (True, False)


@pytest.mark.parametrize(
    ("version", "probe_type", "letter", "holds"),
    [
        ("1.36", STARTUP, "S", True),
        ("1.36", STARTUP, "F", True),
        ("1.36", LIVENESS, "S", False),
        ("1.36", LIVENESS, "F", True),
        ("1.36", READINESS, "F", False),
        ("1.36", READINESS, "S", False),
        ("1.20", STARTUP, "S", False),
        ("1.20", STARTUP, "F", True),
        ("1.20", LIVENESS, "F", True),
    ],
)
def test_what_puts_a_worker_on_hold(version: str, probe_type: ProbeType, letter: str, holds: bool) -> None:
    """kubelet: prober/worker.go doProbe; older ones hold a startup worker only after its failure."""
    probe = Probe(Exec(("true",)), failure_threshold=1)
    worker = Worker(probe_type, probe, profile=PROFILES[version])
    worker.step(0.0, running(probe_type), OUTCOMES[letter])
    assert worker.on_hold is holds
    assert worker.result_run == (0 if holds else 1)


@pytest.mark.case("worker.streak-survives-self-crash")
def test_a_streak_survives_the_container_that_began_it(expect: Expect) -> None:
    """Derived from kubelet: prober/worker.go doProbe, and measured on 1.20.2 and 1.36.2: only the hold is reset."""
    worker = worker_of(LIVENESS, 1, 3)
    first, second, third = (
        worker.step(float(i), running(LIVENESS, container), OUTCOMES["F"]) for i, container in enumerate("AAB")
    )
    assert [step.stored for step in (first, second, third)] == [Stored.SUCCESS, Stored.SUCCESS, Stored.FAILURE]
    fresh = INITIAL[LIVENESS]
    words = f"{fresh} (initial value for B)"
    expect(stored_results=[first.stored, second.stored, words, third.stored])


@pytest.mark.case("worker.liveness-gated-by-started")
def test_liveness_waits_for_started(expect: Expect) -> None:
    """kubelet: prober/worker_test.go TestLivenessProbeDisabledByStarted."""
    worker = worker_of(LIVENESS, 1, 1)
    early = worker.step(0.0, replace(running(LIVENESS), started=False), OUTCOMES["F"])
    late = worker.step(0.0, running(LIVENESS), OUTCOMES["F"])
    assert (early.stored, late.stored) == (Stored.SUCCESS, Stored.FAILURE)
    expect(stored_results=[early.stored, late.stored])


@pytest.mark.case("worker.handler-panic")
def test_a_handler_that_raises_leaves_the_result_and_the_worker_as_they_are(expect: Expect) -> None:
    """kubelet: prober/worker_test.go TestHandleCrash: no outcome ever comes, and the next look is as any other."""
    worker = worker_of(READINESS, 1, 3)
    well = worker.step(0.0, running(READINESS), OUTCOMES["S"])
    assert worker.step(1.0, running(READINESS)).call_handler
    decision = worker.step(2.0, running(READINESS))
    assert (decision.keep_going, decision.call_handler, decision.stored) == (True, True, Stored.SUCCESS)
    expect(
        keep_going=[well.keep_going, decision.keep_going],
        stored_results=[well.stored, f"{decision.stored} ({'changed' if decision.changed else 'unchanged'})"],
    )


def test_news_is_reported_once() -> None:
    worker = worker_of(READINESS, 1, 1)
    changes = [worker.step(float(i), running(READINESS), OUTCOMES[x]).changed for i, x in enumerate("FFSSFE")]
    assert changes == [True, False, True, False, True, False]


def test_a_worker_is_the_newest_kubelets_by_default() -> None:
    assert worker_of(STARTUP, 1, 1)._profile is NEWEST

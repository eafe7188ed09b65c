"""How long probes take to notice, and that the worker keeps to it."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crashy.kubelet.detection import Bounds, Illness, detection, first_failure, first_probe
from crashy.kubelet.outcome import Outcome, Stored
from crashy.kubelet.worker import ContainerView, Worker
from crashy.objects.pod import Exec, Probe, ProbeType
from tests.kubelet.cases import Expect, case
from tests.kubelet.model import BAD, GOOD, Clocked

HANG, REFUSE = Illness.HANG, Illness.REFUSE


def probe(period: int, timeout: int, threshold: int, delay: int = 0) -> Probe:
    return Probe(
        Exec(("true",)),
        initial_delay_seconds=delay,
        period_seconds=period,
        timeout_seconds=timeout,
        failure_threshold=threshold,
    )


@pytest.mark.parametrize(
    ("period", "timeout", "threshold", "illness", "best", "worst"),
    [
        case("detect.hang.P10.T1.F3", 10, 1, 3, HANG, 21, 31),
        case("detect.refuse.P10.T1.F3", 10, 1, 3, REFUSE, 20, 30),
        case("detect.hang.P10.T5.F3", 10, 5, 3, HANG, 25, 35),
        case("detect.refuse.P10.T5.F3", 10, 5, 3, REFUSE, 20, 30),
        case("detect.hang.P2.T5.F3", 2, 5, 3, HANG, 15, 17),
        case("detect.refuse.P2.T5.F3", 2, 5, 3, REFUSE, 4, 6),
        case("detect.hang.P5.T5.F3", 5, 5, 3, HANG, 15, 20),
        case("detect.refuse.P5.T5.F3", 5, 5, 3, REFUSE, 10, 15),
        case("detect.hang.P1.T1.F1", 1, 1, 1, HANG, 1, 2),
        case("detect.hang.P2.T5.F1", 2, 5, 1, HANG, 5, 7),
        case("detect.refuse.P2.T5.F1", 2, 5, 1, REFUSE, 0, 2),
        case("detect.hang.P1.T3.F3", 1, 3, 3, HANG, 9, 10),
        case("detect.refuse.P1.T3.F3", 1, 3, 3, REFUSE, 2, 3),
        case("detect.hang.P10.T1.F1", 10, 1, 1, HANG, 1, 11),
        case("detect.refuse.P10.T1.F1", 10, 1, 1, REFUSE, 0, 10),
        case("detect.hang.P3.T10.F2", 3, 10, 2, HANG, 20, 23),
        case("detect.refuse.P3.T10.F2", 3, 10, 2, REFUSE, 3, 6),
    ],
)
def test_bounds(
    period: int, timeout: int, threshold: int, illness: Illness, best: float, worst: float, expect: Expect
) -> None:
    """Derived from kubelet: prober/worker.go run and doProbe."""
    bounds = detection(probe(period, timeout, threshold), illness)
    assert bounds == Bounds(best, worst)
    expect(best_s=bounds.best, worst_s=bounds.worst)


def test_illnesses_are_named() -> None:
    assert [str(illness) for illness in Illness] == ["hang", "refuse"]


@pytest.mark.parametrize(
    ("delay", "period", "best", "worst"),
    [(0, 10, 0, 10), (1, 30, 0, 31), (7, 10, 6, 17), (15, 1, 14, 16)],
)
def test_the_first_probe(delay: int, period: int, best: float, worst: float) -> None:
    assert first_probe(probe(period, 1, 3, delay)) == Bounds(best, worst)


@pytest.mark.parametrize(
    ("delay", "illness", "best", "worst"),
    [(0, REFUSE, 20, 30), (0, HANG, 21, 31), (15, REFUSE, 34, 45), (15, HANG, 35, 46)],
)
def test_the_time_that_a_start_may_take(delay: int, illness: Illness, best: float, worst: float) -> None:
    assert first_failure(probe(10, 1, 3, delay), illness) == Bounds(best, worst)


PROBES = st.builds(probe, st.integers(1, 30), st.integers(1, 40), st.integers(1, 6), st.integers(0, 40))
ILLNESS = st.sampled_from(Illness)
FRACTION = st.floats(0, 1, exclude_max=True)
HAIR = 1e-6


def answer(probe: Probe, illness: Illness) -> tuple[Outcome, float]:
    return BAD, float(probe.timeout_seconds) if illness is HANG else 0.0


@given(settings=PROBES, illness=ILLNESS, phase=FRACTION, start=FRACTION)
def test_a_container_that_is_ill_from_its_start_fails_within_the_bounds(
    settings: Probe, illness: Illness, phase: float, start: float
) -> None:
    begun = 100 + start
    clocked = Clocked(
        Worker(ProbeType.LIVENESS, settings),
        phase=begun - phase * settings.period_seconds,
        view=lambda now: ContainerView("A", "running", begun, started=True) if now >= begun else None,
        ask=lambda _: answer(settings, illness),
    )
    bounds = first_failure(settings, illness)
    failed = [at - begun for at, stored in clocked.run(1e4) if stored is Stored.FAILURE]
    assert len(failed) == 1
    assert bounds.best - HAIR <= failed[0] <= bounds.worst + HAIR
    first = first_probe(settings)
    assert first.best - HAIR <= clocked.probed[0] - begun <= first.worst + HAIR


@given(settings=PROBES, illness=ILLNESS, phase=FRACTION, onset=st.floats(0, 300))
def test_a_container_that_falls_ill_fails_within_the_bounds(
    settings: Probe, illness: Illness, phase: float, onset: float
) -> None:
    falls_ill = settings.initial_delay_seconds + settings.period_seconds + onset
    clocked = Clocked(
        Worker(ProbeType.LIVENESS, settings),
        phase=phase * settings.period_seconds,
        view=lambda _: ContainerView("A", "running", 0.0, started=True),
        ask=lambda now: answer(settings, illness) if now >= falls_ill else (GOOD, 0.0),
    )
    bounds = detection(settings, illness)
    failed = [at - falls_ill for at, stored in clocked.run(1e4) if stored is Stored.FAILURE]
    assert len(failed) == 1
    assert bounds.best - HAIR <= failed[0] <= bounds.worst + HAIR
    assert math.isfinite(bounds.worst)


@pytest.mark.parametrize("illness", list(Illness))
@pytest.mark.parametrize(("period", "timeout", "threshold"), [(10, 1, 3), (2, 5, 3), (1, 1, 1), (3, 10, 2)])
def test_the_bounds_are_reached(period: int, timeout: int, threshold: int, illness: Illness) -> None:
    settings = probe(period, timeout, threshold)
    bounds = detection(settings, illness)
    for falls_ill, expected in ((50 * period, bounds.best), (50 * period + HAIR, bounds.worst)):
        clocked = Clocked(
            Worker(ProbeType.LIVENESS, settings),
            phase=0.0,
            view=lambda _: ContainerView("A", "running", 0.0, started=True),
            ask=lambda now, since=falls_ill: answer(settings, illness) if now >= since else (GOOD, 0.0),
        )
        failed = [at for at, stored in clocked.run(1e4) if stored is Stored.FAILURE]
        assert failed[0] - falls_ill == pytest.approx(expected, abs=10 * HAIR)

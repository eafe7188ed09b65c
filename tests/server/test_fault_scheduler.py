"""The thread that starts and ends faults outlives what goes wrong in one of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from crashy.faults.base import parse_spec
from crashy.faults.effects import ProcessEffects
from crashy.server import effects
from crashy.server.effects import listeners_closed, sigterm_ignored
from crashy.server.fault_scheduler import FaultScheduler
from crashy.server.patient import Patient
from tests.server.running import until


def test_an_effect_that_fails_is_said_and_the_next_fault_starts(
    make_patient: Callable[..., Patient], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError("no room")

    begun: list[str] = []
    monkeypatch.setattr(listeners_closed, "begin", fail)
    monkeypatch.setattr(sigterm_ignored, "begin", lambda *_: begun.append("it"))
    patient = make_patient()
    scheduler = FaultScheduler(patient, ProcessEffects(effects, None), lambda: None)
    scheduler.start()
    try:
        patient.inject(parse_spec("freeze mode=deaf"))
        (said,) = until(lambda: [e.message for e in patient.timeline.since() if e.reason == "Limited"], "it is said")
        patient.inject(parse_spec("ignore-sigterm"))
        until(lambda: begun, "the next fault has started")
    finally:
        scheduler.stop()

    assert said == "listeners_closed: failed: no room"

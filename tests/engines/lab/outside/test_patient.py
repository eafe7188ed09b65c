"""A patient takes faults inside; from outside those that say so, or have no other way."""

from __future__ import annotations

from pathlib import Path

from tests.elsewhere import needs_addresses, needs_proc
from tests.engines.lab.outside.labs import Lab, lab, served

pytestmark = [needs_proc, needs_addresses]

PATIENT = {"name": "app", "image": "crashy-app"}


def outside(one: Lab) -> list[str]:
    return [fault.fault.name for fault in one.engine.outside(one.view.pod)]


async def test_both_ways_are_taken_back_together(tmp_path: Path) -> None:
    async with lab(served(PATIENT), tmp_path) as one:
        await one.answers()
        for spec in ("exception", "bandwidth rate=1Mi", "latency delay=1ms via=outside"):
            await one.inject(spec)
        there, answer = outside(one), await one.ask()
        await one.recover()

        assert there == ["bandwidth", "latency"]
        assert answer.status == 500
        assert outside(one) == []
        assert (await one.ask()).status == 200
        assert [reason for reason, _ in one.faults()] == [*["Injected"] * 3, "Recovered"]


async def test_a_freeze_from_outside_stops_its_control_plane_too_and_can_be_taken_back(tmp_path: Path) -> None:
    async with lab(served(PATIENT), tmp_path) as one:
        await one.answers()
        await one.inject("freeze via=outside")
        frozen = await one.ask(0.3)
        await one.recover("freeze")
        await one.answers()

        assert frozen.failure == "timeout"
        assert one.faults() == [("Injected", "freeze via=outside"), ("Recovered", "freeze")]

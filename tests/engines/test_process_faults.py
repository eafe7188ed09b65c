"""Freezes by which an app looks alive, or doesn't: what users and probes see of each, on sim and in the lab."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

import pytest

from crashy.clock import VirtualLoop
from crashy.kubelet.versions import NEWEST
from crashy.timeline import Event
from tests.engines.effects import Seen, at, container, pod, probe, service, watching

INJECTED_AT, LASTS = 6.0, 3.0
SECONDS = INJECTED_AT + LASTS + 3.0


class Frozen(NamedTuple):
    """What is seen meanwhile: how users' requests fail, and whether probes by http and tcp do."""

    users: frozenset[str]
    http: bool
    tcp: bool = False


SILENT = frozenset({"timeout"})
EXPECTED = {
    "freeze mode=loop": Frozen(SILENT, http=True),
    "freeze mode=gil": Frozen(SILENT, http=True),
    "freeze mode=threads": Frozen(SILENT, http=False),
    "freeze mode=deadlock": Frozen(SILENT, http=False),
}


async def _seen(spec: str, on: str) -> Frozen:
    """Freeze a pod under traffic, whose probes ask by http and tcp, and never act."""
    patience = {"failureThreshold": 99}
    app = container(
        readinessProbe=probe("/ready", **patience),
        livenessProbe={"tcpSocket": {"port": 8080}, "periodSeconds": 1, **patience},
    )
    steps = [at(INJECTED_AT, "inject", f"{spec} for={LASTS:g}s", "web")]
    traffic = {"service": "web", "rate": 10, "timeout": "1s"}
    events: list[Event] = await watching(
        [pod("web", app), service("web")], steps, SECONDS, on=on, profile=NEWEST, traffic=traffic
    )
    seen = Seen(events, "web")
    after = [one for one in events if one.kind == "request" and one.t > INJECTED_AT + LASTS + 2]

    assert len(seen.of("process", "Exited")) == 0
    assert after
    assert all(one.data["ok"] for one in after), "it goes on once the fault has ended"
    failed = {one.message.partition(" probe")[0] for one in seen.of("event", "Unhealthy", after=INJECTED_AT)}
    failures = {one.data["failure"] for one in events if one.kind == "request"} - {""}
    return Frozen(frozenset(failures), http="Readiness" in failed, tcp="Liveness" in failed)


@pytest.mark.parametrize("spec", EXPECTED)
def test_what_is_seen_of_a_freeze_on_sim(spec: str) -> None:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        assert runner.run(_seen(spec, "sim")) == EXPECTED[spec]


@pytest.mark.slow
def test_so_it_is_seen_in_the_lab() -> None:
    async def side_by_side() -> list[Frozen]:
        return await asyncio.gather(*(_seen(spec, "lab") for spec in EXPECTED))

    assert dict(zip(EXPECTED, asyncio.run(side_by_side()), strict=True)) == EXPECTED

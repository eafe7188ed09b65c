"""A pod is deleted under traffic, in each way that SHUTDOWN may name: what users see of it, on sim and in the lab."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from typing import NamedTuple

import pytest

from crashy.clock import VirtualLoop
from crashy.kubelet.versions import NEWEST
from crashy.patient.shutdown import SHUTDOWNS
from crashy.timeline import Event
from tests.engines.effects import Seen, at, container, pod, probe, service, watching

GRACE = 4
DELETED_AT = 7.0  # a busy machine takes some seconds until users come
SECONDS = DELETED_AT + GRACE + 2
SLOW_ANSWERS = "latency delay=1s routes=/"
LATE = replace(NEWEST, propagation=(0.6, 0.8))  # the Service hears of the deletion so many seconds later


class Ends(NamedTuple):
    """How a pod's end goes: its exit code, least and most seconds from its deletion, users' failures, last words."""

    code: int
    least: float
    most: float
    failures: frozenset[str]
    summary: str = ""


EXPECTED = {
    # Who comes late is answered a second later, and half a second later it is quiet.
    "readiness-first": Ends(0, 1.5, GRACE, frozenset(), r"[1-9]\d* requests in flight, [1-9]\d* late .*, 0 dropped"),
    "listener-first": Ends(0, 0.0, GRACE, frozenset({"reset"}), r"[1-9]\d* requests in flight, 0 late .*, 0 dropped"),
    "instant": Ends(0, 0.0, GRACE, frozenset({"reset"}), r"[1-9]\d* requests in flight, 0 late .* 0 finished, [1-9].*"),
    "ignore": Ends(137, GRACE, GRACE + 2, frozenset()),
    "slow": Ends(137, GRACE, GRACE + 2, frozenset()),
    "ignore-sigterm": Ends(137, GRACE, GRACE + 2, frozenset()),
    "slow-drain": Ends(137, GRACE, GRACE + 2, frozenset()),
    "slow-drain by=500ms": Ends(
        0, 2.0, GRACE, frozenset(), r"[1-9]\d* requests in flight, [1-9]\d* late .*, 0 dropped"
    ),
}
"""By the SHUTDOWN that the pod has, or the fault."""
IN_THE_LAB = ("readiness-first", "listener-first", "instant", "ignore", "slow-drain by=500ms")


async def _deleted(way: str, on: str) -> list[Event]:
    """Run two pods under traffic, and delete the one with this SHUTDOWN or fault."""
    pods = []
    own = {"SHUTDOWN": way} if way in SHUTDOWNS else {"FAULTS": f"{SLOW_ANSWERS}; {way}"}
    for name, variables in (("web-1", own), ("web-2", {})):
        app = container(env={"FAULTS": SLOW_ANSWERS, **variables}, readinessProbe=probe("/ready"))
        pods.append(made := pod(name, app, terminationGracePeriodSeconds=GRACE))
        made["metadata"]["labels"] = {"app": "web"}
    traffic = {"service": "web", "rate": 20, "timeout": "3s"}
    steps = [at(DELETED_AT, "delete", "pod", "web-1")]
    return await watching([*pods, service("web")], steps, SECONDS, on=on, profile=LATE, traffic=traffic)


def _as_expected(way: str, events: list[Event]) -> None:
    expected, seen = EXPECTED[way], Seen(events, "web-1")
    (exited,) = seen.of("process", "Exited")
    (killing,) = seen.of("event", "Killing")
    summaries = [found[1] for one in seen.of("log") if (found := re.search("SIGTERM: (.* dropped)", one.message))]

    assert exited.data["exit_code"] == expected.code
    assert expected.least <= exited.t - killing.t <= expected.most
    assert {one.data["failure"] for one in events if one.kind == "request"} - {""} == expected.failures
    assert len(summaries) == bool(expected.summary)
    assert all(re.fullmatch(expected.summary, one) for one in summaries), summaries


@pytest.mark.parametrize("way", EXPECTED)
def test_what_a_shutdown_costs_on_sim(way: str) -> None:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        _as_expected(way, runner.run(_deleted(way, "sim")))


def test_every_way_to_end_is_there() -> None:
    assert {*SHUTDOWNS} <= {*EXPECTED}


@pytest.mark.slow
def test_so_it_costs_in_the_lab() -> None:
    async def side_by_side() -> list[list[Event]]:
        return await asyncio.gather(*(_deleted(way, "lab") for way in IN_THE_LAB))

    for way, events in zip(IN_THE_LAB, asyncio.run(side_by_side()), strict=True):
        _as_expected(way, events)

"""Connections that are decided as a whole: what acts on them, beside what, and for how long."""

from __future__ import annotations

import pytest

from crashy.faults.effects import Bandwidth, Delay, LateClose
from crashy.faults.scope import CONNECTION, Request
from tests.faults.patients import USER, FakePatient

WHOLE = Request(CONNECTION, "")


def test_what_slows_a_connection_composes_and_says_by_which_fault() -> None:
    patient = FakePatient(
        "latency delay=1s", "bandwidth rate=9", "slow-close delay=2s", "latency delay=3s", way="outside"
    )

    effect = patient.ask(WHOLE)

    assert [(fault.id, shape) for fault, shape in effect.shapes] == [
        ("f1", Delay(1)),
        ("f2", Bandwidth(9)),
        ("f3", LateClose(2)),
        ("f4", Delay(3)),
    ]
    assert [fault.id for fault in effect.holders] == ["f1", "f2", "f3", "f4"]


def test_a_delay_of_a_request_is_no_shape_and_holds_nothing() -> None:
    patient = FakePatient("latency delay=1s", "bandwidth rate=9", way="outside")

    effect = patient.ask()

    assert [(fault.id, delay.seconds) for fault, delay in effect.delays] == [("f1", 1)]
    assert (effect.delay, [fault.id for fault in effect.holders]) == (1, ["f2"])


def test_a_fault_that_answers_leaves_the_shapes() -> None:
    patient = FakePatient("reset", "latency delay=1s", way="outside")

    effect = patient.ask(WHOLE)

    assert (effect.by and effect.by.id, [fault.id for fault, _ in effect.shapes]) == ("f1", ["f2"])


@pytest.mark.parametrize("spec", ["latency", "bandwidth", "slow-close", "blackhole", "freeze mode=hang", "drip rate=1"])
def test_times_end_with_the_last_connection_that_is_let_go(spec: str) -> None:
    patient = FakePatient(f"{spec} times=2", way="outside")
    held = [patient.ask(WHOLE) for _ in range(3)]
    (fault,) = patient.faults.list()

    for effect in held[:2]:
        assert fault.state == "active"
        for holder in effect.holders:
            patient.faults.release(holder)

    assert (fault.state, fault.hits) == ("ended", 2)


def test_a_connection_is_decided_by_each_fault_once() -> None:
    patient = FakePatient("latency delay=1s", "bandwidth after=5s", way="outside")
    first, since = patient.ask(WHOLE), patient.faults.started
    patient.at(5)
    third = patient.inject("slow-close")

    again = patient.faults.on_request(WHOLE, since)

    assert [fault.id for fault, _ in first.shapes] == ["f1"]
    assert [fault.id for fault, _ in again.shapes] == ["f2", third.id]
    assert [fault.seen for fault in patient.faults.list()] == [1, 1, 1]


@pytest.mark.parametrize(
    "spec",
    ["error", "redirect", "corrupt", "stall-body", "slow-headers", "drip", "unready", "rate-limit", "latency routes=/"],
)
def test_what_needs_requests_leaves_connections_alone(spec: str) -> None:
    patient = FakePatient(spec, way="outside")

    effect = patient.ask(WHOLE)

    assert (effect.by, effect.shapes, effect.hang) == (None, (), None)
    assert patient.faults.list()[0].seen == 0


def test_users_connections_are_not_the_kubelets() -> None:
    patient = FakePatient("latency", "bandwidth clients=kubelet", "slow-close clients=all", way="outside")

    assert [fault.id for fault, _ in patient.ask(WHOLE).shapes] == ["f1", "f3"]
    assert [fault.id for fault, _ in patient.ask(WHOLE._replace(client="kubelet")).shapes] == ["f2", "f3"]
    assert [fault.id for fault, _ in patient.ask(USER).delays] == ["f1"]

"""The faults of probes: by which protocols each fails, and how one fails in turns."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crashy.faults.base import parse_spec
from crashy.faults.effects import Begin, End, ListenersClosed
from crashy.faults.health import Health
from crashy.faults.kinds.flap import Flap
from crashy.faults.scope import PROTOCOLS, Protocol, Request, Scope
from crashy.fields.sizes import Share
from crashy.grpc import CHECK
from tests.faults.patients import FakePatient

READINESS: dict[Protocol, Request] = {
    "http": Request("GET", "/readyz", "kubelet", "readiness"),
    "grpc": Request("POST", CHECK, "kubelet", "readiness"),
    "exec": Request("EXEC", "curl", "kubelet", "readiness"),
}
CLOSED = ListenersClosed(grpc=False)


@pytest.mark.parametrize(
    ("spec", "fails"),
    [
        ("unready", {"http", "grpc", "exec"}),
        ("unready protocols=http", {"http"}),
        ("unready protocols=exec,grpc", {"grpc", "exec"}),
        ("unready protocols=tcp", {"tcp"}),
        ("crash mode=errors", {"http", "grpc", "exec"}),
        ("unready clients=users", set()),
        ("unready methods=GET", {"http", "exec"}),
        ("unlive", set()),
    ],
)
def test_readiness_fails_by_the_protocols_that_a_fault_names(spec: str, fails: set[str]) -> None:
    patient = FakePatient(spec)

    assert {protocol for protocol in PROTOCOLS if not patient.faults.health(protocol).readiness} == fails
    assert patient.faults.health().readiness == (not fails)


@pytest.mark.parametrize("protocols", ["http", "grpc", "exec", "http,exec", "http,grpc,exec,tcp"])
def test_only_those_who_ask_so_are_answered_so(protocols: str) -> None:
    patient = FakePatient(f"unready protocols={protocols}")

    answered = {protocol for protocol, request in READINESS.items() if patient.ask(request).response}

    assert answered == set(protocols.split(",")) - {"tcp"}


@pytest.mark.parametrize(
    ("fault", "probe"), [("unstarted", "startup"), ("unready", "readiness"), ("unlive", "liveness")]
)
def test_each_fails_its_own_probe_alone(fault: str, probe: str) -> None:
    assert FakePatient(fault).faults.health() == Health()._replace(**{probe: False})


def test_by_tcp_the_listeners_are_closed_while_the_fault_lasts() -> None:
    patient = FakePatient("unlive protocols=tcp,http after=1s for=10s")

    assert patient.at(0) == []
    assert patient.at(1) == [Begin(CLOSED, 11)]
    assert patient.at(11) == [End(CLOSED)]


def test_a_flap_fails_and_succeeds_in_turns_from_its_start_on() -> None:
    patient = FakePatient("flap period=10s duty=30% after=1s for=24s")
    seen = {}
    for tenths in range(300):
        patient.at(tenths / 10)
        seen[tenths / 10] = patient.faults.health().readiness

    fails = [time for time, ready in seen.items() if not ready]
    assert fails == [t for t in seen if 1 <= t < 4 or 11 <= t < 14 or 21 <= t < 24]
    assert patient.states() == []


def test_at_each_edge_something_is_due() -> None:
    patient = FakePatient("flap period=10s duty=25% for=20s")
    edges = []
    while (due := patient.faults.next_change()) is not None:
        patient.at(due)
        edges.append((due, patient.faults.health().readiness))

    assert edges == [(2.5, True), (10, False), (12.5, True), (20, True)]


def test_requests_in_the_good_part_are_neither_hit_nor_counted() -> None:
    patient = FakePatient("flap period=10s times=2")
    answers = []
    for second in range(0, 22, 2):
        patient.at(second)
        answers.append(patient.ask(READINESS["http"]).response is not None)

    assert answers == [True, True, *[False] * 9]
    assert patient.states() == []


def test_by_tcp_a_flap_closes_and_opens_the_listeners() -> None:
    patient = FakePatient("flap probe=liveness period=10s protocols=tcp")

    assert [patient.at(second) for second in (0, 4, 5, 9, 10, 15)] == [
        [Begin(CLOSED)],
        [],
        [End(CLOSED)],
        [],
        [Begin(CLOSED)],
        [End(CLOSED)],
    ]
    assert patient.faults.health() == Health()
    patient.at(20)
    patient.faults.recover()
    assert patient.at(21) == [End(CLOSED)]


def test_with_all_of_each_period_it_always_fails() -> None:
    patient = FakePatient("flap period=10s duty=100%")

    assert patient.faults.next_change() is None
    assert not patient.faults.health().readiness


@given(
    start=st.floats(0, 1e6),
    period=st.floats(0.1, 86_400),
    percent=st.integers(1, 99),
    later=st.floats(0, 1e6),
)
def test_the_next_edge_is_always_later_and_changes_the_side(
    start: float, period: float, percent: int, later: float
) -> None:
    flap = Flap(period=period, duty=Share(float(percent)), scope=Scope())
    now = start + later

    fails, edge = flap.turns(start, now)

    assert edge is not None
    assert now < edge <= now + period * 1.001
    assert flap.turns(start, edge)[0] is not fails


@pytest.mark.parametrize(
    "spec", [f"{fault} protocols={by}" for fault, by in product(("unready", "flap"), ("grpc", "http,tcp"))]
)
def test_the_protocols_are_written_as_they_are_read(spec: str) -> None:
    assert parse_spec(spec).to_spec() == spec

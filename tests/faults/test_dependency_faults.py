"""The faults of dependencies: which looks they are about, and what becomes of these."""

from __future__ import annotations

import pytest

from crashy.faults.effects import LookEffect
from crashy.faults.health import Health
from crashy.faults.scope import Look
from tests.faults.patients import READY, USER, FakePatient

CACHE = Look("cache.shop", 6379, "cache")
REFUSED = LookEffect(failure="Connection refused")
NOTHING = LookEffect()


@pytest.mark.parametrize(
    ("names", "hit"),
    [
        ("", True),
        (" names=cache", True),
        (" names=cache.shop", True),
        (" names=cache.shop:6379", True),
        (" names=db,*.shop", True),
        (" names=db", False),
        (" names=cache:6379", False),
    ],
)
def test_a_fault_is_about_those_that_it_names(names: str, hit: bool) -> None:
    assert FakePatient(f"dependency-down{names}").faults.on_look(CACHE) == (REFUSED if hit else NOTHING)


@pytest.mark.parametrize(
    ("spec", "connection", "lookup"),
    [
        ("dependency-down", REFUSED, NOTHING),
        ("dependency-slow delay=2s", LookEffect(delay=2.0), NOTHING),
        ("dns-failure", NOTHING, LookEffect(failure="Temporary failure in name resolution")),
        ("dns-failure mode=unknown", NOTHING, LookEffect(failure="Name or service not known")),
    ],
)
def test_lookups_and_connections_are_told_apart(spec: str, connection: LookEffect, lookup: LookEffect) -> None:
    patient = FakePatient(spec)

    assert patient.faults.on_look(CACHE) == connection
    assert patient.faults.on_look(CACHE._replace(lookup=True, name="")) == lookup


def test_delays_add_up_until_one_fails() -> None:
    patient = FakePatient("dependency-slow delay=1s", "dependency-slow delay=2s", "dependency-down")

    assert patient.faults.on_look(CACHE) == LookEffect(3.0, "Connection refused")


def test_looks_are_counted_as_the_scope_says() -> None:
    patient = FakePatient("dependency-down every=2 times=2 after=1s")
    seen = [patient.faults.on_look(CACHE).failure]
    patient.at(1)
    seen += [patient.faults.on_look(CACHE).failure for _ in range(6)]

    assert [bool(failure) for failure in seen] == [False, False, True, False, True, False, False]
    assert patient.states() == []


def test_no_request_and_no_probe_is_touched() -> None:
    patient = FakePatient("dependency-down", "dependency-slow", "dns-failure")

    assert patient.answers(2) == patient.answers(2, READY) == [None, None]
    assert patient.ask(USER).delay == 0
    assert patient.faults.health() == Health()


@pytest.mark.parametrize("scope", ["routes=/x", "methods=GET", "clients=users"])
def test_one_that_selects_requests_hits_no_look(scope: str) -> None:
    assert FakePatient(f"dependency-down {scope}").faults.on_look(CACHE) == NOTHING

"""What each kind of fault does to a request that it hits."""

import random

import pytest

from crashy.faults.base import parse_spec
from crashy.faults.effects import InjectedResponse
from tests.faults.patients import LIVE, READY, USER, FakePatient


def test_an_app_that_crashed_with_errors_answers_500_everywhere_and_knows_since_when() -> None:
    patient = FakePatient("crash mode=errors after=5s")
    assert patient.answers(1) == [None]

    patient.time = 7.85

    for request in (USER, READY, LIVE):
        effect = patient.ask(request)
        assert effect.response == InjectedResponse(500)
        assert effect.by is not None
        assert (effect.by.fault.name, effect.by.starts_at) == ("crash", 5)


def test_unready_answers_the_readiness_probe_alone() -> None:
    patient = FakePatient("unready")

    assert patient.ask(READY).response == InjectedResponse(503)
    assert patient.answers(1, LIVE) + patient.answers(1) == [None, None]


def test_unlive_answers_the_liveness_probe_alone() -> None:
    patient = FakePatient("unlive")

    assert patient.ask(LIVE).response == InjectedResponse(500)
    assert patient.answers(1, READY) + patient.answers(1) == [None, None]


def test_an_error_says_what_it_was_reported_to() -> None:
    assert FakePatient("error code=418 body=teapot").ask().response == InjectedResponse(418, "teapot")
    assert FakePatient("error").ask().response == InjectedResponse(500)


def test_weights_are_shares() -> None:
    answers = FakePatient("error code=500:3,503:1").answers(10_000)

    assert answers.count(500) == pytest.approx(7500, abs=150)
    assert answers.count(503) == pytest.approx(2500, abs=150)


@pytest.mark.parametrize("spec", ["latency delay=100ms..2s seed=7", "error code=500:3,503:1 seed=7"])
def test_what_is_drawn_repeats_with_its_seed(spec: str) -> None:
    one, two = FakePatient(spec, seed=1), FakePatient(spec, seed=2)

    assert [(one.ask().delay, one.answers(1)) for _ in range(50)] == [
        (two.ask().delay, two.answers(1)) for _ in range(50)
    ]


def test_latency_delays_by_what_is_drawn() -> None:
    delays = {FakePatient("latency delay=100ms..2s", seed=seed).ask().delay for seed in range(100)}

    assert len(delays) == 100
    assert 0.1 <= min(delays) < 0.3
    assert 1.8 < max(delays) <= 2


def test_a_hang_holds_requests_until_it_ends_and_not_only_until_its_times_are_used_up() -> None:
    patient = FakePatient("freeze mode=hang times=2 for=1m")

    held = [patient.ask().hang for _ in range(3)]
    assert [active and active.state for active in held] == ["active", "active", None]
    patient.at(60)

    assert [active and active.state for active in held] == ["ended", "ended", None]


def test_a_faults_draws_come_from_the_source_that_is_handed_in() -> None:
    fault = parse_spec("latency delay=0s..1h")

    assert fault.on_request(USER, random.Random(3)) == fault.on_request(USER, random.Random(3))


def test_a_fault_is_described_with_where_it_stands() -> None:
    patient = FakePatient("freeze routes=/a after=5s for=1m")
    patient.inject("unready after=5s for=1m")
    patient.inject("error")
    patient.time = 1.5

    described = [active.to_json(1.5) for active in patient.faults.list()]

    assert described[1] == {
        "id": "f2",
        "state": "pending",
        "source": "admin",
        "spec": "unready after=5s for=1m",
        "trap": False,
        "starts_in": 3.5,
        "ends_in": 63.5,
        "seen": 0,
        "hits": 0,
        "fault": "unready",
        "after": "5s",
        "for": "1m",
    }
    assert (described[0]["trap"], described[0]["starts_in"], described[0]["ends_in"]) == (True, 3.5, None)
    assert (described[2]["state"], described[2]["starts_in"], described[2]["ends_in"]) == ("active", None, None)

"""What is remembered of which faults match a request changes nothing of what happens to it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crashy.faults import matching
from crashy.faults.injected import RequestEffect
from crashy.faults.scope import Request
from tests.faults.patients import LIVE, READY, USER, FakePatient

REQUESTS = (USER, READY, LIVE, Request("POST", "/a"), Request("GET", "/a", headers=(("x", "1"),)), Request("GET", "/b"))
SPECS = (
    "error",
    "error code=503 routes=/a times=2",
    "error headers=x=1 code=418",
    "latency delay=0s..1s after=1s for=2s",
    "latency every=2 clients=all",
    "unready for=1500ms",
    "freeze mode=loop routes=/a times=2 for=1s",
    "flap period=700ms",
    "crash mode=errors after=2s p=0.5",
)
STEPS = st.lists(
    st.one_of(
        st.sampled_from(SPECS).map(lambda spec: ("inject", spec)),
        st.sampled_from(["all", "error", "latency"]).map(lambda name: ("recover", name)),
        st.sampled_from([0.1, 0.5, 1.0]).map(lambda seconds: ("wait", seconds)),
        st.sampled_from(REQUESTS).map(lambda request: ("ask", request)),
    ),
    max_size=40,
)


def followed(steps: list[tuple[str, object]], *, forgetful: bool) -> list[object]:
    """Return what a patient does in these steps; a `forgetful` one works out each time which faults match."""
    patient = FakePatient()
    told: list[object] = []
    for what, given_ in steps:
        match what, given_:
            case "inject", str(spec):
                patient.inject(spec)
            case "recover", str(name):
                patient.faults.recover(None if name == "all" else name)
            case "wait", float(seconds):
                patient.time += seconds
            case "ask", Request() as request:
                if forgetful:
                    patient.faults.matching.changed()
                else:
                    spared = patient.faults.spares(request.sort)
                    before = [(active.id, active.seen) for active in patient.faults.list()]
                effect = patient.ask(request)
                told.append((effect.delay, effect.hang and effect.hang.id, effect.response, effect.commands))
                if not forgetful and spared:
                    assert effect._replace(commands=()) == RequestEffect()
                    assert [(active.id, active.seen) for active in patient.faults.list()] == before
        told.append([(active.id, active.state, active.seen, active.hits) for active in patient.faults.list()])
    return told


@given(STEPS)
def test_a_patient_that_remembers_does_what_one_without_memory_does(steps: list[tuple[str, object]]) -> None:
    assert followed(steps, forgetful=False) == followed(steps, forgetful=True)


def test_a_request_that_none_matches_is_spared_until_a_fault_comes_starts_or_ends() -> None:
    patient = FakePatient("error routes=/a after=10s")
    spared = []

    def note() -> None:
        spared.append(patient.faults.spares(USER.sort))

    note()  # not known yet
    patient.ask()
    note()
    patient.inject("unready")
    note()
    patient.ask()
    note()
    patient.time = 10.0  # the first one starts, though nobody has noticed
    note()
    patient.ask()
    note()
    patient.faults.recover("unready")
    note()

    assert spared == [False, True, False, True, False, True, False]


def test_a_request_that_one_matches_is_never_spared_though_its_headers_differ() -> None:
    patient = FakePatient("error headers=x=1")

    assert patient.answers(2) == [None, None]
    assert not patient.faults.spares(USER.sort)
    assert patient.answers(1, USER._replace(headers=(("X", "1"),))) == [500]


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matching, "MAX_SORTS", 5)
    patient = FakePatient("error routes=/7")

    answers = [patient.answers(1, Request("GET", f"/{number}"))[0] for number in (*range(20), *range(20))]

    assert answers == [500 if number == 7 else None for number in (*range(20), *range(20))]
    assert sum(patient.faults.spares(Request("GET", f"/{number}").sort) for number in range(20)) <= 5

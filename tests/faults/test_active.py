import random
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crashy.faults.active import MAX_ENDED, MAX_LIVE, FaultSet, Tally
from crashy.faults.base import FAULTS as FAULTS_BY_NAME
from crashy.faults.base import Fault, FaultError
from crashy.faults.injected import RequestEffect
from crashy.faults.kinds.error import Error
from crashy.faults.kinds.unready import Unready
from crashy.faults.scope import Request, Scope
from tests.faults.patients import LIVE, READY, USER, FakePatient
from tests.faults.strategies import FAULTS

TIMES = st.integers(0, 10_000).map(lambda ms: ms / 1000)
PROBABILITIES = st.floats(0, 1)


# --- when: after, jitter, for


@given(after=TIMES, length=TIMES.filter(bool), at=TIMES)
def test_a_fault_holds_from_its_start_until_just_before_its_end(after: float, length: float, at: float) -> None:
    patient = FakePatient()
    patient.faults.inject(Error(scope=Scope(after=after, for_=length)))

    patient.time = at

    assert (patient.ask().response is not None) is (after <= at < after + length)


@given(jitter=TIMES, seed=st.integers())
def test_jitter_puts_off_the_start_by_less_than_itself(jitter: float, seed: int) -> None:
    patient = FakePatient(seed=seed)
    active = patient.faults.inject(Error(scope=Scope(after=5, jitter=jitter, for_=2)))

    assert 5 <= active.starts_at <= 5 + jitter
    assert active.starts_at < 5 + jitter or not jitter
    assert active.ends_at == active.starts_at + 2


def test_a_fault_tells_of_its_injection_its_start_and_its_end() -> None:
    patient = FakePatient("unready after=2s for=3s")

    for second in range(7):
        patient.at(second)

    assert patient.changes == [(0, "Injected", "f1"), (2, "Started", "f1"), (5, "Ended", "f1")]


def test_what_is_due_at_once_is_started_and_ended_in_the_order_of_time() -> None:
    patient = FakePatient("error after=9s", "unready after=2s for=3s", "unlive after=4s")

    patient.at(60)

    assert [(reason, name) for _, reason, name in patient.changes[3:]] == [
        ("Started", "f2"),
        ("Started", "f3"),
        ("Ended", "f2"),
        ("Started", "f1"),
    ]


def test_a_fault_without_an_end_stays_until_it_is_recovered() -> None:
    patient = FakePatient("unready")

    patient.at(1e9)

    assert patient.states() == ["active"]
    assert patient.faults.next_change() is None


def test_the_next_change_is_the_next_start_or_end_of_what_still_lives() -> None:
    patient = FakePatient("unready after=5s for=10s", "error after=7s")

    changes = []
    while (due := patient.faults.next_change()) is not None:
        changes.append(due)
        patient.at(due)
    assert changes == [5, 7, 15]

    patient.inject("error for=1s")
    patient.inject("error for=2s")
    patient.faults.recover("f3")
    assert patient.faults.next_change() == 17


# --- which requests: every, p, times


@given(times=st.integers(1, 20), requests=st.integers(0, 40))
def test_times_is_never_exceeded(times: int, requests: int) -> None:
    patient = FakePatient(f"error times={times}")

    answers = patient.answers(requests)

    assert answers == ([500] * times + [None] * requests)[:requests]
    assert patient.states() == (["active"] if requests < times else [])


@given(every=st.integers(1, 10), requests=st.integers(0, 40))
def test_every_hits_each_nth_request_exactly(every: int, requests: int) -> None:
    patient = FakePatient(f"error every={every}")

    answers = patient.answers(requests)

    assert answers == [500 if number % every == 0 else None for number in range(1, requests + 1)]


@pytest.mark.parametrize(("p", "answer"), [(0, None), (1, 500)])
def test_a_probability_of_nothing_never_hits_and_of_one_always(p: int, answer: int | None) -> None:
    assert FakePatient(f"error p={p}").answers(1000) == [answer] * 1000


def test_a_probability_is_the_share_of_requests_that_are_hit() -> None:
    assert FakePatient("error p=0.3").answers(10_000).count(500) == pytest.approx(3000, abs=150)


@given(every=st.integers(1, 5), p=PROBABILITIES, times=st.integers(1, 5), seed=st.integers())
def test_times_counts_the_hits_that_every_and_p_have_left(every: int, p: float, times: int, seed: int) -> None:
    patient = FakePatient(seed=seed)
    active = patient.faults.inject(Error(scope=Scope(every=every, p=p, times=times)))

    hits = [number for number, answer in enumerate(patient.answers(100), 1) if answer]

    assert len(hits) == active.hits <= times
    assert all(number % every == 0 for number in hits)
    assert active.seen == (hits[-1] if active.state == "ended" else 100)


def test_requests_that_a_fault_does_not_meet_move_nothing() -> None:
    patient = FakePatient("error routes=/a every=2 times=1")

    assert patient.answers(5) == [None] * 5
    assert patient.answers(3, Request("GET", "/a")) == [None, 500, None]


# --- seeds


@given(p=PROBABILITIES, seed=st.integers(0, 2**53 - 1), other=st.integers(), noise=st.integers(0, 5))
def test_a_seed_makes_a_fault_decide_the_same_whatever_else_is_drawn(
    p: float, seed: int, other: int, noise: int
) -> None:
    fault = Error(scope=Scope(p=p, seed=seed, jitter=3))
    alone, crowded = FakePatient(), FakePatient(*["latency delay=1s..2s p=0.5"] * noise, seed=other)

    one, two = alone.faults.inject(fault), crowded.faults.inject(fault)
    alone.time = crowded.time = 10

    assert one.starts_at == two.starts_at
    assert alone.answers(30) == crowded.answers(30)


def test_a_seed_changes_nothing_for_the_faults_after_it() -> None:
    with_seed, without = FakePatient("error p=0.5 seed=7"), FakePatient("error p=0.5")

    jittered = [patient.inject("unready jitter=1h").starts_at for patient in (with_seed, without)]

    assert jittered[0] == jittered[1]


def test_faults_without_a_seed_decide_each_for_itself() -> None:
    starts = {active.starts_at for active in FakePatient(*["unready jitter=1h"] * 10).faults.list()}

    assert len(starts) == 10


# --- recovery


@given(st.lists(FAULTS.filter(lambda fault: "inside" in fault.ways), max_size=8), TIMES)
def test_recovery_ends_everything_and_leaves_a_healthy_patient(faults: list[Fault], at: float) -> None:
    patient = FakePatient()
    for fault in faults:
        patient.faults.inject(fault)
    patient.at(at)
    for request in (USER, READY, LIVE):
        patient.ask(request)

    live = patient.faults.list()
    assert patient.faults.recover() == live
    patient.faults.tick()

    assert patient.faults.recover() == []
    assert patient.faults.list() == []
    assert patient.faults.next_change() is None
    assert patient.healthy() == {"startup", "readiness", "liveness"}
    assert [patient.ask(request) for request in (USER, READY, LIVE)] == [RequestEffect()] * 3
    assert patient.at(1e6) == []


def test_faults_of_one_name_end_together() -> None:
    patient = FakePatient("error", "unready", "error after=1h")

    assert [active.id for active in patient.faults.recover("error")] == ["f1", "f3"]
    assert [active.id for active in patient.faults.list()] == ["f2"]


def test_recovering_one_leaves_the_others_and_cancels_what_is_pending() -> None:
    patient = FakePatient("unready after=5s", "unlive")

    assert [active.id for active in patient.faults.recover("f1")] == ["f1"]
    assert patient.faults.recover("f1") == patient.faults.recover("f9") == []
    patient.at(10)

    assert patient.healthy() == {"startup", "readiness"}
    assert patient.changes == [
        (0, "Injected", "f1"),
        (0, "Injected", "f2"),
        (0, "Started", "f2"),
        (0, "Recovered", "f1"),
    ]


def test_a_fault_that_has_ended_can_still_be_read() -> None:
    patient = FakePatient("unready for=5s", "unlive")
    patient.at(9)

    ended = patient.faults.get("f1")

    assert ended is not None
    assert (ended.state, ended.ends_at) == ("ended", 5)
    assert patient.faults.ended() == [ended]
    assert [active.id for active in patient.faults.list()] == ["f2"]
    assert patient.faults.get("f9") is None


def test_a_set_is_bounded() -> None:
    patient = FakePatient(*["unready"] * MAX_LIVE)

    with pytest.raises(FaultError, match="fault: 1000 faults are pending or active: recover some first"):
        patient.inject("unready")
    patient.faults.recover()

    assert [active.id for active in patient.faults.ended()][:: MAX_ENDED - 1] == ["f901", "f1000"]
    assert patient.inject("unready").id == "f1001"


# --- the tally


def test_the_tally_counts_what_is_active_what_has_started_and_whom_it_hit() -> None:
    patient = FakePatient("error times=2", "error after=1m", "freeze mode=loop routes=/ times=2 for=1s")

    patient.answers(3)

    tally = patient.faults.tally()
    assert set(tally) == set(FAULTS_BY_NAME)
    assert tally["error"] == Tally(active=0, starts=1, hits=2)  # the third request no longer matched it
    assert tally["freeze"] == Tally(active=1, starts=1, hits=1)  # triggered by the first request
    assert tally["latency"] == Tally(0, 0, 0)

    patient.at(61)

    assert patient.faults.tally()["error"] == Tally(1, 2, 2)
    assert patient.faults.tally()["freeze"].active == 0


def test_the_tally_keeps_what_has_fallen_off_the_list_of_those_that_ended() -> None:
    patient = FakePatient()
    for _ in range(MAX_ENDED + 5):
        patient.inject("error times=1")
        patient.ask()

    assert len(patient.faults.ended()) == MAX_ENDED
    assert patient.faults.tally()["error"] == Tally(0, MAX_ENDED + 5, MAX_ENDED + 5)


# --- several on one request


@pytest.mark.parametrize(
    ("specs", "request_", "delay", "hang", "by"),
    [
        (["error", "freeze mode=hang"], USER, 0, "f2", None),
        (["latency delay=1s", "freeze mode=hang", "freeze mode=hang"], USER, 0, "f2", None),
        (["latency delay=1s", "latency delay=500ms"], USER, 1.5, None, None),
        (["error", "latency delay=1s"], USER, 1, None, "f1"),
        (["error code=503", "error code=500"], USER, 0, None, "f1"),
        (["error", "crash mode=errors"], USER, 0, None, "f2"),
        (["unready", "crash mode=errors"], READY, 0, None, "f2"),
        (["error routes=/ready", "unready"], READY, 0, None, "f2"),
        (["error routes=/live", "unlive", "latency delay=2s clients=kubelet"], LIVE, 2, None, "f2"),
        (["unlive routes=/ready", "unready"], READY, 0, None, "f1"),
        (["error p=0", "error"], USER, 0, None, "f2"),
        (["freeze mode=hang p=0", "error"], USER, 0, None, "f2"),
        (["unready", "unlive"], USER, 0, None, None),
    ],
)
def test_faults_compose_by_hang_then_delays_then_the_first_answer(
    specs: list[str], request_: Request, delay: float, hang: str | None, by: str | None
) -> None:
    effect = FakePatient(*specs).ask(request_)

    assert effect.delay == delay
    assert effect.hang is None if hang is None else effect.hang is not None and effect.hang.id == hang
    assert effect.by is None if by is None else effect.by is not None and effect.by.id == by
    assert (effect.response is None) is (by is None)


@pytest.mark.parametrize(
    ("specs", "hits"),
    [
        (["freeze mode=hang", "latency", "error"], [1, 0, 0]),
        (["crash mode=errors", "error times=1"], [1, 0]),
        (["error", "error times=1"], [1, 0]),
        (["latency", "latency", "error", "error"], [1, 1, 1, 0]),
        (["error every=2", "error"], [0, 1]),
    ],
)
def test_a_fault_whose_turn_does_not_come_is_not_counted(specs: list[str], hits: list[int]) -> None:
    patient = FakePatient(*specs)

    patient.ask()

    assert [active.hits for active in patient.faults.list()] == hits


# --- health


@pytest.mark.parametrize(
    ("spec", "failing"),
    [
        ("unready", {"readiness"}),
        ("unlive", {"liveness"}),
        ("crash mode=errors", {"startup", "readiness", "liveness"}),
        ("crash mode=errors routes=/", set()),
        ("crash mode=errors clients=users", set()),
        ("unready clients=kubelet", {"readiness"}),
        ("unready clients=users", set()),
        ("unready routes=/ready", set()),
        ("unready methods=HEAD", set()),
        ("unready after=1s", set()),
        ("unready p=1", {"readiness"}),
        ("unready p=0.99", set()),
        ("unready every=1", {"readiness"}),
        ("unready every=2", set()),
        ("unready times=1", {"readiness"}),
        ("error clients=all", set()),
        ("freeze", set()),
        ("freeze mode=hang", set()),
    ],
)
def test_health_says_no_where_a_probe_would_surely_be_reported_so(spec: str, failing: set[str]) -> None:
    assert {"startup", "readiness", "liveness"} - FakePatient(spec).healthy() == failing


@given(FAULTS, st.integers(0, 5))
def test_asking_for_health_counts_nothing(fault: Fault, requested: int) -> None:
    quiet, asking = FakePatient(), FakePatient()
    one, two = quiet.faults.inject(fault), asking.faults.inject(fault)

    effects = []
    for _ in range(5):
        for _ in range(requested):
            asking.faults.health()
        effects.append((quiet.ask(READY).delay, asking.ask(READY).delay))

    assert (one.seen, one.hits, one.state) == (two.seen, two.hits, two.state)
    assert all(delay == other for delay, other in effects)


def test_health_comes_back_when_the_last_of_times_is_used_up() -> None:
    patient = FakePatient("unready times=2")

    assert patient.answers(2, READY) == [503, 503]

    assert patient.healthy() == {"startup", "readiness", "liveness"}


# --- many threads


def test_threads_share_what_times_allows() -> None:
    faults = FaultSet(lambda: 0.0, random.Random(0))
    active = faults.inject(Unready(scope=Scope(times=1000)))
    answered: list[int] = []

    def ask() -> None:
        answered.append(sum(faults.on_request(READY).response is not None for _ in range(500)))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(answered) == active.hits == 1000

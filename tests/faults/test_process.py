"""What faults do to the whole process: at once, or as traps."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crashy.faults.effects import Begin, Block, Command, End, Exit, ListenersClosed, ProcessEffect, Signal, Stop
from crashy.faults.kinds.freeze import Freeze
from crashy.faults.scope import Request, Scope
from tests.faults.patients import READY, USER, FakePatient


@pytest.mark.parametrize(
    ("spec", "effect"),
    [
        ("crash", Exit(1)),
        ("crash code=0", Exit(0)),
        ("crash mode=signal", Signal("SEGV")),
        ("crash mode=signal signal=SIGKILL", Signal("KILL")),
        ("freeze", Block()),
        ("freeze mode=deaf", ListenersClosed()),
    ],
)
def test_it_comes_when_the_fault_starts_and_once(spec: str, effect: ProcessEffect) -> None:
    patient = FakePatient(f"{spec} after=5s")

    assert patient.at(4.9) == []
    assert patient.faults.next_change() == 5
    assert patient.at(5) == [Begin(effect)]
    assert patient.at(6) == []


def test_a_signal_knows_its_number() -> None:
    assert (Signal("KILL").number, Signal("SEGV").number) == (9, 11)


def test_what_lasts_says_until_when_and_ends() -> None:
    patient = FakePatient("freeze after=5s for=10s")

    assert [patient.at(5), patient.at(14.9), patient.at(15)] == [[Begin(Block(), 15)], [], [End(Block())]]


def test_a_crash_ends_as_it_starts() -> None:
    patient = FakePatient("crash after=1s")
    patient.at(1)

    assert patient.changes[1:] == [(1, "Started", "f1"), (1, "Ended", "f1")]


def test_recovery_lets_the_process_go_on() -> None:
    patient = FakePatient("freeze", "freeze mode=deaf")
    assert patient.at(0) == [Begin(Block()), Begin(ListenersClosed())]

    patient.faults.recover()

    assert patient.faults.next_change() == 0
    assert patient.at(0) == [End(Block()), End(ListenersClosed())]


@pytest.mark.parametrize(
    ("specs", "commands"),
    [
        (
            ["freeze for=10s", "freeze after=5s for=10s"],
            {0: [Begin(Block(), 10)], 5: [Begin(Block(), 15)], 10: [], 15: [End(Block())]},
        ),
        (
            ["freeze for=10s", "freeze after=5s for=2s"],
            {0: [Begin(Block(), 10)], 5: [], 7: [], 10: [End(Block())]},
        ),
        (
            ["freeze after=1s", "freeze for=10s"],
            {0: [Begin(Block(), 10)], 1: [Begin(Block())], 10: []},
        ),
        (
            ["freeze mode=stop for=5s", "freeze for=3s", "crash after=1s"],
            {0: [Begin(Block(), 3), Begin(Stop(), 5)], 1: [Begin(Exit(1))], 3: [End(Block())], 5: [End(Stop())]},
        ),
    ],
)
def test_two_that_freeze_the_process_thaw_it_when_the_last_ends(
    specs: list[str], commands: dict[float, list[Command]]
) -> None:
    patient = FakePatient(*specs)

    assert {time: patient.at(time) for time in commands} == commands


SECONDS = st.integers(0, 20).map(float)
FREEZES = st.builds(
    Freeze,
    mode=st.sampled_from(["loop", "deaf"]),
    scope=st.builds(Scope, after=SECONDS, for_=st.none() | SECONDS.filter(bool), routes=st.sampled_from([(), ("/",)])),
)


@given(st.lists(FREEZES, max_size=6), st.lists(st.tuples(SECONDS, st.sampled_from(["look", "ask", "recover"]))))
def test_the_commands_add_up_to_what_the_active_faults_want(
    freezes: list[Freeze], steps: list[tuple[float, str]]
) -> None:
    patient = FakePatient()
    for freeze in freezes:
        patient.faults.inject(freeze)
    holding: dict[ProcessEffect, float | None] = {}

    for time, step in sorted(steps):
        patient.time = time
        if step == "recover":
            patient.faults.recover(next((active.id for active in patient.faults.list()), None))
        for command in patient.ask().commands if step == "ask" else patient.faults.tick():
            match command:
                case Begin(effect, until):
                    assert holding.get(effect, -1) != until
                    holding[effect] = until
                case End(effect):
                    del holding[effect]

        active = [active for active in patient.faults.list() if active.state == "active"]
        assert set(holding) == {active.fault.process_effect() for active in active}
        for effect, until in holding.items():
            ends = [active.ends_at for active in active if active.fault.process_effect() == effect]
            assert until == (None if None in ends else max(ends, key=lambda end: end or 0))


def test_recovering_one_of_two_goes_on_until_the_other_ends() -> None:
    patient = FakePatient("freeze for=10s", "freeze for=20s")
    assert patient.at(0) == [Begin(Block(), 20)]

    patient.faults.recover("f2")
    assert patient.at(1) == [Begin(Block(), 10)]

    patient.faults.recover("f1")
    assert patient.at(2) == [End(Block())]


def test_what_began_and_ended_while_nobody_looked_is_not_done_any_more() -> None:
    patient = FakePatient("freeze after=3s for=2s")

    assert patient.at(60) == []
    assert [reason for _, reason, _ in patient.changes] == ["Injected", "Started", "Ended"]


def test_a_trap_waits_for_the_request_that_it_meets() -> None:
    patient = FakePatient("crash code=3 routes=/checkout after=5s")

    assert patient.at(4) == []
    assert patient.ask(Request("GET", "/checkout")).commands == ()
    patient.at(5)
    assert patient.ask(USER).commands == ()
    assert patient.states() == ["pending"]
    assert patient.ask(Request("POST", "/checkout")).commands == (Begin(Exit(3)),)
    assert patient.at(6) == []


@pytest.mark.parametrize(
    ("spec", "fired"),
    [
        ("crash every=3", [3, 6]),
        ("crash times=2", [1, 2]),
        ("crash p=0", []),
        ("crash p=1 times=1", [1]),
        ("crash clients=kubelet", []),
        ("crash methods=GET", [1, 2, 3, 4, 5, 6]),
    ],
)
def test_a_request_triggered_fault_fires_as_its_scope_says(spec: str, fired: list[int]) -> None:
    patient = FakePatient(spec)

    assert [number for number in range(1, 7) if patient.ask().commands] == fired


def test_a_traps_length_counts_from_its_springing_and_it_waits_again_while_times_are_left() -> None:
    patient = FakePatient("freeze routes=/ for=10s times=2")
    patient.at(100)

    assert patient.ask(READY).commands == ()
    assert patient.ask().commands == (Begin(Block(), 110),)
    assert patient.ask().commands == ()
    assert patient.at(110) == [End(Block())]
    assert patient.states() == ["pending"]
    patient.time = 200
    assert patient.ask().commands == (Begin(Block(), 210),)
    assert patient.at(210) == [End(Block())]
    assert patient.states() == []
    assert [(time, reason) for time, reason, _ in patient.changes] == [
        (0, "Injected"),
        (100, "Started"),
        (110, "Ended"),
        (200, "Started"),
        (210, "Ended"),
    ]


def test_a_trap_can_be_taken_away_before_and_after_it_has_sprung() -> None:
    patient = FakePatient("freeze routes=/", "freeze mode=deaf routes=/a")
    assert patient.ask().commands == (Begin(Block()),)

    patient.faults.recover()

    assert patient.at(0) == [End(Block())]
    assert patient.ask(Request("GET", "/a")).commands == ()


def test_traps_spring_before_anything_else_happens_to_the_request() -> None:
    effect = FakePatient("freeze mode=hang", "latency", "freeze mode=deaf methods=GET", "freeze p=1").ask()

    assert effect.hang is not None
    assert effect.commands == (Begin(ListenersClosed()), Begin(Block()))

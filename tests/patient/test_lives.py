"""The record of a life: how it is written, how anything at all is read, and how the life is judged to have ended."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crashy.patient.lives import SLOT, Life, Lives, decode, end_of, out_of_memory, plain, salvaged, slots, tell, told

LIFE = Life(3, "8080 web-1", began=1000.0, lived=12.3)
WORD = "ended without a word (SIGKILL, OOM or node)"
KILLED = "was killed: Container app failed liveness probe, will be restarted (exit code 137)"


@pytest.mark.parametrize(
    ("known", "how", "text"),
    [
        ({}, "silent", WORD),
        ({"memory": 0.93}, "silent", f"{WORD}, memory 93 % of the limit"),
        ({"memory": 0.9, "faults": ("cpu",)}, "silent", f"{WORD}, memory 90 % of the limit, during cpu"),
        ({"signal": "SIGTERM: shutting down"}, "silent", f"{WORD}, after SIGTERM: shutting down"),
        ({"last_fault": "latency delay=1s"}, "silent", WORD),
        ({"faults": ("freeze mode=stop",)}, "frozen", "was killed while frozen (freeze mode=stop)"),
        ({"faults": ("latency delay=1s", "freeze")}, "frozen", "was killed while frozen (freeze)"),
        ({"exit_code": 0}, "exit", "exited with code 0"),
        ({"exit_code": 3, "last_fault": "crash code=3"}, "exit", "exited with code 3 (crash code=3)"),
        ({"exit_code": 2, "last_fault": "cpu", "words": "PORT: in use"}, "exit", "exited with code 2: PORT: in use"),
        ({"exit_code": 139, "last_fault": "crash"}, "signal", "was killed by SIGSEGV, exit code 139 (crash)"),
        ({"exit_code": 200}, "exit", "exited with code 200"),
        ({"exit_code": 0, "signal": "SIGTERM: now"}, "shutdown", "shut down (exit code 0): SIGTERM: now"),
        (
            {"exit_code": 0, "signal": "SIGTERM: shutting down", "words": "SIGTERM: 1 request in flight"},
            "shutdown",
            "shut down (exit code 0): SIGTERM: 1 request in flight",
        ),
        ({"node": KILLED, "node_how": "killed"}, "killed", KILLED),
        (
            {"node": KILLED, "node_how": "killed", "faults": ("freeze",)},
            "frozen",
            f"{KILLED}, while frozen (freeze)",
        ),
        ({"node": KILLED, "node_how": "nonsense"}, "silent", WORD),
    ],
)
def test_how_a_life_ended(known: dict[str, Any], how: str, text: str) -> None:
    assert end_of(LIFE._replace(**known)) == (how, text)


def test_the_line_at_the_start_says_of_what_is_only_known_from_a_record_that_it_lived_at_least_so_long() -> None:
    assert Lives(1).line() == "life 1"
    assert Lives(4, (LIFE,)).line() == f"life 4; the former one lived at least 12.3 s and {WORD}"
    assert (
        Lives(4, (LIFE._replace(exit_code=1),)).line() == "life 4; the former one lived 12.3 s and exited with code 1"
    )


def test_the_node_knows_what_a_life_does_not_and_the_life_knows_better_why_it_exited() -> None:
    by_node = tell("killed", KILLED, 137, 1020.0)
    assert told(LIFE, by_node) == LIFE._replace(node=KILLED, node_how="killed", exit_code=137, lived=20.0)
    exited = LIFE._replace(exit_code=3, last_fault="crash code=3")
    assert told(exited, tell("exit", "exited with code 3", 3, 1013.0)) == exited._replace(lived=13.0)
    assert told(exited, tell("killed", KILLED, 137, 1013.0)).node == KILLED


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"1", b"\xff", b"[" * 100_000, b'{"how": 1}', b'"how"', b"null"])
def test_nonsense_of_the_node_changes_nothing(data: bytes) -> None:
    assert told(LIFE, data) == LIFE


@pytest.mark.parametrize(
    ("life", "group", "kills", "how"),
    [
        (LIFE._replace(oom_group="g", oom_kills=1), "g", 2, "oom"),
        (LIFE._replace(oom_group="g", oom_kills=1), "g", 1, "silent"),
        (LIFE._replace(oom_group="g"), "another", 1, "silent"),
        (LIFE, "", 0, "silent"),
        (LIFE._replace(oom_group="g", exit_code=1), "g", 2, "exit"),
    ],
)
def test_an_oom_kill_is_claimed_only_of_the_same_cgroup(life: Life, group: str, kills: int, how: str) -> None:
    assert end_of(out_of_memory(life, group, kills)).how == how


TEXT = st.text(max_size=400).map(plain)
LIVES = st.builds(
    Life,
    life=st.integers(1, 10**6),
    of=TEXT,
    began=st.floats(0, 10**10),
    lived=st.floats(0, 10**9),
    phase=TEXT,
    memory=st.none() | st.floats(0, 100),
    signal=TEXT,
    faults=st.lists(TEXT, max_size=5).map(tuple),
    last_fault=TEXT,
    requests=st.lists(TEXT, max_size=5).map(tuple),
    exit_code=st.none() | st.integers(0, 255),
    words=TEXT,
    oom_group=TEXT,
    oom_kills=st.integers(0, 10**6),
    node=TEXT,
    node_how=TEXT,
)


@settings(deadline=None)
@given(LIVES)
def test_a_record_fits_its_slot_and_is_read_back(life: Life) -> None:
    line = life.encode()
    assert len(line) == SLOT
    (back,) = slots(line) or ()
    assert back is not None
    if back.faults == life.faults and len(life.requests) == len(back.requests):
        assert back == life


@settings(deadline=None)
@given(st.text())
def test_any_text_is_plain_on_one_line(text: str) -> None:
    shown = plain(text)
    assert shown.isprintable()
    assert len(shown) <= 160
    assert plain(shown) == shown


def test_hostile_text_of_full_length_leaves_out_requests_before_the_rest() -> None:
    hostile = plain("\N{PILE OF POO}" * 1000)
    life = LIFE._replace(requests=(hostile,) * 5, faults=("freeze",), last_fault=hostile, words=hostile)
    (kept,) = slots(life.encode()) or ()

    assert kept is not None
    assert kept == life._replace(requests=kept.requests)
    assert 0 < len(kept.requests) < 5
    texts = {name: hostile for name, value in LIFE._asdict().items() if isinstance(value, str)}
    everywhere = LIFE._replace(faults=(hostile,) * 5, **texts)
    assert len(everywhere.encode()) == SLOT


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
EDITED = st.builds(
    lambda key, value: json.dumps({**json.loads(LIFE.encode()), key: value}).encode(),
    st.sampled_from([*LIFE._fields, "more"]),
    JSON,
)


@settings(deadline=None)
@given(st.binary(max_size=2 * SLOT) | JSON.map(lambda value: json.dumps(value).encode()) | EDITED)
def test_anything_is_read_as_a_life_or_not_at_all(data: bytes) -> None:
    for life in (decode(data), *(slots(data) or ()), *salvaged(data)):
        if life is not None:
            assert life.encode()
            assert Lives(1, (life,)).to_json()["former"][0]["end"].isprintable()
            assert Lives(1, (life,)).line().isprintable()


@settings(deadline=None)
@given(st.integers(0, 3 * SLOT))
def test_of_a_file_that_is_cut_the_whole_records_are_left(cut: int) -> None:
    lives = [LIFE._replace(life=number) for number in (1, 2, 3)]
    data = b"".join(life.encode() for life in lives)[:cut]

    if cut % SLOT:
        assert slots(data) is None
        assert salvaged(data)[: cut // SLOT] == lives[: cut // SLOT]
    else:
        assert slots(data) == lives[: cut // SLOT]


def test_a_slot_that_was_claimed_and_not_yet_written_is_no_reason_to_set_a_file_aside() -> None:
    assert slots(b"\0" * SLOT + LIFE.encode()) == [None, LIFE]

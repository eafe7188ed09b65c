"""Events on a terminal: the newest, whole, in the room that there is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crashy.kubectl.events_table import HEAD, Row, lay_out

REFUSED = (
    'Readiness probe failed: Get "http://127.64.0.2:8080/readyz": dial tcp 127.64.0.2:8080: connect: connection refused'
)
KILLING = Row("0s", "Normal", "Killing", "pod/web-1", "Container web failed liveness probe, will be restarted")
UNHEALTHY = Row("0s (x3 over 2s)", "Warning", "Unhealthy", "pod/web-1", REFUSED)


def text(rows: list[Row], width: int, height: int = 24) -> list[str]:
    return [line for _, lines in lay_out(rows, width, height) for line in lines]


def test_a_wide_terminal_shows_what_kubectl_shows() -> None:
    assert text([KILLING], 120) == [
        "LAST SEEN   TYPE     REASON    OBJECT      MESSAGE",
        "0s          Normal   Killing   pod/web-1   Container web failed liveness probe, will be restarted",
    ]


def test_a_long_message_goes_on_below_its_beginning() -> None:
    _, first, second, *more = text([UNHEALTHY], 120)

    assert first.endswith('Readiness probe failed: Get "http://127.64.0.2:8080/readyz": dial')
    assert second == " " * first.index("Readiness") + "tcp 127.64.0.2:8080: connect: connection refused"
    assert not more


def test_a_narrow_terminal_has_messages_on_lines_of_their_own() -> None:
    assert text([KILLING], 80) == [
        "LAST SEEN   TYPE     REASON    OBJECT",
        "0s          Normal   Killing   pod/web-1",
        "    Container web failed liveness probe, will be restarted",
    ]


@pytest.mark.parametrize(("height", "kept"), [(2, 0), (3, 1), (4, 1), (5, 2), (24, 3)])
def test_the_newest_are_kept(height: int, kept: int) -> None:
    rows = [KILLING._replace(reason=name) for name in "abc"]

    assert [row.reason for row, _ in lay_out(rows, 80, height)[1:]] == list("abc")[3 - kept :]


words = st.text(st.characters(categories=["L", "N", "P", "Zs"]), max_size=200)


@given(
    st.lists(st.builds(Row, words, words, words, words, words), max_size=10), st.integers(1, 200), st.integers(0, 40)
)
def test_it_never_takes_more_lines_than_there_are(rows: list[Row], width: int, height: int) -> None:
    shown = lay_out(rows, width, height)

    assert sum(len(lines) for _, lines in shown) <= height
    assert [row for row, _ in shown] == ([HEAD, *rows[len(rows) - len(shown) + 1 :]] if height > 2 else [])

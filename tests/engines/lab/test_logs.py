"""Lines out of a stream of bytes."""

from __future__ import annotations

import pytest

from crashy.engines.lab.logs import LINE_LIMIT, RATE_LIMIT, LogLines


def lines_of(*chunks: bytes) -> list[str]:
    found: list[str] = []
    lines = LogLines(found.append, lambda: 0.0)
    for chunk in chunks:
        lines.feed(chunk)
    lines.end()
    return found


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        ((), []),
        ((b"one\ntwo\n",), ["one", "two"]),
        ((b"on", b"e\nt", b"wo"), ["one", "two"]),
        ((b"\n\n",), ["", ""]),
        ((b"windows\r\n",), ["windows"]),
        ((b"\xff\n",), ["\ufffd"]),
        ((b"x" * (LINE_LIMIT + 1) + b"\n",), ["x" * LINE_LIMIT, "x"]),
        ((b"x" * (2 * LINE_LIMIT + 1),), ["x" * LINE_LIMIT, "x" * LINE_LIMIT, "x"]),
    ],
)
def test_lines(chunks: tuple[bytes, ...], expected: list[str]) -> None:
    assert lines_of(*chunks) == expected


def test_a_line_without_end_is_not_kept_for_ever() -> None:
    found: list[str] = []
    lines = LogLines(found.append, lambda: 0.0)
    lines.feed(b"x" * (LINE_LIMIT + 10))

    assert found == ["x" * LINE_LIMIT]


def test_a_flood_is_counted_not_kept() -> None:
    seconds = iter([0.0] * (RATE_LIMIT + 3) + [1.0])
    found: list[str] = []
    lines = LogLines(found.append, lambda: next(seconds))
    lines.feed(b"flood\n" * (RATE_LIMIT + 3) + b"calm\n")

    assert found == ["flood"] * RATE_LIMIT + [f"(3 lines in one second were dropped: {RATE_LIMIT} are kept)", "calm"]

"""The newest events, laid out for a terminal of a given width and height."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import NamedTuple

GAP = 3  # columns, as kubectl leaves
LEAST = 40  # columns for a message beside the other columns; with less it gets lines of its own
INDENT = 4  # columns before a message on lines of its own


class Row(NamedTuple):
    """A line of `kubectl get events`."""

    seen: str
    type: str
    reason: str
    object: str
    message: str


HEAD = Row("LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE")


def lay_out(rows: Sequence[Row], width: int, height: int) -> list[tuple[Row, list[str]]]:
    """Return the head and the last rows that fit, each with its lines; a message is cut only if it alone is too long.

    `width` is in characters, `height` in lines; with less than three lines, return nothing.
    """
    if height < 3:
        return []
    newest = rows[-height:]
    widths = [max(map(len, column)) for column in zip(HEAD[:-1], *(row[:-1] for row in newest), strict=True)]
    beside = sum(widths) + GAP * len(widths)
    own_lines = width - beside < LEAST
    indent = INDENT if own_lines else beside

    def lines(row: Row) -> list[str]:
        start = "".join(cell.ljust(wide + GAP) for cell, wide in zip(row[:-1], widths, strict=True))
        wrapped = textwrap.wrap(row.message, max(width - indent, 1), break_on_hyphens=False)
        below = [" " * indent + line for line in wrapped]
        return [start.rstrip(), *below] if own_lines or not wrapped else [start + wrapped[0], *below[1:]]

    shown: list[tuple[Row, list[str]]] = []
    head = lines(HEAD)[:1]
    room = height - 1
    for row in reversed(newest):
        block = lines(row)
        if len(block) > room and shown:
            break
        shown.append((row, block[:room]))
        room -= len(block)
        if room <= 0:
            break
    return [(HEAD, head), *reversed(shown)]

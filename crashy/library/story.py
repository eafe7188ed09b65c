"""What a person is told of a timeline, in lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from crashy.report.terminal import WORTH_A_LINE, event_line
from crashy.timeline import Event


def story(events: Iterable[Event], most: int) -> str:
    """Return the last events that are worth a line, at most so many, and how many came before."""
    return last([event_line(event) for event in events if event.kind in WORTH_A_LINE], most)


def last(lines: Sequence[str], most: int) -> str:
    """Return the last lines, at most so many, and how many came before."""
    left = len(lines) - most
    return "\n".join([f"({left} earlier ones)", *lines[left:]] if left > 0 else lines or ["none"])

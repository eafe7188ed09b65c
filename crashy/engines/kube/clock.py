"""The cluster's clock against ours."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

SLACK = 0.25
"""Seconds after its own second until which an event counts as just happened."""


@dataclass(frozen=True, slots=True)
class ClusterClock:
    """The offset from the cluster's seconds since 1970 to the loop's seconds, right to within `error` s."""

    offset: float
    error: float

    def at(self, stamp: str) -> float:
        """Return a timestamp (`2026-11-21T13:24:05Z`, with or without a fraction) in seconds of the loop."""
        return seconds(stamp) + self.offset

    def when(self, stamp: str, arrival: float) -> float:
        """Return when something with this timestamp happened, in the loop's seconds; it was received at `arrival`.

        Timestamps are mostly whole seconds, cut off; a watch reports within milliseconds. So the arrival is the sharper
        figure while it agrees with the stamp: not before its second, and at most SLACK after. What comes later (after a
        lost watch, or held back by the kubelet's rate limit) is taken as in the middle of its second; a stamp with a
        fraction is taken as it is. Nothing is later than its arrival.
        """
        if not stamp:
            return arrival
        own = self.at(stamp)
        exact = "." in stamp
        end = own if exact else own + 1
        if arrival <= end + self.error + SLACK:
            return arrival
        return min(arrival, own if exact else own + 0.5)


def seconds(stamp: str) -> float:
    """Return a timestamp of the API in seconds since 1970.

    >>> seconds("1970-01-01T00:01:00Z"), seconds("1970-01-01T00:00:01.500000Z")
    (60.0, 1.5)
    """
    return datetime.fromisoformat(stamp.replace("Z", "+00:00")).astimezone(UTC).timestamp()


async def measure(date: Callable[[], Awaitable[str]], now: Callable[[], float]) -> ClusterClock:
    """Measure the offset: `date` asks for the header `Date`, which has whole seconds; `now` is the loop's time.

    It asks until the second turns: the turn was after the last question whose answer had the old second, and before the
    first answer with the new one. That takes up to a second; the error is half of that span, some milliseconds.
    """
    sent = now()
    first = last = parsedate_to_datetime(await date()).timestamp()
    begun = sent
    while last == first and now() - begun < 2:
        await asyncio.sleep(0.02)
        before, sent = sent, now()
        last = parsedate_to_datetime(await date()).timestamp()
        if last != first:
            middle = (before + now()) / 2
            return ClusterClock(middle - last, now() - middle)
    return ClusterClock(begun - first - 0.5, 0.5)  # its clock stands still: a guess

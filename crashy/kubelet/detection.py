"""Bounds of a probe's detection time, from its period, timeout, threshold and delay alone.

All times are seconds until the result is stored, which is when the kubelet decides; the kill's grace period, the
back-off and the start are added to that. The time of a handler that returns at once is neglected.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from crashy.objects.pod import Probe


class Illness(StrEnum):
    """How the container fails its probes: every one times out, or every one is refused (or answers 500) at once."""

    HANG = "hang"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Bounds:
    """The minimum and maximum seconds that something can take."""

    best: float
    worst: float


def detection(probe: Probe, illness: Illness) -> Bounds:
    """Bound the time from an illness's onset, in a healthy container, to the stored failure.

    The best onset is just before a probe, the worst just after one.

    >>> from crashy.objects.pod import TCPSocket
    >>> detection(Probe(TCPSocket(8080), period_seconds=2, timeout_seconds=5), Illness.HANG)
    Bounds(best=15, worst=17)
    """
    streak = _streak(probe, illness)
    return Bounds(streak, probe.period_seconds + streak)


def first_probe(probe: Probe) -> Bounds:
    """Bound the time from a container's start to its first probe, if nothing delays or triggers it.

    The delay counts from the start's whole second, and is rounded up to the tick grid, which has any phase.
    """
    delay = probe.initial_delay_seconds
    return Bounds(max(delay - 1, 0), delay + probe.period_seconds)


def first_failure(probe: Probe, illness: Illness) -> Bounds:
    """Bound the time from the start of a container that is unhealthy from the start to the stored failure.

    For a startup probe this is how long a start may take: at best before the kill in the worst case.
    """
    streak, first = _streak(probe, illness), first_probe(probe)
    return Bounds(first.best + streak, first.worst + streak)


def _streak(probe: Probe, illness: Illness) -> float:
    """Return the time from the first failing probe's start to the last one's end."""
    answer = probe.timeout_seconds if illness is Illness.HANG else 0
    return (probe.failure_threshold - 1) * max(probe.period_seconds, answer) + answer

"""The numbers of a container: what becomes of its failures and its start, how long a kill takes. All in seconds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from crashy.check.impacts import Impact, impact
from crashy.check.outcomes import FailureMode
from crashy.check.starts import Start, start
from crashy.check.stops import kill_reason, kill_time
from crashy.check.targets import CheckTarget
from crashy.kubelet.backoff import crash_loop_backoff
from crashy.kubelet.detection import Bounds
from crashy.objects.pod import ProbeType


@dataclass(frozen=True, slots=True)
class Numbers:
    """Everything about one container: `probes_per_minute` in a healthy pod, `killing` from SIGTERM to the end."""

    impacts: dict[FailureMode, Impact]
    start: Start
    killing: Bounds
    probes_per_minute: float


@lru_cache(maxsize=16)  # several rules ask for those of one container
def numbers(target: CheckTarget) -> Numbers:
    """Derive the numbers of a container."""
    killing = kill_time(target, kill_reason(target))
    return Numbers(
        {mode: impact(target, mode, killing) for mode in FailureMode},
        start(target),
        killing,
        probes_per_minute(target),
    )


def probes_per_minute(target: CheckTarget) -> float:
    """Return how often a healthy container is probed."""
    return sum(60 / probe.period_seconds for kind, probe in target.probes.items() if kind is not ProbeType.STARTUP)


def waits(life: float = 0.0, *, killed: bool = False, restarts: int = 12) -> tuple[float, ...]:
    """Return how long a container whose every life takes `life` seconds waits before each restart.

    If `killed` by a probe, it starts to wait later: the sync that kills it only knows of the previous end.
    """
    table, now, before = crash_loop_backoff(), 0.0, None
    found = []
    for _ in range(restarts):
        end = now + life
        table.gc(end)
        loop = table.do_backoff(end, "", before if killed else end)
        if loop:
            now = end + table.get("")
            table.gc(now)
            table.do_backoff(now, "", end)
        else:
            now = end
        found.append(now - end)
        before = end
    return tuple(found)

"""The ledger: what the patient has seen of its probes, and what the kubelet makes of it.

The rules are those of kubelet: pkg/kubelet/prober/worker.go. Which probe a request was of is known by its handler, port
and path where PROBES names one for them. Where it names several, the startup probe's are all until its success, as the
kubelet asks nothing else before, and none afterwards; those of liveness and readiness are told apart by their rhythm.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple
from urllib.parse import unquote

from crashy.faults.scope import ProbeName
from crashy.patient.probe_settings import ProbeSettings

KEPT_RESULTS = 20
MOST_PROBES = 24
"""How many different probes are kept, beside those of PROBES: anyone can call himself a kubelet."""
MOST_TARGET = 200
"""The most characters of a path or service that are kept."""

UNKNOWN = "settings unknown: set PROBES"

_RESULTS = {True: "success", False: "failure", None: "discarded"}
_TRIES = 3  # of a probe that errs, at once (kubelet: prober/prober.go maxProbeRetries)
_TARGETS = {"http": "path", "grpc": "service", "exec": "command"}
_FINE: dict[ProbeName, str] = {"startup": "started", "readiness": "ready", "liveness": "alive"}


class Asked(NamedTuple):
    """What a probe asks: `handler` is http or grpc, `target` a path with its query, or a gRPC service."""

    handler: str
    port: int
    target: str

    def __str__(self) -> str:
        at = f" :{self.port}" if self.port else ""
        return f"{self.handler}{at}{' ' if self.target and self.handler != 'http' else ''}{self.target}"


class Result(NamedTuple):
    """How one probe ended: `at` is when it came, on the patient's clock; `seconds` how long its answer took.

    `ok` is None for one that didn't count.
    """

    at: float
    status: int
    seconds: float
    ok: bool | None


def measured(times: Sequence[float]) -> float | None:
    """Return the period of what came at these times, in seconds; None for fewer than two.

    One that was missed leaves a gap of two periods, and one out of turn (readiness is asked at once where it matters)
    two short ones: most of the gaps may be such.

    >>> measured([0.0, 10.0, 20.1, 40.0])
    10.0
    """
    gaps = sorted(later - one for one, later in pairwise(times))
    if not gaps:
        return None
    usual = gaps[(len(gaps) - 1) // 3]
    if usual <= 0:
        return gaps[-1]
    each = sorted(gap / max(1, round(gap / usual)) for gap in gaps)
    return each[(len(each) - 1) // 2]


class Row:
    """One probe: its last results, and the counts that the kubelet has too; `settings` is None if they are unknown."""

    def __init__(
        self, asked: Asked, kind: ProbeName | None, settings: ProbeSettings | None = None, unknown: str = UNKNOWN
    ) -> None:
        self.asked = asked
        self.unknown = unknown
        self.kind = kind
        self.settings = settings
        self.results: deque[Result] = deque(maxlen=KEPT_RESULTS)
        self.seen = self.failed = self.failures = self.successes = self.discarded = 0
        self.passed = False
        """What the kubelet holds it for: readiness and startup fail at first."""

    def add(self, result: Result) -> None:
        """Count a result."""
        self.results.append(result)
        self.seen += 1
        self.discarded = self.discarded + 1 if result.ok is None else 0
        if result.ok is None:
            return
        self.failed += not result.ok
        self.failures = 0 if result.ok else self.failures + 1
        self.successes = self.successes + 1 if result.ok else 0
        known = self.settings
        if known and result.ok and self.successes >= known.success_threshold:
            self.passed = True
        elif known and self.failures >= known.failure_threshold:
            self.passed = False

    @property
    def period(self) -> float | None:
        """Return the measured period, in seconds."""
        times, tries = [], 0
        for result in self.results:
            tries = tries + 1 if 0 < tries < _TRIES else 1
            if tries == 1:
                times.append(result.at)
            if result.ok is not None:
                tries = 0
        return measured(times)

    def off(self, at: float, began: float) -> float:
        """Return how far from its rhythm a probe at that time would be, in periods from 0 to 0.5; 1 if too early."""
        assert self.settings is not None  # noqa: S101 - only those of PROBES are told apart
        if not self.results:
            return 0.0 if at - began >= self.settings.initial_delay else 1.0
        periods = (at - self.results[-1].at) / self.settings.period
        return abs(periods - max(1, round(periods)))

    @property
    def over(self) -> bool:
        """Return whether the kubelet asks no more: it has started, or is restarted now."""
        known = self.settings
        if known is None or self.kind == "readiness":
            return False
        return self.failures >= known.failure_threshold or (self.kind == "startup" and self.passed)

    def due_in(self, now: float) -> float | None:
        """Return the seconds until the kubelet acts, if all goes on as it last did; None if it won't, or is unknown."""
        known = self.settings
        if known is None or not self.results or self.overdue(now):
            return None
        last = next((result for result in reversed(self.results) if result.ok is not None), self.results[-1])
        if last.ok is None:
            return None
        if last.ok:
            more = 0 if self.passed else known.success_threshold - self.successes
        else:
            more = known.failure_threshold - self.failures if self.passed or self.kind != "readiness" else 0
        took = min(last.seconds, known.timeout)
        return max(0.0, last.at + more * known.period + took - now) if more > 0 else None

    def state(self, now: float) -> str:
        """Return in words what the kubelet makes of it, and what it will do."""
        known = self.settings
        if known and known.unseen:
            return known.unseen
        if not self.results:
            return "not seen yet"
        if not self.failures and not self.successes:
            return "no result yet"
        if known is None:
            what = f"failed {self.failures}" if self.failures else f"succeeded {self.successes}"
            return f"{what} in a row; {self.unknown}"
        due = self.due_in(now)
        soon = "" if due is None else f" in about {due:.0f} s"
        count = f"failure {self.failures} of {known.failure_threshold}"
        if self.kind == "readiness" and not self.passed:
            left = known.success_threshold - self.successes
            return f"not ready; ready after {left} more success{'es' if left > 1 else ''}{soon and ','}{soon}"
        if not self.failures:
            return _FINE[known.kind]
        if not soon:
            return f"{count}: the kubelet restarts the container" if self.over else count
        return f"{count}, {'out of its Services' if self.kind == 'readiness' else 'restart'}{soon}"

    def overdue(self, now: float) -> float | None:
        """Return the seconds since its last request, if it should have come again by now."""
        period = float(self.settings.period) if self.settings else self.period
        if self.over or not self.results or not period:
            return None
        silence = now - self.results[-1].at
        return silence if silence > 2.5 * period + 1 else None

    def to_json(self, now: float) -> dict[str, Any]:
        """Return it without its results; durations in seconds."""
        silence, due = self.overdue(now), self.due_in(now)
        state = self.state(now) + (f"; the last {self.discarded} did not count" if self.discarded else "")
        state += f"; not seen for {silence:.0f} s" if silence else ""
        return {
            "kind": self.kind,
            "asks": str(self.asked),
            "handler": self.asked.handler,
            "port": self.asked.port or None,
            **({_TARGETS[self.asked.handler]: self.asked.target} if self.asked.handler in _TARGETS else {}),
            "period": None if self.period is None else round(self.period, 2),
            "seen": self.seen,
            "failed": self.failed,
            "consecutive_failures": self.failures,
            "consecutive_successes": self.successes,
            "due_in": None if due is None else round(due, 1),
            "state": state,
        }


class Ledger:
    """The probes of PROBES, and whatever else a kubelet has asked; `began` is the patient's start, on its clock."""

    def __init__(self, settings: Sequence[ProbeSettings], began: float) -> None:
        self._began = began
        self.known = [Row(Asked(one.handler, one.port, _plain(one.target)), one.kind, one) for one in settings]
        self._others: dict[Asked, Row] = {}
        self.totals: Counter[tuple[str, ...]] = Counter()
        """Results by kind (or `other`), handler, and success, failure or discarded."""

    def note(
        self, asked: Asked, kind: ProbeName | None, at: float, status: int, seconds: float, *, counts: bool = True
    ) -> None:
        """Note how a probe ended; without PROBES it is of this `kind`, which its path has by itself.

        An answer that came after the probe's timeout is a failure, whatever it was. One whose body did not come to its
        end doesn't count: the kubelet throws it away (kubelet: prober/worker.go doProbe; kubernetes#122591).
        """
        row = self._row(asked._replace(target=_plain(asked.target)), kind, at)
        in_time = row.settings is None or seconds < row.settings.timeout
        ok = in_time and 200 <= status < 400 if counts else None
        row.add(Result(at, status, seconds, ok))
        self.totals[row.kind or "other", row.asked.handler, _RESULTS[ok]] += 1

    def _row(self, asked: Asked, kind: ProbeName | None, at: float) -> Row:
        fit = [row for row in self.known if not (row.settings and row.settings.unseen) and _same(row.asked, asked)]
        starting = [row for row in fit if row.kind == "startup"]
        if starting and not starting[0].passed:
            return starting[0]
        if rest := [row for row in fit if row.kind != "startup"] or starting:
            return min(rest, key=lambda row: (row.off(at, self._began), row.settings and row.settings.initial_delay))
        if asked not in self._others and len(self._others) >= MOST_PROBES:
            # The one that was seen least; a kubelet's are seen again and again.
            least = min(self._others.values(), key=lambda row: (row.kind is not None, row.seen, row.results[-1].at))
            del self._others[least.asked]
        row = Row(asked, None, unknown="not one of PROBES") if self.known else Row(asked, kind)
        return self._others.setdefault(asked, row)

    def rows(self) -> Iterator[Row]:
        """Yield those of PROBES first, then the others in the order in which they were first seen."""
        yield from self.known
        yield from self._others.values()

    def failures(self) -> dict[tuple[str, ...], int]:
        """Return the most consecutive failures by kind (or `other`) and handler."""
        most: dict[tuple[str, ...], int] = {}
        for row in self.rows():
            if row.settings is None or not row.settings.unseen:
                key = (row.kind or "other", row.asked.handler)
                most[key] = max(most.get(key, 0), row.failures)
        return most

    def summary(self, now: float) -> list[dict[str, Any]]:
        """Return what a status shows of each probe."""
        return [row.to_json(now) for row in self.rows()]

    def whole(self, now: float, time_of: Callable[[float], str]) -> list[dict[str, Any]]:
        """Return each probe with its settings and its last results, the oldest first; `time_of` writes a time."""
        return [
            {
                **row.to_json(now),
                "settings": row.settings.to_json() if row.settings else None,
                "results": [
                    {
                        "time": time_of(one.at),
                        "ago": round(now - one.at, 3),
                        "status": one.status,
                        "seconds": round(one.seconds, 3),
                        "ok": one.ok,
                    }
                    for one in row.results
                ],
            }
            for row in self.rows()
        ]


def _plain(target: str) -> str:
    """Shorten a target, and keep control characters from whoever prints it."""
    short = target[:MOST_TARGET]
    return short if short.isprintable() else short.encode("unicode_escape").decode("ascii")[:MOST_TARGET]


def _same(one: Asked, asked: Asked) -> bool:
    """Return whether a request is what a probe asks; one of unknown port (0: its client had gone) may be."""
    if one.handler != asked.handler or asked.port not in (0, one.port):
        return False
    if one.handler == "grpc":
        return one.target == asked.target
    return unquote(one.target).removeprefix("/") == unquote(asked.target).removeprefix("/")

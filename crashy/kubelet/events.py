"""Events: their messages, and how client-go counts, combines and drops them.

Sources: kubelet: pkg/kubelet/prober/prober.go; client-go: tools/record/events_cache.go.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field, replace
from typing import NamedTuple, TypeVar

from crashy.kubelet.outcome import Outcome, Result
from crashy.kubelet.versions import NEWEST, Profile
from crashy.objects.durations import human_duration
from crashy.objects.pod import ProbeType

AGGREGATE_AFTER = 10
"""The number of different messages of one reason from which on they are combined."""
AGGREGATE_SECONDS = 600
"""Seconds of pause between two of them that end the combining."""
SPAM_BURST = 25
"""The burst of events that are written at once ..."""
SPAM_REFILL_SECONDS = 300
"""... and the seconds for one more after that."""
CACHE_ENTRIES = 4096
"""The number of keys kept, the most recently used."""

T = TypeVar("T")

COMBINED = "(combined from similar events): "


class Message(NamedTuple):
    """An event's type (`Normal` or `Warning`), its reason, its text."""

    type: str
    reason: str
    text: str


def probe_event(probe_type: ProbeType, outcome: Outcome, profile: Profile = NEWEST) -> Message | None:
    """Return the event of one finished attempt, below the threshold too; success and mere ignorance have none.

    >>> probe_event(ProbeType.READINESS, Outcome(Result.FAILURE, "HTTP probe failed with statuscode: 503"))
    Message(type='Warning', reason='Unhealthy', text='Readiness probe failed: HTTP probe failed with statuscode: 503')
    """
    kind = probe_type.value.capitalize()
    if outcome.errored:
        text = profile.texts.errored.format(type=kind, result=outcome.result.value, error=outcome.error)
        return Message("Warning", "Unhealthy", text)
    if outcome.result is Result.FAILURE:
        return Message("Warning", "Unhealthy", f"{kind} probe failed: {outcome.output}")
    if outcome.result is Result.WARNING:
        return Message("Warning", "ProbeWarning", f"{kind} probe warning: {outcome.output}")
    return None


@dataclass(frozen=True, slots=True)
class Event:
    """An event as it is stored: `first` and `last` are the seconds at which it was seen, `count` times in all."""

    object: str
    type: str
    reason: str
    message: str
    component: str = "kubelet"
    field_path: str = ""
    count: int = 1
    first: float = 0.0
    last: float = 0.0

    def seen(self, now: float) -> str:
        """Write its age as kubectl does.

        >>> Event("pod/web", "Warning", "Unhealthy", "boom", count=3, first=8, last=10).seen(now=10)
        '0s (x3 over 2s)'
        """
        if self.count == 1:
            return human_duration(now - self.first)
        return f"{human_duration(now - self.last)} (x{self.count} over {human_duration(now - self.first)})"


@dataclass(slots=True)
class _Similar:
    messages: set[str] = field(default_factory=set)
    last: float = 0.0


@dataclass(slots=True)
class _Bucket:
    """A token bucket, filled in seconds: an event costs SPAM_REFILL_SECONDS of them."""

    seconds: float
    last: float

    def take(self, now: float) -> bool:
        full = float(SPAM_BURST * SPAM_REFILL_SECONDS)
        self.seconds = min(full, self.seconds + now - self.last)
        self.last = now
        if self.seconds < SPAM_REFILL_SECONDS:
            return False
        self.seconds -= SPAM_REFILL_SECONDS
        return True


class EventCorrelator:
    """Turns events into stored ones: equal ones are counted, similar ones combined, too many dropped."""

    def __init__(self, profile: Profile = NEWEST) -> None:
        self._by_type = profile.spam_filter_by_type
        self._similar: OrderedDict[object, _Similar] = OrderedDict()
        self._stored: OrderedDict[object, Event] = OrderedDict()
        self._buckets: OrderedDict[object, _Bucket] = OrderedDict()

    def correlate(self, event: Event, now: float) -> Event | None:
        """Take an event that happens at `now` and return it as stored, or None if it is dropped as spam.

        Dropped events are counted too: the next one written has the full count.
        """
        event = replace(event, count=1, first=now, last=now)
        group = (event.component, event.object, event.type, event.reason)
        key: object = (group, event.field_path, event.message)
        if self._combines(group, event.message, now):
            event = replace(event, message=COMBINED + event.message)
            key = group
        if earlier := self._stored.get(key):
            event = replace(event, count=earlier.count + 1, first=earlier.first)
        _remember(self._stored, key, event)
        return event if self._passes(event, now) else None

    def _combines(self, group: object, message: str, now: float) -> bool:
        record = self._similar.get(group)
        # Upstream's own test reads the clock between two events that are 600 s apart, so 600 s is a pause already.
        if record is None or now - record.last >= AGGREGATE_SECONDS:
            record = _Similar()
        record.messages.add(message)
        record.last = now
        _remember(self._similar, group, record)
        if len(record.messages) < AGGREGATE_AFTER:
            return False
        record.messages.pop()
        return True

    def _passes(self, event: Event, now: float) -> bool:
        key = (event.component, event.object, event.type if self._by_type else "")
        bucket = self._buckets.get(key) or _Bucket(float(SPAM_BURST * SPAM_REFILL_SECONDS), now)
        _remember(self._buckets, key, bucket)
        return bucket.take(now)


def _remember(cache: OrderedDict[object, T], key: object, value: T) -> None:
    cache[key] = value
    cache.move_to_end(key)
    if len(cache) > CACHE_ENTRIES:
        cache.popitem(last=False)

"""The timeline: the events that reports, pages, logs and tests read."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any, NamedTuple

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


_NONE: Mapping[str, Any] = {}


class Event(NamedTuple):
    """An event, `t` seconds after its timeline began.

    `object` is written as kubectl does (`pod/web-1`, `service/web`); `kind` determines the keys of `data`
    (`event` is a Kubernetes event, `condition` a Deployment's, `pod` a status, `endpoints`, `service`, `apply`,
    `probe`, `request`, `fault`, `process`, `log`).
    """

    t: float
    source: str
    kind: str
    object: str
    reason: str = ""
    message: str = ""
    data: Mapping[str, Any] = _NONE

    def to_json(self) -> str:
        """Return the event as one line of JSON, `t` in seconds with a microsecond's resolution."""
        return _encode({**self._asdict(), "t": round(self.t, 6)})

    @classmethod
    def from_json(cls, line: str) -> Event:
        """Read back what `to_json` wrote; raises ValueError, KeyError or TypeError on anything else."""
        return cls(**json.loads(line))


# A kind of event, the time, and arguments: a tuple of plain values costs garbage collection nothing.
_Lazy = tuple[Any, ...]


class Timeline:
    """Events in the one order in which they were added; the last `keep` of them can be read again.

    `now` returns monotonic seconds; its value at construction is the timeline's zero.
    All methods are thread-safe; subscribers are called in the thread that adds.
    """

    def __init__(self, now: Callable[[], float], keep: int = 100_000) -> None:
        self._now = now
        self._zero = now()
        self._events: deque[Event | _Lazy] = deque(maxlen=keep)
        self._makers: dict[str, Callable[..., Event]] = {}
        self._count = 0
        self._subscribers: tuple[tuple[Callable[[Event], None], frozenset[str]], ...] = ()
        self._excluded: frozenset[str] | None = None  # the kinds that all subscribers exclude; None: no subscriber
        self._lock = threading.Lock()

    def now(self) -> float:
        """Return the seconds since this timeline began."""
        return self._now() - self._zero

    def add(self, source: str, kind: str, obj: str, /, reason: str = "", message: str = "", **data: Any) -> Event:
        """Append an event that happens now, call every subscriber with it and return it."""
        return self.put(0.0, source, kind, obj, reason, message, data)

    def add_past(  # noqa: PLR0917 - as `add`
        self, ago: float, source: str, kind: str, obj: str, /, reason: str = "", message: str = "", **data: Any
    ) -> Event:
        """Append an event of `ago` seconds ago that is known only now: the order is that in which events are added."""
        return self.put(ago, source, kind, obj, reason, message, data)

    def put(  # noqa: PLR0917 - as `add_past`
        self, ago: float, source: str, kind: str, obj: str, reason: str, message: str, data: Mapping[str, Any]
    ) -> Event:
        """Do what `add_past` does with data that are a mapping already, to save microseconds."""
        with self._lock:
            event = Event(round(max(self._now() - self._zero - ago, 0.0), 6), source, kind, obj, reason, message, data)
            self._events.append(event)
            self._count += 1
        self._publish(event)
        return event

    def add_lazy(self, kind: str, make: Callable[..., Event]) -> Callable[..., None]:
        """Return a function that appends an event that happens now, built by `make(t, *args)` when it is read.

        Whenever it is called, `make` must return the same event, of this kind. A server's requests are added this way:
        most are never read.
        """
        self._makers[kind] = make
        now, lock, append = self._now, self._lock, self._events.append

        def add(*args: Any) -> None:
            with lock:
                lazy = (kind, now() - self._zero, *args)
                append(lazy)
                self._count += 1
            if self._excluded is not None and kind not in self._excluded:
                self._publish(self._built(lazy))

        return add

    def _publish(self, event: Event) -> None:
        for subscriber, exclude in self._subscribers:
            if event.kind not in exclude:
                subscriber(event)

    def _built(self, lazy: _Lazy) -> Event:
        kind, t, *args = lazy
        return self._makers[kind](int(t * 1e6 + 0.5) / 1e6, *args)  # `round` would cost four times as much

    def subscribe(self, subscriber: Callable[[Event], None], exclude: Iterable[str] = ()) -> Callable[[], None]:
        """Call `subscriber` with each event from now on, except kinds in `exclude`; return what unsubscribes it."""
        one = (subscriber, frozenset(exclude))
        with self._lock:
            self._set_subscribers((*self._subscribers, one))

        def unsubscribe() -> None:
            with self._lock:
                self._set_subscribers(tuple(each for each in self._subscribers if each is not one))

        return unsubscribe

    def _set_subscribers(self, subscribers: tuple[tuple[Callable[[Event], None], frozenset[str]], ...]) -> None:
        self._subscribers = subscribers
        self._excluded = frozenset.intersection(*(kinds for _, kinds in subscribers)) if subscribers else None

    def __len__(self) -> int:
        """Return the number of events ever added: the `since` of a reader that wants only later ones."""
        return self._count

    def since(self, count: int = 0) -> list[Event]:
        """Return the events after the first `count`, oldest first, as far back as they are kept."""
        return self.read(count)[0]

    def read(self, count: int = 0) -> tuple[list[Event], int]:
        """Return the events after the first `count`, and the count to continue from, even while others add."""
        with self._lock:
            newest_first = list(islice(reversed(self._events), max(0, self._count - count)))
            end = self._count
        return [event if isinstance(event, Event) else self._built(event) for event in reversed(newest_first)], end

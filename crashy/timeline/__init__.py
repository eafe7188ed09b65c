"""Everything that happens is an event here: reports, pages, logs and tests read it, nobody prints instead."""

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
    """One thing that happened, `t` seconds after its timeline began.

    `object` is written as kubectl does (`pod/web-1`, `service/web`); `kind` says how to read `data`
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
        return _encode(
            {
                "t": round(self.t, 6),
                "source": self.source,
                "kind": self.kind,
                "object": self.object,
                "reason": self.reason,
                "message": self.message,
                "data": self.data,
            }
        )

    @classmethod
    def from_json(cls, line: str) -> Event:
        """Read back what `to_json` wrote; raises ValueError, KeyError or TypeError on anything else."""
        return cls(**json.loads(line))


# A kind of event, the time, and facts: of plain values alone, such a tuple costs garbage collection nothing.
_Lazy = tuple[Any, ...]


class Timeline:
    """Events in the one order in which they were added; the last `keep` of them can be read again.

    `now` gives monotonic seconds; its value at construction is the timeline's zero.
    Everything here is safe from any thread; subscribers are called in the thread that adds.
    """

    def __init__(self, now: Callable[[], float], keep: int = 100_000) -> None:
        self._now = now
        self._zero = now()
        self._events: deque[Event | _Lazy] = deque(maxlen=keep)
        self._makers: dict[str, Callable[..., Event]] = {}
        self._count = 0
        self._subscribers: tuple[tuple[Callable[[Event], None], frozenset[str]], ...] = ()
        self._unheard: frozenset[str] | None = None  # the kinds that no subscriber wants; None: any
        self._lock = threading.Lock()

    def now(self) -> float:
        """Return the seconds since this timeline began."""
        return self._now() - self._zero

    def add(self, source: str, kind: str, obj: str, /, reason: str = "", message: str = "", **data: Any) -> Event:
        """Append what happens now, tell every subscriber and return the event back."""
        return self.put(0.0, source, kind, obj, reason, message, data)

    def add_past(  # noqa: PLR0917 - as `add`
        self, ago: float, source: str, kind: str, obj: str, /, reason: str = "", message: str = "", **data: Any
    ) -> Event:
        """Append what happened `ago` seconds ago and is known only now: events stay in the order of their telling."""
        return self.put(ago, source, kind, obj, reason, message, data)

    def put(  # noqa: PLR0917 - as `add_past`
        self, ago: float, source: str, kind: str, obj: str, reason: str, message: str, data: Mapping[str, Any]
    ) -> Event:
        """Do what `add_past` does with data that are a mapping already: for whom every microsecond counts."""
        with self._lock:
            event = Event(round(max(self._now() - self._zero - ago, 0.0), 6), source, kind, obj, reason, message, data)
            self._events.append(event)
            self._count += 1
        self._tell(event)
        return event

    def add_lazy(self, kind: str, make: Callable[..., Event]) -> Callable[..., None]:
        """Return a function that appends what happens now, as `make(t, *facts)` tells it when somebody wants to know.

        Whenever it is called, `make` must give the same event, of this kind. A server's requests are told so: most are
        never read.
        """
        self._makers[kind] = make
        now, lock, append = self._now, self._lock, self._events.append

        def later(*facts: Any) -> None:
            with lock:
                lazy = (kind, now() - self._zero, *facts)
                append(lazy)
                self._count += 1
            if self._unheard is not None and kind not in self._unheard:
                self._tell(self._kept(lazy))

        return later

    def _tell(self, event: Event) -> None:
        for subscriber, excluded in self._subscribers:
            if event.kind not in excluded:
                subscriber(event)

    def _kept(self, lazy: _Lazy) -> Event:
        kind, t, *facts = lazy
        return self._makers[kind](int(t * 1e6 + 0.5) / 1e6, *facts)  # `round` would cost four times as much

    def subscribe(self, subscriber: Callable[[Event], None], exclude: Iterable[str] = ()) -> Callable[[], None]:
        """Call `subscriber` with each event from now on, but for the kinds in `exclude`; return what ends that."""
        one = (subscriber, frozenset(exclude))
        with self._lock:
            self._follow((*self._subscribers, one))

        def unsubscribe() -> None:
            with self._lock:
                self._follow(tuple(each for each in self._subscribers if each is not one))

        return unsubscribe

    def _follow(self, subscribers: tuple[tuple[Callable[[Event], None], frozenset[str]], ...]) -> None:
        self._subscribers = subscribers
        self._unheard = frozenset.intersection(*(excluded for _, excluded in subscribers)) if subscribers else None

    def __len__(self) -> int:
        """Count the events ever added: the `since` of a reader that wants only what comes next."""
        return self._count

    def since(self, count: int = 0) -> list[Event]:
        """Return the events after the first `count`, oldest first, as far back as they are kept."""
        return self.read(count)[0]

    def read(self, count: int = 0) -> tuple[list[Event], int]:
        """Return what `since` gives, and the count to read on from, though others add meanwhile."""
        with self._lock:
            newest_first = list(islice(reversed(self._events), max(0, self._count - count)))
            end = self._count
        return [event if isinstance(event, Event) else self._kept(event) for event in reversed(newest_first)], end

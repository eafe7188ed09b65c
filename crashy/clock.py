"""Virtual time: an asyncio loop whose clock jumps from timer to timer."""

from __future__ import annotations

import asyncio
import heapq
import selectors
import time
from collections.abc import Callable
from itertools import count
from typing import Any, NoReturn

_POLL_EVERY = 64  # jumps between two polls of the selector, which only signals and other threads make ready
_NAMED = 5


START_DATE = 1767225600.0
"""The date at virtual time 0, in Unix seconds, where no other is given: 2026-01-01 00:00:00 UTC."""


class NothingScheduledError(RuntimeError):
    """Virtual time can't advance: no timer is set and no input can arrive."""


class OutsideError(RuntimeError):
    """The call would wait in real time: for a thread, a process or a socket."""


class _Jump(selectors.DefaultSelector):
    """A selector that never waits: it moves the loop's clock on instead."""

    loop: VirtualLoop | None = None
    _skipped = 0

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """Register the loop's own pipe, by which signals and other threads wake it; refuse anything else."""
        if self.loop is not None:
            raise _outside("sockets and pipes")
        return super().register(fileobj, events, data)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self._skipped += 1
        if timeout is None or self._skipped >= _POLL_EVERY:
            self._skipped = 0
            if ready := super().select(0):
                return ready
        if self.loop is not None:
            self.loop.jump(timeout)
        return []


class _Timer(asyncio.TimerHandle):
    """A timer; of those for the same time the one that was set first fires first, in every version of Python."""

    __slots__ = ("_key",)

    def __init__(self, order: int, when: float, *args: Any) -> None:
        super().__init__(when, *args)
        self._key = (when, order)

    def __lt__(self, other: _Timer) -> bool:  # type: ignore[override]  # a loop's timers are all of one kind
        return self._key < other._key


class VirtualLoop(asyncio.SelectorEventLoop):
    """An asyncio loop whose time jumps to the next timer, so that hours pass in an instant.

    What runs on it can't wait for anything outside: a thread, a process or a socket raises `OutsideError`. With no
    timer set it raises `NothingScheduledError` instead of spinning. Signals and `call_soon_threadsafe` of other
    threads are handled within some jumps, at no repeatable virtual time.
    """

    def __init__(self, start: float = 0.0, date: float = START_DATE) -> None:
        self._now = start
        self._date = date
        self._orders = count()
        selector = _Jump()
        super().__init__(selector)
        selector.loop = self
        self._clock_resolution = 1e-9  # a timer that is due now is due

    def time(self) -> float:
        """Return the virtual time in seconds."""
        return self._now

    def date(self) -> float:
        """Return the virtual date in Unix seconds: `date` at the loop's time 0."""
        return self._date + self._now

    def jump(self, timeout: float | None) -> None:
        """Advance to the next timer; `timeout` is how long the loop would wait, None for ever."""
        if timeout is None:
            raise NothingScheduledError(f"virtual time stands still: no timer is set; waiting: {self._waiting()}")
        if timeout > 0:
            self._now = max(self._now, self._scheduled[0].when())  # type: ignore[attr-defined]

    def _waiting(self) -> str:
        names = sorted(task.get_name() for task in asyncio.all_tasks(self))
        return ", ".join([*names[:_NAMED], *(["..."] if names[_NAMED:] else [])])

    def call_at(  # type: ignore[override]  # of callbacks, any will do
        self, when: float, callback: Callable[..., object], *args: Any, context: Any = None
    ) -> asyncio.TimerHandle:
        """Call back at that time; see `asyncio.loop.call_at`. Those for the same time are called in order."""
        self._check_closed()  # type: ignore[attr-defined]
        timer = _Timer(next(self._orders), when, callback, args, self, context)
        heapq.heappush(self._scheduled, timer)  # type: ignore[attr-defined]
        timer._scheduled = True  # type: ignore[attr-defined]  # noqa: SLF001 - as the loop's own does
        return timer

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> NoReturn:  # type: ignore[override]
        """Refuse: a thread takes real time."""
        raise _outside("threads")

    async def create_server(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuse: asyncio's own would open the socket first, and leave it open."""
        raise _outside("sockets and pipes")

    async def subprocess_exec(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuse: a process takes real time."""
        raise _outside("processes")

    subprocess_shell = subprocess_exec


def _outside(what: str) -> OutsideError:
    return OutsideError(f"virtual time can't wait for {what}")


def date() -> float:
    """Return the date in Unix seconds: that of the running loop if it is virtual, or else the machine's."""
    loop = asyncio.get_running_loop()
    return loop.date() if isinstance(loop, VirtualLoop) else time.time()


def run_virtual(main: Any, start: float = 0.0) -> Any:
    """Run a coroutine to its end on a fresh `VirtualLoop` and return its result."""
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(start)) as runner:
        return runner.run(main)

"""What slows a connection: delays, bandwidths and late closes, each until its fault ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from crashy.faults.effects import Bandwidth, ConnectionShape, Delay, LateClose
from crashy.faults.injected import InjectedFault
from crashy.traffic.splice.gate import Gate

Shape = Delay | ConnectionShape
S = TypeVar("S", Delay, Bandwidth, LateClose)

PIECE = 0.02
"""Seconds of a bandwidth that are sent at once."""
_SOON = 0.0005  # seconds: event loops wake by the millisecond
_MADE_UP = 0.1  # seconds of a bandwidth that are made up for, if it was not used


class Downstream(Bandwidth):
    """A bandwidth of what goes to the client alone."""


class Shapes:
    """Those of one connection."""

    __slots__ = ("_faults", "_gate", "_waiters", "_watching")

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._faults: list[tuple[InjectedFault, Shape]] = []
        self._waiters: set[asyncio.Future[None]] | None = None
        self._watching: list[asyncio.Task[None]] | None = None

    def add(self, fault: InjectedFault, shape: Shape, *, held: bool = True) -> None:
        """Let one act until its fault ends; if that doesn't wait for it, what ends the fault may be that it acts."""
        self._faults.append((fault, shape))
        self._watching = self._watching or []
        self._watching.append(asyncio.get_running_loop().create_task(self._watch(fault, held=held)))

    async def _watch(self, fault: InjectedFault, *, held: bool) -> None:
        await self._gate.ended(fault)
        if fault.exhausted and not held:
            return
        self._faults = [(other, shape) for other, shape in self._faults if other is not fault]
        for waiter in self._waiters or ():
            if not waiter.done():
                waiter.set_result(None)

    def __bool__(self) -> bool:
        return bool(self._faults)

    def has(self, fault: InjectedFault) -> bool:
        """Return whether one is by this fault."""
        return any(other is fault for other, _ in self._faults)

    def of(self, kind: type[S]) -> list[S]:
        """Return those of a kind."""
        return [shape for _, shape in self._faults if type(shape) is kind]

    @property
    def delay(self) -> float:
        """The seconds by which what goes to the client is late."""
        return sum(shape.seconds for shape in self.of(Delay))

    @property
    def late(self) -> float:
        """The seconds by which the app's close is late."""
        return sum(shape.seconds for shape in self.of(LateClose))

    def rate(self, *, to_client: bool) -> float | None:
        """Return the bytes a second that pass, in this direction."""
        rates = [shape.rate for shape in self.of(Bandwidth)]
        if to_client:
            rates += [shape.rate for shape in self.of(Downstream)]
        return min(rates, default=None)

    async def delayed(self) -> None:
        """Sleep as long as the delays are, and forget them."""
        since = asyncio.get_running_loop().time()
        await self.sleep(lambda: since + self.delay)
        self._faults = [(fault, shape) for fault, shape in self._faults if not isinstance(shape, Delay)]

    async def sleep(self, until: Callable[[], float]) -> None:
        """Sleep until the time that `until` returns, which is asked again when a fault ends."""
        loop = asyncio.get_running_loop()
        self._waiters = set() if self._waiters is None else self._waiters
        while (seconds := until() - loop.time()) > _SOON:
            waiter: asyncio.Future[None] = loop.create_future()
            handle = loop.call_later(seconds, _wake, waiter)
            self._waiters.add(waiter)
            try:
                await waiter
            finally:
                handle.cancel()
                self._waiters.discard(waiter)

    def close(self) -> None:
        """Forget all."""
        self._faults = []
        for task in self._watching or ():
            task.cancel()


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


class Pace:
    """The pace of one direction of a connection: each piece goes when its last byte would have come."""

    def __init__(self, shapes: Shapes, *, to_client: bool) -> None:
        self._shapes = shapes
        self._to_client = to_client
        self._free = 0.0  # when the line is free

    def _rate(self) -> float | None:
        return self._shapes.rate(to_client=self._to_client)

    async def wait(self, arrived: float, data: bytes) -> bytes:
        """Wait until the first part of `data`, which came at a time, may go; return what is left for later."""
        shapes, delayed = self._shapes, self._to_client
        await shapes.sleep(lambda: arrived + (shapes.delay if delayed else 0.0))
        if (rate := self._rate()) is None:
            return b""
        size = min(len(data), max(1, int(rate * PIECE)))
        arrived += shapes.delay if delayed else 0.0
        began = max(self._free, arrived, asyncio.get_running_loop().time() - _MADE_UP)

        def done() -> float:
            rate = self._rate()
            return began + size / rate if rate else 0.0

        await shapes.sleep(done)
        self._free = done()
        return data[size:]

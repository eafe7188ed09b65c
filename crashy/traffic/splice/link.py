"""One connection that a gate watches: both its ends, and what faults do to it as a whole."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from crashy.faults.effects import LateClose
from crashy.faults.injected import InjectedFault, RequestEffect
from crashy.traffic.splice.ends import End, Nobody, Stop
from crashy.traffic.splice.gate import Gate
from crashy.traffic.splice.shapes import Shapes

Redial = Callable[[Callable[[End], None]], Awaitable[None]]
"""Connects to the server again, and gives its end to a function before anything is read; raises OSError."""


class Link:
    """Passes on what its ends read, and their ends; nothing of it waits, or runs, while no fault acts."""

    def __init__(self, gate: Gate, front: End, back: End, redial: Redial | None = None) -> None:
        self.gate = gate
        self.front = front
        self.back = back
        self.holding = False
        """Whether a fault keeps the client waiting, so that one that says no more has given up."""
        self.shapes = Shapes(gate)
        self._redial = redial
        self._is_released = False
        self._effects: list[RequestEffect] = []
        self._tasks: set[asyncio.Task[None]] = set()
        front.watcher = back.watcher = self

    def start(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run something that ends with the connection at the latest."""
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.abort()
            task.get_loop().call_exception_handler({"message": "a connection was given up", "exception": error})

    def keep(self, effect: RequestEffect) -> None:
        """Let an effect act on the connection from now on; what it holds is let go of when the connection is gone."""
        if self._is_released:
            self.gate.release(effect)
            return
        if effect.holders:
            self._effects.append(effect)
        for fault, shape in effect.shapes:
            self.shapes.add(fault, shape)

    def ended(self, end: End) -> None:
        """Pass on that an end has no more to say."""
        if end is self.front and self.holding:
            self.abort()
        else:
            self.pass_on(end)

    def lost(self, end: End, *, reset: bool) -> None:
        """Pass on that an end is gone."""
        if end is self.front:
            self.release()
            if reset:
                self.back.reset()
            else:
                self.back.close()
        else:
            self.pass_on(end, reset=reset)
        if self.front.lost and self.back.lost:
            self.release()

    def pass_on(self, end: End, *, reset: bool = False) -> None:
        """Let the other end do the same, later where a fault wants that."""
        if reset:
            end.other.reset()
        elif end is self.back and self.shapes.of(LateClose):
            self.start(self._late(asyncio.get_running_loop().time()))
        else:
            self._finish(end)

    async def _late(self, since: float) -> None:
        await self.shapes.sleep(lambda: since + self.shapes.late)
        self._finish(self.back)

    def _finish(self, end: End) -> None:
        if end.lost or end.other.ended:
            end.other.close()
            end.close()
        else:
            end.other.end()

    async def hold(self, fault: InjectedFault) -> None:
        """Keep the client waiting until a fault has ended."""
        if self.front.ended:
            self.abort()
        self.holding = True
        try:
            await self.gate.ended(fault)
        finally:
            self.holding = False

    async def hold_apart(self, fault: InjectedFault, *, then_go_on: bool) -> None:
        """Keep the client waiting until a fault has ended, without a connection to the server; raises OSError.

        A server may have a worker for each connection, whom one on which nothing is asked would keep from the others.
        """
        before = self.back
        before.watcher = Nobody()
        before.close()
        await self.hold(fault)

        def splice(back: End) -> None:
            self.back = self.front.other = back
            back.other, back.flow, back.watcher = self.front, before.flow, self
            self.front.go(Stop.OTHER_FULL)

        if then_go_on and self._redial is not None:
            await self._redial(splice)

    async def wait(self, fault: InjectedFault, seconds: float | None = None) -> None:
        """Wait so long, or until the fault has ended, if that is earlier."""
        try:
            async with asyncio.timeout(seconds):
                await self.gate.ended(fault)
        except TimeoutError:
            pass

    def close(self) -> None:
        """Close both ends, once what was written is sent."""
        self.front.close()
        self.back.close()

    def abort(self) -> None:
        """End at once whatever is done, and both connections."""
        self.release()
        self.front.transport.abort()
        self.back.transport.abort()

    def reset(self) -> None:
        """Reset the client's connection, and end the other."""
        self.front.reset()
        self.back.close()

    def release(self, spared: asyncio.Task[None] | None = None) -> None:
        """End what is done, but for one task, and let go of what faults have held."""
        self._is_released = True
        for task in self._tasks - {spared}:
            task.cancel()
        effects, self._effects = self._effects, []
        for effect in effects:
            self.gate.release(effect)
        self.shapes.close()

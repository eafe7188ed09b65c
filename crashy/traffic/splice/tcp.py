"""A connection that is decided as a whole: once, and again by each fault that starts while it is open."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from crashy.faults.kinds.truncate import BodyTruncated
from crashy.faults.scope import CONNECTION, Request
from crashy.traffic import changes
from crashy.traffic.splice.ends import End
from crashy.traffic.splice.gate import Gate
from crashy.traffic.splice.inbox import LIMIT, ON_ITS_WAY, Inbox
from crashy.traffic.splice.link import Link
from crashy.traffic.splice.shapes import Pace


class TcpLink(Link):
    """Passes all on as it comes; where faults act, by a task for each direction."""

    def __init__(self, gate: Gate, front: End, back: End) -> None:
        super().__init__(gate, front, back)
        self.cut: BodyTruncated | None = None
        """What ends the connection within what the app sends next."""
        self._since = 0
        self._quiet, self._started = gate.quiet, gate.started
        self._inboxes: dict[End, Inbox[bytes]] = {}
        self._deciding: asyncio.Task[None] | None = None
        for end in (front, back):
            end.flow = self._flow(end)

    def _flow(self, end: End) -> Callable[[bytes], object]:
        """Return what takes the bytes that an end reads while no task does: its other end may read none any more."""
        if end.other.shut:
            return end.other.write
        return self._from_front if end is self.front else self._from_back

    def _from_front(self, data: bytes) -> None:
        if self._quiet() or self._started() == self._since:
            self.back.transport.write(data)
        else:
            self._look(self.front, data)

    def _from_back(self, data: bytes) -> None:
        if self._quiet() or self._started() == self._since:
            self.front.transport.write(data)
        else:
            self._look(self.back, data)

    def _look(self, end: End, data: bytes) -> None:
        """Let tasks pass on what comes, from this on."""
        for one in (self.front, self.back):
            if one not in self._inboxes:
                inbox = self._inboxes[one] = Inbox[bytes](one)
                one.flow = partial(_put, inbox)
                self.start(self._pump(one, inbox))
        end.flow(data)

    async def _pump(self, end: End, inbox: Inbox[bytes]) -> None:
        pace = Pace(self.shapes, to_client=end is self.back)
        while (item := await inbox.get()) is not None:
            arrived, data = item
            await self._decided()
            if end is self.back and self.cut is not None:
                end.other.write(data[: self.cut.kept(len(data))])
                self.close()
                return
            while data:
                left = await pace.wait(arrived, data)
                end.other.write(data[: len(data) - len(left)])
                await end.other.drained()
                data = left
            if not (inbox or inbox.over or self.shapes or self.cut):
                del self._inboxes[end]
                end.flow = self._flow(end)
                return
        if end is self.back:
            await self.shapes.sleep(lambda: inbox.over_at + self.shapes.delay)
        del self._inboxes[end]
        self.pass_on(end, reset=inbox.over == "reset")

    async def _decided(self) -> None:
        if self._deciding is None and not self._quiet() and self._started() != self._since:
            self._deciding = self.start(self._decide())
        if self._deciding is not None:
            await self._deciding

    async def _decide(self) -> None:
        while not self._quiet() and (started := self._started()) != self._since:
            since, self._since = self._since, started
            effect = await self.gate.decide(Request(CONNECTION, ""), since)
            self.keep(effect)
            if self.back in self._inboxes:
                self._inboxes[self.back].limit = ON_ITS_WAY if self.shapes.delay else LIMIT
            if effect.hang is not None:
                await self.hold(effect.hang)
            elif effect.change is not None and effect.by is not None:
                await changes.of(effect.change).connection(self, effect.change, effect.by)
        self._deciding = None

    def swallow(self) -> None:
        """Drop what comes, from now on."""
        for inbox in self._inboxes.values():
            inbox.swallow()

    def ended(self, end: End) -> None:
        """Pass on that an end has no more to say, after what it has said."""
        if end in self._inboxes and not (end is self.front and self.holding):
            self._inboxes[end].finish("ended")
        else:
            super().ended(end)

    def lost(self, end: End, *, reset: bool) -> None:
        """Pass on that an end is gone, after what it has said."""
        if end is self.back and end in self._inboxes:
            self._inboxes[end].finish("reset" if reset else "closed")
        else:
            super().lost(end, reset=reset)


def _put(inbox: Inbox[bytes], data: bytes) -> None:
    inbox.put(data, len(data))

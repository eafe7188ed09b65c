"""One connection through a proxy with toxics: a chain of stages in each direction."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence

from crashy.server.toxiproxy.toxic import STREAMS, Stream, Toxic
from crashy.server.toxiproxy.toxics import Sink, Stage, Timers
from crashy.traffic.splice.ends import reset
from crashy.traffic.splice.proxy import CONNECT_TIMEOUT


class Chain:
    """One direction: what `source` reads passes the stages, in the order of their toxics, and is sent by `sink`."""

    def __init__(self, link: Link, timers: Timers, rng: random.Random) -> None:
        self.timers = timers
        self.rng = rng
        self.source = _End(link, self)
        self.sink: _End
        self.full = False  # whether the sink takes no more for now
        self.over = False  # whether the sink has sent its end
        self._link = link
        self._stages: dict[Toxic, Stage] = {}
        self._first: Sink = self

    def take(self, data: bytes) -> None:
        """Take what the source has read."""
        self._first.data(data)

    def take_end(self) -> None:
        """Take the source's end."""
        self._first.end()

    def data(self, data: bytes) -> None:
        """Send what has passed all stages."""
        self.sink.write(data)

    def end(self, *, whole: bool = False) -> None:
        """Send the end, which has passed all stages."""
        self.over = True
        if whole or all(chain.over for chain in self._link.chains.values()):
            self._link.close()
        else:
            self.sink.write_eof()

    def add(self, toxic: Toxic) -> None:
        """Add a toxic's stage, as the last."""
        self._stages[toxic] = toxic.stage(self)
        self._draw(toxic)

    def change(self, toxic: Toxic) -> None:
        """Act by a toxic's new attributes; whether it acts on this connection is drawn anew."""
        self._stages[toxic].change(toxic.attributes)
        self._draw(toxic)

    def remove(self, toxic: Toxic) -> None:
        """Remove a toxic's stage: what it holds is passed on, or the connection is closed."""
        stage = self._stages.pop(toxic)
        if stage.on and stage.ends_connections:
            stage.end(whole=True)
        stage.leave()
        self._join()

    def drop(self) -> None:
        """Hold nothing any more: the connection is over."""
        for stage in self._stages.values():
            stage.leave()

    def moved(self) -> None:
        """Read on, or don't, by what is held."""
        stopped = self.full or self.sink.transport is None
        if stopped or any(stage.held > stage.holds for stage in self._stages.values()):
            self.source.pause()
        else:
            self.source.resume()

    def reset(self) -> None:
        """Reset the connection."""
        self._link.reset()

    def _draw(self, toxic: Toxic) -> None:
        stage = self._stages[toxic]
        before, stage.on = stage.on, self.rng.random() < toxic.toxicity
        self._join()
        if stage.on and not before:
            stage.begin()
        elif before and not stage.on:
            stage.leave()

    def _join(self) -> None:
        following: Sink = self
        for stage in reversed(self._stages.values()):
            stage.next = following
            if stage.on:
                following = stage
        self._first = following


class _End(asyncio.Protocol):
    """One side of a link: its connection to the client, or that to the server; `reads` takes what it reads."""

    transport: asyncio.Transport | None = None

    def __init__(self, link: Link, reads: Chain) -> None:
        self._link = link
        self._reads = reads
        self._paused = False
        self._early = bytearray()  # what is to be sent once there is a connection
        self._early_end = False
        self.writes: Chain

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # of uvloop none is an asyncio.Transport
        if self._early:
            self.write(bytes(self._early))
        if self._early_end:
            self.write_eof()
        # Not at once: Debian 12's Python (3.11.2) begins to read after this method, paused or not.
        asyncio.get_running_loop().call_soon(self._reads.moved)
        self._link.connected(self)

    def data_received(self, data: bytes) -> None:
        self._reads.take(data)

    def eof_received(self) -> bool:
        self._reads.take_end()
        return True

    def pause_writing(self) -> None:
        self.writes.full = True
        self.writes.moved()

    def resume_writing(self) -> None:
        self.writes.full = False
        self.writes.moved()

    def connection_lost(self, exc: Exception | None) -> None:
        if exc:
            self._link.reset()
        else:
            self._link.close()

    @property
    def _open(self) -> asyncio.Transport | None:
        return None if self.transport is None or self.transport.is_closing() else self.transport

    def write(self, data: bytes) -> None:
        """Send data."""
        if self.transport is None:
            self._early += data
        elif open_ := self._open:
            open_.write(data)

    def write_eof(self) -> None:
        """Send no more."""
        if self.transport is None:
            self._early_end = True
        elif open_ := self._open:
            open_.write_eof()

    def pause(self) -> None:
        """Read no more for now."""
        if (open_ := self._open) and not self._paused:
            self._paused = True
            open_.pause_reading()

    def resume(self) -> None:
        """Read on."""
        if (open_ := self._open) and self._paused:
            self._paused = False
            open_.resume_reading()


class Link:
    """One connection, from a client that was accepted to the server at an address; `gone` is called at its end."""

    def __init__(
        self,
        toxics: Sequence[Toxic],
        address: tuple[str, int],
        rng: random.Random,
        gone: Callable[[Link], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._address = address
        self._gone = gone
        self._dialling: asyncio.Task[None] | None = None
        self.chains: dict[Stream, Chain] = {stream: Chain(self, self._loop, rng) for stream in STREAMS}
        up, down = self.chains["upstream"], self.chains["downstream"]
        self.front, self._back = up.source, down.source
        up.sink, self._back.writes = self._back, up
        down.sink, self.front.writes = self.front, down
        self._toxics = toxics

    def connected(self, end: _End) -> None:
        """One side is connected: after the client comes the server."""
        if end is self.front:
            for toxic in self._toxics:
                self.chains[toxic.stream].add(toxic)
            self._dialling = self._loop.create_task(self._dial())

    async def _dial(self) -> None:
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await self._loop.create_connection(lambda: self._back, *self._address)
        except OSError:  # TimeoutError is one
            self.close()
            return
        for chain in self.chains.values():
            chain.moved()

    def reset(self) -> None:
        """Reset both sides (RST)."""
        self._leave(reset)

    def close(self) -> None:
        """Close both sides, once what was written is sent."""
        self._leave(lambda transport: transport.close())

    def _leave(self, how: Callable[[asyncio.Transport], None]) -> None:
        for end in (self.front, self._back):
            if end.transport is not None and not end.transport.is_closing():
                how(end.transport)
        if self._dialling is not None and not self._dialling.done() and asyncio.current_task() is not self._dialling:
            self._dialling.cancel()
        for chain in self.chains.values():
            chain.drop()
        self._gone(self)

"""The two ends of a spliced connection: what one reads, the other writes, no faster than that is taken."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from enum import IntFlag
from typing import Protocol

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Stop(IntFlag):
    """Why an end doesn't read."""

    DIALLING = 1
    OTHER_FULL = 2
    TOO_MUCH = 4


class Watcher(Protocol):
    """Who is told of an end's end."""

    def ended(self, end: End) -> None:
        """Pass on that an end has no more to say."""

    def lost(self, end: End, *, reset: bool) -> None:
        """Pass on that an end is gone."""


class Nobody:
    """Is told of the end of what was parted with."""

    def ended(self, end: End) -> None:
        """Do nothing."""

    def lost(self, end: End, *, reset: bool) -> None:
        """Do nothing."""


class End(asyncio.Protocol):
    """One end; `flow` takes what it reads, which nobody looks into unless there is a `watcher`."""

    __slots__ = ("_connections", "_room", "_stops", "ended", "flow", "lost", "other", "shut", "transport", "watcher")

    transport: asyncio.Transport
    other: End
    flow: Callable[[bytes], object]

    def __init__(self, connections: set[End]) -> None:
        self._connections = connections
        self._stops = Stop(0)
        self._room: asyncio.Future[None] | None = None
        self.watcher: Watcher | None = None
        self.ended = False
        """Whether it has no more to say."""
        self.lost = False
        """Whether it is gone."""
        self.shut = False
        """Whether it was sent a FIN, after which nothing is written to it."""

    def splice(self, other: End) -> None:
        """Let each write what the other reads."""
        self.other, other.other = other, self
        self.flow, other.flow = other.transport.write, self.transport.write

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = transport  # type: ignore[assignment]  # a TCP transport is a Transport
        self._connections.add(self)

    def data_received(self, data: bytes) -> None:
        """Let it flow."""
        self.flow(data)

    def eof_received(self) -> bool:
        """Pass it on; while the other has more to say, this connection stays."""
        self.ended = True
        if self.watcher is not None:
            self.watcher.ended(self)
            return True
        self.other.end()
        return not self.other.ended

    def pause_writing(self) -> None:
        """Read no more from the other end: this one is full."""
        self._room = asyncio.get_running_loop().create_future()
        self.other.stop(Stop.OTHER_FULL)

    def resume_writing(self) -> None:
        """Read again."""
        self._has_room()
        self.other.go(Stop.OTHER_FULL)

    def connection_lost(self, exc: Exception | None) -> None:
        """Pass it on."""
        self._connections.discard(self)
        self.lost = True
        self._has_room()
        if self.watcher is not None:
            self.watcher.lost(self, reset=exc is not None)
        elif hasattr(self, "other"):
            if exc:
                self.other.reset()
            else:
                self.other.close()

    def _has_room(self) -> None:
        if self._room is not None and not self._room.done():
            self._room.set_result(None)
        self._room = None

    async def drained(self) -> None:
        """Return when there is room for more, or nobody left who would read it."""
        if self._room is not None:
            await asyncio.shield(self._room)

    def write(self, data: bytes) -> None:
        """Write, unless nothing can be written any more."""
        if not self.shut and not self.transport.is_closing():
            self.transport.write(data)

    def stop(self, why: Stop) -> None:
        """Read no more until every reason has gone."""
        if not self._stops and not self.transport.is_closing():
            self.transport.pause_reading()
        self._stops |= why

    def go(self, why: Stop) -> None:
        """Read again, unless there are other reasons not to."""
        stopped, self._stops = self._stops, self._stops & ~why
        if stopped and not self._stops and not self.transport.is_closing():
            self.transport.resume_reading()

    def end(self) -> None:
        """Send a FIN, and go on reading."""
        self.shut = True
        if self.transport.is_closing():
            return
        try:
            self.transport.write_eof()
        except OSError:  # the peer has reset the connection, which the transport has not heard yet
            self.transport.abort()

    def close(self) -> None:
        """Close (FIN), once what was written is sent."""
        self.transport.close()

    def reset(self) -> None:
        """Close with a RST, so that the peer sees an error rather than an end."""
        reset(self.transport)


def reset(transport: asyncio.Transport) -> None:
    """Close a connection with a RST."""
    sock: socket.socket | None = transport.get_extra_info("socket")
    if sock is not None and not transport.is_closing():
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    transport.abort()

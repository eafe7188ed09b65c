"""What the tests of the splice share: a gate with real faults, and a proxy before a real server."""

from __future__ import annotations

import asyncio
import random
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from crashy.faults.active import FaultSet
from crashy.faults.base import parse_spec
from crashy.faults.injected import InjectedFault, RequestEffect
from crashy.faults.scope import Client, ProbeName, Request
from crashy.traffic.splice.proxy import Proxy
from crashy.traffic.splice.upstream import Speaks, Upstream

DEADLINE = 20.0
_TURN = 0.005  # seconds between two looks at the faults' time

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class FaultGate:
    """A gate whose faults are a FaultSet's, as they are injected."""

    def __init__(self, client: Client = "users", probe: ProbeName | None = None) -> None:
        self.faults = FaultSet(time.monotonic, random.Random(7), way="outside")
        self.requests: list[Request] = []
        self._client: Client = client
        self._probe = probe
        self.is_deaf = False

    def inject(self, spec: str) -> InjectedFault:
        return self.faults.inject(parse_spec(spec))

    def quiet(self) -> bool:
        return not self.faults.list()

    def spares(self, request: Request) -> bool:
        return self.faults.spares(self._asked(request).sort)

    def _asked(self, request: Request) -> Request:
        return request._replace(client=self._client, is_probe=self._probe)

    def started(self) -> int:
        return self.faults.started

    async def decide(self, request: Request, since: int = 0) -> RequestEffect:
        self.requests.append(request)
        return self.faults.on_request(self._asked(request), since)

    def release(self, effect: RequestEffect) -> None:
        for holder in effect.holders:
            self.faults.release(holder)

    async def ended(self, fault: InjectedFault) -> None:
        while fault.state != "ended":
            await asyncio.sleep(_TURN)
            self.faults.tick()

    def deaf(self) -> bool:
        return self.is_deaf


class Passing:
    """A proxy with a gate before a server; `connect` to it as its clients do."""

    def __init__(self, gate: FaultGate, address: tuple[str, int], proxy: Proxy) -> None:
        self.gate = gate
        self.address = address
        self.proxy = proxy

    async def connect(self) -> Streams:
        return await asyncio.open_connection(*self.address)

    async def ask(self, request: bytes) -> bytes:
        """Send, and return all that comes until the end of the connection."""
        reader, writer = await self.connect()
        writer.write(request)
        try:
            async with asyncio.timeout(DEADLINE):
                return await reader.read()
        finally:
            writer.close()


@asynccontextmanager
async def passing(
    handler: Handler, speaks: Speaks = "any", *, client: Client = "users", probe: ProbeName | None = None
) -> AsyncIterator[Passing]:
    """Run a server, and a proxy with a gate before it."""
    server = await asyncio.start_server(handler, "127.0.0.1", 0)
    try:
        async with before(server.sockets[0].getsockname(), speaks, client=client, probe=probe) as through:
            yield through
    finally:
        server.close()
        await asyncio.sleep(0)


@asynccontextmanager
async def before(
    server: tuple[str, int], speaks: Speaks, *, client: Client = "users", probe: ProbeName | None = None
) -> AsyncIterator[Passing]:
    """Run a proxy with a gate before a server."""
    host, port = server
    listener = socket.create_server(("127.0.0.1", 0))
    gate = FaultGate(client, probe)
    proxy = Proxy(listener, lambda: Upstream(host, port, gate, speaks))
    await proxy.start()
    try:
        yield Passing(gate, listener.getsockname(), proxy)
    finally:
        proxy.close()
        await until(lambda: not proxy.open)


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition."""
    async with asyncio.timeout(DEADLINE):
        while not condition():  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(_TURN)


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send back what comes."""
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()

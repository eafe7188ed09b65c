"""The yardstick of a proxy: the shortest splice on uvloop. `python -m benchmarks.peers.splice PORT UPSTREAM_PORT`."""

import asyncio
import sys

import uvloop


class End(asyncio.Protocol):
    """Writes to the other end what it reads; neither waits for the other, nothing is decided."""

    def __init__(self, other: "End | None" = None) -> None:
        self.other = other
        self.early = b""  # what the client said while the server was dialled

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Dial, from the client's end."""
        self.transport = transport
        if self.other is None:
            self.dialling = asyncio.ensure_future(self.dial())

    async def dial(self) -> None:
        """Connect to the server."""
        _, self.other = await asyncio.get_running_loop().create_connection(
            lambda: End(self), "127.0.0.1", int(sys.argv[2])
        )
        self.other.transport.write(self.early)

    def data_received(self, data: bytes) -> None:
        """Pass it on."""
        if self.other is None:
            self.early += data
        else:
            self.other.transport.write(data)

    def connection_lost(self, _: Exception | None) -> None:
        """Close the other."""
        if self.other is not None:
            self.other.transport.close()


async def main() -> None:
    """Serve."""
    server = await asyncio.get_running_loop().create_server(End, "127.0.0.1", int(sys.argv[1]), backlog=1024)
    await server.serve_forever()


uvloop.run(main())

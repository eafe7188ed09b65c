"""The fastest server that a proxy can be put before: it parses nothing. `python -m benchmarks.peers.responder PORT`.

Each read is answered with what the patient's / says, one of `/N` (up to seven digits) with a body of N bytes.
"""

import asyncio
import re
import sys

import uvloop

from benchmarks.peers.words import TEXT

HEAD = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\r\n"
ANSWER = (HEAD.format(len(TEXT)) + TEXT).encode()
SIZED = re.compile(rb"GET /(\d{1,7}) ")


class Responder(asyncio.Protocol):
    """One connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Keep the transport."""
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer."""
        found = SIZED.match(data)
        self.transport.write(HEAD.format(found[1].decode()).encode() + bytes(int(found[1])) if found else ANSWER)


async def main() -> None:
    """Serve."""
    server = await asyncio.get_running_loop().create_server(Responder, "127.0.0.1", int(sys.argv[1]), backlog=1024)
    await server.serve_forever()


uvloop.run(main())

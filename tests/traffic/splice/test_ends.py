"""One end of a spliced connection, on real sockets."""

from __future__ import annotations

import asyncio
import socket
import struct

from crashy.traffic.splice.ends import End, Nobody


async def test_a_fin_to_a_peer_that_has_reset_the_connection_is_no_error() -> None:
    loop = asyncio.get_running_loop()
    with socket.create_server(("127.0.0.1", 0)) as server:
        peer = socket.create_connection(server.getsockname())
        accepted, _ = server.accept()
        accepted.setblocking(False)
        _, end = await loop.create_connection(lambda: End(set()), sock=accepted)
        end.watcher = Nobody()
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.close()

        end.end()  # before the transport has heard of it

        while not end.lost:  # noqa: ASYNC110 - the kernel tells
            await asyncio.sleep(0.01)

"""The tcpSocket probe: connect and close. Source: kubelet: pkg/probe/tcp/tcp.go."""

from __future__ import annotations

import asyncio

from crashy.kubelet.handlers.dial import Dial, authority, connect, direct, let_go
from crashy.kubelet.handlers.judge import WireError, dial_timeout
from crashy.kubelet.outcome import Outcome, Result


async def probe_tcp(host: str, port: int, timeout: float, *, dial: Dial = direct) -> Outcome:
    """Connect to a port within `timeout` seconds: success with no output, or a failure, never an error.

    The kernel accepts connections for a frozen process too, until its backlog is full.
    """
    try:
        async with asyncio.timeout(timeout):
            sock = await connect(host, port, dial)
    except TimeoutError:
        return Outcome(Result.FAILURE, dial_timeout(authority(host, port)))
    except WireError as error:
        return Outcome(Result.FAILURE, str(error))
    let_go(sock)
    sock.close()
    return Outcome(Result.SUCCESS)

"""The connection is closed without a response; over gRPC with all calls on it."""

from __future__ import annotations

from crashy.engines.sim.process import Cut
from crashy.engines.sim.responses import Own, Wait
from crashy.faults.kinds.abort import ConnectionClosed
from crashy.patient.identity import Identity


async def http(_change: ConnectionClosed, _own: Own, _wait: Wait, _who: Identity) -> Cut:
    """Close the connection."""
    return Cut()


grpc = http

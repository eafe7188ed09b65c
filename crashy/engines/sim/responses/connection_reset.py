"""The connection is reset without a response; over gRPC with all calls on it."""

from __future__ import annotations

from crashy.engines.sim.process import Reset
from crashy.engines.sim.responses import Own, Wait
from crashy.faults.kinds.reset import ConnectionReset
from crashy.patient.identity import Identity


async def http(_change: ConnectionReset, _own: Own, _wait: Wait, _who: Identity) -> Reset:
    """Reset the connection."""
    return Reset()


grpc = http

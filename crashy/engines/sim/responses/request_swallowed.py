"""Nothing comes back while the fault lasts."""

from __future__ import annotations

from crashy.engines.sim.process import Cut
from crashy.engines.sim.responses import RESET_STREAM, Answered, Own, Wait
from crashy.faults.kinds.blackhole import RequestSwallowed
from crashy.patient.identity import Identity


async def http(_change: RequestSwallowed, _own: Own, wait: Wait, _who: Identity) -> Cut | None:
    """Wait, and close the connection."""
    return Cut() if await wait(None) else None


async def grpc(_change: RequestSwallowed, _own: Own, wait: Wait, _who: Identity) -> Answered | None:
    """Wait, and drop the call."""
    return RESET_STREAM if await wait(None) else None

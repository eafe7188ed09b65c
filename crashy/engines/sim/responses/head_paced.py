"""The status line and the headers are sent in pieces."""

from __future__ import annotations

from crashy.engines.sim.responses import Answered, Own, Wait
from crashy.faults.kinds.slow_headers import HeadPaced
from crashy.patient.answers import Answer
from crashy.patient.identity import Identity


async def http(change: HeadPaced, own: Own, wait: Wait, _who: Identity) -> Answered | None:
    """Send the head a piece at a time, then the body; over gRPC the message comes that much later."""
    answer = await own()
    return answer if not isinstance(answer, Answer) or await wait(change.over) else None


grpc = http

"""Only the first part of the body is sent."""

from __future__ import annotations

from crashy.engines.sim.process import Truncated
from crashy.engines.sim.responses import RESET_STREAM, Answered, Own, Wait
from crashy.faults.kinds.truncate import BodyTruncated
from crashy.patient.answers import Answer
from crashy.patient.identity import Identity


async def http(_change: BodyTruncated, own: Own, _wait: Wait, _who: Identity) -> Answered | None:
    """Send the head and a part of the body."""
    answer = await own()
    return Truncated(answer.status) if isinstance(answer, Answer) else answer


async def grpc(_change: BodyTruncated, own: Own, _wait: Wait, _who: Identity) -> Answered | None:
    """Send a part of the message, and reset the stream."""
    answer = await own()
    return RESET_STREAM if isinstance(answer, Answer) else answer

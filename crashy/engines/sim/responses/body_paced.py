"""The body is sent in pieces."""

from __future__ import annotations

from crashy.engines.sim.process import Stall
from crashy.engines.sim.responses import MESSAGE, Answered, Own, Wait
from crashy.faults.kinds.drip import BodyPaced
from crashy.patient.answers import Answer
from crashy.patient.identity import Identity


async def http(change: BodyPaced, own: Own, wait: Wait, _who: Identity) -> Answered | None:
    """Send the head, and the body a piece at a time."""
    answer = await own()
    if not isinstance(answer, Answer) or not answer.body:
        return answer
    return answer if await wait(change.seconds(len(answer.body.encode()))) else Stall()


async def grpc(change: BodyPaced, own: Own, wait: Wait, _who: Identity) -> Answered | None:
    """Send the message as late as its last byte would come."""
    answer = await own()
    return answer if not isinstance(answer, Answer) or await wait(change.seconds(MESSAGE)) else None

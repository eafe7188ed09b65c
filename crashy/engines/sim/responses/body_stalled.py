"""The body comes when the fault has ended."""

from __future__ import annotations

from crashy.engines.sim.process import Stall
from crashy.engines.sim.responses import Answered, Own, Wait
from crashy.faults.kinds.stall_body import BodyStalled
from crashy.patient.answers import Answer
from crashy.patient.identity import Identity


async def http(_change: BodyStalled, own: Own, wait: Wait, _who: Identity) -> Answered | None:
    """Send the head, wait, and send the body."""
    answer = await own()
    return answer if not isinstance(answer, Answer) or await wait(None) else Stall()


async def grpc(_change: BodyStalled, own: Own, wait: Wait, _who: Identity) -> Answered | None:
    """Wait, and send the message."""
    answer = await own()
    return answer if not isinstance(answer, Answer) or await wait(None) else None

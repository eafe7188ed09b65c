"""Bytes of the body are flipped."""

from __future__ import annotations

from crashy.engines.sim.process import CallFailed
from crashy.engines.sim.responses import Answered, Own, Wait
from crashy.faults.kinds.corrupt import BodyCorrupted
from crashy.grpc import Code
from crashy.kubelet.handlers.judge import UNREADABLE
from crashy.patient.answers import Answer
from crashy.patient.identity import Identity


async def http(change: BodyCorrupted, own: Own, _wait: Wait, _who: Identity) -> Answered | None:
    """Flip bytes of the body."""
    answer = await own()
    if not isinstance(answer, Answer):
        return answer
    return answer._replace(body=change.apply(answer.body.encode()).decode("utf-8", "replace"))


async def grpc(_change: BodyCorrupted, own: Own, _wait: Wait, _who: Identity) -> Answered | None:
    """Send a message that is no protobuf."""
    answer = await own()
    return CallFailed(Code.INTERNAL, UNREADABLE) if isinstance(answer, Answer) else answer

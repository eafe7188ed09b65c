"""The handler raises an exception."""

from __future__ import annotations

from crashy.engines.sim.process import CallFailed
from crashy.engines.sim.responses import Answered, Own, Wait
from crashy.faults.kinds.exception import ExceptionRaised
from crashy.grpc import Code
from crashy.patient.answers import FAILED, Answer
from crashy.patient.identity import Identity


async def http(_change: ExceptionRaised, _own: Own, _wait: Wait, _who: Identity) -> Answer:
    """Answer as a server does for a bug."""
    return Answer(500, FAILED)


async def grpc(_change: ExceptionRaised, _own: Own, _wait: Wait, _who: Identity) -> Answered | None:
    """End the call as a server does for a bug."""
    return CallFailed(Code.INTERNAL, "Internal Server Error")

"""The response names another pod."""

from __future__ import annotations

from crashy.engines.sim.responses import Answered, Own, Wait
from crashy.faults.kinds.wrong_identity import OtherIdentity
from crashy.patient.answers import Answer
from crashy.patient.identity import Identity


async def http(change: OtherIdentity, own: Own, _wait: Wait, who: Identity) -> Answered | None:
    """Replace the app's name."""
    answer = await own()
    if not isinstance(answer, Answer):
        return answer
    return answer._replace(body=change.apply(answer.body, who.pod, who.version), pod=change.pod)


async def grpc(_change: OtherIdentity, own: Own, _wait: Wait, _who: Identity) -> Answered | None:
    """Answer: no probe looks at the name in the headers."""
    return await own()

"""The app says that it is another."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import ClassVar

from crashy.faults.base import Fault
from crashy.faults.effects import RequestPart, ResponseChange
from crashy.faults.probed import Probed
from crashy.faults.scope import Request
from crashy.fields import param
from crashy.fields.values import Shaped


class OtherIdentity(ResponseChange):
    """The response names another pod, and perhaps another version."""

    def __init__(self, pod: str, version: str | None) -> None:
        self.pod = pod
        self.version = version

    def apply(self, body: str, pod: str, version: str) -> str:
        """Return a body in which the app's own pod, and its version where that is named as one, are others."""
        if self.version is not None:
            body = body.replace(f"Application Version: {version}", f"Application Version: {self.version}")
        return body.replace(pod, self.pod)


class WrongIdentity(Fault):
    """Answer in another pod's name, in the body and in X-Pod, and as another version.

    So does a Service whose selector matches what it should not, or a rollout that left an old pod behind. Probes don't
    look at who answers; gRPC has the name in its header `x-pod`.
    """

    rank: ClassVar[int] = 4
    change: ClassVar[type[ResponseChange] | None] = OtherIdentity
    examples: ClassVar[tuple[str, ...]] = (
        "wrong-identity",
        "wrong-identity pod=web-0 p=0.5",
        "wrong-identity version=v0 routes=/info",
    )
    probed: ClassVar[Mapping[str, Probed]] = {"wrong-identity clients=kubelet": Probed()}

    pod: str = param(
        Shaped(r"[A-Za-z0-9][A-Za-z0-9.-]{0,252}", "a pod's name"), "the name that it answers by", default="another-pod"
    )
    version: str | None = param(
        Shaped(r"[!-~]{1,50}", "a text of at most 50 visible ASCII characters"), "the version that /info shows"
    )

    def on_request(self, request: Request, rng: random.Random) -> RequestPart | None:
        """Answer as another."""
        return OtherIdentity(self.pod, self.version)

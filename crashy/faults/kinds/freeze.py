"""The app freezes: it answers no request, and may refuse connections too."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import ClassVar

from crashy.faults.base import Fault, FaultError
from crashy.faults.effects import Block, Hang, ListenersClosed, ProcessEffect, RequestPart, Stop
from crashy.faults.probed import AWAITING, LATE_CALL, UNREACHABLE, Probed
from crashy.faults.scope import DefaultTarget, Request
from crashy.fields import param
from crashy.fields.units import format_duration
from crashy.fields.values import Choice

MAX_STOP = 3600.0
_PROCESS_EFFECTS: dict[str, ProcessEffect] = {"loop": Block(), "stop": Stop(), "deaf": ListenersClosed()}


class Freeze(Fault):
    """Freeze the app: block its event loop, hang its requests, stop its process, or close its listeners.

    `mode=stop` needs `for`, at most 1 h: a stopped process can't receive the request to recover.
    """

    target: ClassVar[DefaultTarget] = "everything"
    rank: ClassVar[int] = 0
    examples: ClassVar[tuple[str, ...]] = (
        "freeze",
        "freeze mode=loop after=30s for=10s",
        "freeze mode=hang clients=kubelet times=3",
        "freeze mode=stop for=20s",
        "freeze mode=deaf after=1m jitter=5s for=15s",
    )
    probed: ClassVar[Mapping[str, Probed]] = {
        "freeze": Probed(http=AWAITING, grpc=UNREACHABLE),
        "freeze mode=hang": Probed(http=AWAITING, grpc=LATE_CALL),
        "freeze mode=stop for=3s": Probed(http=AWAITING, grpc=UNREACHABLE),
        "freeze mode=deaf": Probed(
            http='Get "http://POD:8080/readyz": dial tcp POD:8080: connect: connection refused',
            grpc=UNREACHABLE,
            tcp="dial tcp POD:8080: connect: connection refused",
        ),
    }

    mode: str = param(
        Choice("loop", "hang", "stop", "deaf"),
        "loop blocks the event loop, hang never answers a request, stop stops its process (SIGSTOP; a lab's whole "
        "container where it can be frozen), deaf closes the listeners",
        default="loop",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.mode == "stop" and self.scope.for_ is None:
            raise FaultError("for", "mode=stop needs it, at most 1h: a stopped process answers no requests")
        if self.mode == "stop" and self.scope.for_ is not None and self.scope.for_ > MAX_STOP:
            raise FaultError("for", f"'{format_duration(self.scope.for_)}': mode=stop lasts at most 1h")

    def process_effect(self) -> ProcessEffect | None:
        """Return what freezes the whole process; None for `hang`, which holds requests one by one."""
        return _PROCESS_EFFECTS.get(self.mode)

    def on_request(self, request: Request, rng: random.Random) -> RequestPart | None:
        """Hold the request."""
        return Hang()

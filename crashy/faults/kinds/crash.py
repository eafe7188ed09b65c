"""The app crashes: the process exits, or it keeps running and answers every request with an error."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import ClassVar

from crashy.faults.base import Fault, FaultError
from crashy.faults.effects import Exit, InjectedResponse, ProcessEffect, RequestPart, Signal
from crashy.faults.probed import NO_FILE, NOT_SERVING, STATUS, Probed
from crashy.faults.scope import DefaultTarget, ProbeName, Request
from crashy.fields import param
from crashy.fields.values import Choice, Integer

SIGNALS = ("ABRT", "BUS", "FPE", "HUP", "ILL", "INT", "KILL", "QUIT", "SEGV", "SYS", "TERM", "TRAP")


class Crash(Fault):
    """Crash the app: end the process by an exit code or a signal, or keep running and answer 500 on every route."""

    target: ClassVar[DefaultTarget] = "everything"
    rank: ClassVar[int] = 2
    examples: ClassVar[tuple[str, ...]] = (
        "crash",
        "crash mode=exit code=3 after=1m jitter=10s",
        "crash mode=signal signal=SEGV routes=/checkout every=100",
        "crash mode=errors after=60s for=30s",
    )
    probed: ClassVar[Mapping[str, Probed]] = {
        "crash": Probed(exits=1),
        "crash mode=signal": Probed(exits=139),
        "crash mode=errors": Probed(http=STATUS.format(500), grpc=NOT_SERVING, exec=NO_FILE),
    }

    mode: str = param(Choice("exit", "signal", "errors"), "how it crashes", default="exit")
    code: int = param(Integer(0, 255, "an exit code"), "the exit code of the process", default=1, mode="exit")
    signal: str = param(
        Choice(*SIGNALS, prefix="SIG"), "the signal that kills the process", default="SEGV", mode="signal"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.mode != "errors" and self.scope.for_ is not None:
            raise FaultError("for", "a process that has ended can't be brought back: only for mode=errors")

    def process_effect(self) -> ProcessEffect | None:
        """Return the exit of the process, unless it keeps running."""
        match self.mode:
            case "exit":
                return Exit(self.code)
            case "signal":
                return Signal(self.signal)
        return None

    def on_request(self, request: Request, rng: random.Random) -> RequestPart | None:
        """Answer 500, in the persona's words."""
        return InjectedResponse(500)

    def failing(self) -> frozenset[ProbeName]:
        """Return readiness and liveness where every route answers with an error."""
        return frozenset({"readiness", "liveness"}) if self.mode == "errors" else frozenset()

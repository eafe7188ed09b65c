"""The app crashes: the process exits, or it keeps running and answers every request with an error."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import ClassVar

from crashy.faults.base import Fault, FaultError
from crashy.faults.effects import Exit, InjectedResponse, ProcessEffect, RequestPart, Signal
from crashy.faults.probed import NO_FILE, NOT_SERVING, STATUS, Probed
from crashy.faults.scope import PROBES, DefaultTarget, ProbeName, Request
from crashy.fields import param
from crashy.fields.values import Choice, Integer, Text

SIGNALS = ("ABRT", "BUS", "FPE", "HUP", "ILL", "INT", "KILL", "QUIT", "SEGV", "SYS", "TERM", "TRAP")


class StackOverflow(ProcessEffect):
    """The process calls a function that calls itself, until the kernel kills it (SIGSEGV); `message` as for `Exit`."""

    lasting: ClassVar[bool] = False
    code: ClassVar[int] = 139

    def __init__(self, message: str = "") -> None:
        self.message = message


class AbortCall(ProcessEffect):
    """The process calls abort() in a thread (SIGABRT); `message` as for `Exit`."""

    lasting: ClassVar[bool] = False
    code: ClassVar[int] = 134

    def __init__(self, message: str = "") -> None:
        self.message = message


class Crash(Fault):
    """Crash the app: end the process in one of several ways, or keep running and answer 500 on every route."""

    target: ClassVar[DefaultTarget] = "everything"
    rank: ClassVar[int] = 2
    instead: ClassVar[str] = "mode=exit, signal or errors"
    examples: ClassVar[tuple[str, ...]] = (
        "crash",
        "crash mode=exit code=3 after=1m jitter=10s",
        "crash mode=signal signal=SEGV routes=/checkout every=100",
        "crash mode=overflow message='out of stack'",
        "crash mode=abort after=30s",
        "crash mode=errors after=60s for=30s",
    )
    probed: ClassVar[Mapping[str, Probed]] = {
        "crash": Probed(exits=1),
        "crash mode=signal": Probed(exits=139),
        "crash mode=overflow": Probed(exits=139),
        "crash mode=abort": Probed(exits=134),
        "crash mode=errors": Probed(http=STATUS.format(500), grpc=NOT_SERVING, exec=NO_FILE),
    }
    probed_outside: ClassVar[Mapping[str, Probed]] = {
        "crash": Probed(exits=137),
        "crash mode=errors": Probed(http=STATUS.format(500), grpc=NOT_SERVING),
    }

    mode: str = param(
        Choice("exit", "signal", "overflow", "abort", "errors"),
        "how it crashes: by its exit, a signal that it sends itself, a stack that overflows (139), abort() in a thread "
        "(134), or not at all but for errors",
        default="exit",
    )
    code: int = param(
        Integer(0, 255, "an exit code"),
        "the exit code of the process; from outside it is killed, with 137",
        default=1,
        mode="exit",
    )
    signal: str = param(
        Choice(*SIGNALS, prefix="SIG"), "the signal that kills the process", default="SEGV", mode="signal"
    )

    message: str = param(
        Text(4096),
        "leave this as the termination message, which `kubectl describe` shows; not for mode=errors",
        default="",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.mode == "errors" and self.message:
            raise FaultError("message", "a process that goes on leaves none: not for mode=errors")
        if self.mode != "errors" and self.scope.for_ is not None:
            raise FaultError("for", "a process that has ended can't be brought back: only for mode=errors")
        if self.scope.via == "outside" and self.message:
            raise FaultError("message", "a process that is killed from outside leaves none: leave it out")

    def process_effect(self) -> ProcessEffect | None:
        """Return the end of the process, unless it keeps running; from outside an exit is a kill."""
        match self.mode:
            case "exit" if self.scope.via == "outside":
                return Signal("KILL")
            case "exit":
                return Exit(self.code, self.message)
            case "signal":
                return Signal(self.signal, self.message)
            case "overflow":
                return StackOverflow(self.message)
            case "abort":
                return AbortCall(self.message)
        return None

    @property
    def ends_with_process(self) -> bool:
        """Whether a new process is well again: it is, whatever the mode."""
        return True

    def on_request(self, request: Request, rng: random.Random) -> RequestPart | None:
        """Answer 500, in the persona's words."""
        return InjectedResponse(500)

    def failing(self) -> frozenset[ProbeName]:
        """Return all probes where every route answers with an error."""
        return frozenset(PROBES) if self.mode == "errors" else frozenset()

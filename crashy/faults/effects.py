"""What a fault does, as values: on one request, or to the whole process. Whoever reads them does it."""

from __future__ import annotations

import signal
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Delay:
    """The answer comes that many seconds later."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Hang:
    """The request is taken in and not answered while the fault lasts."""


@dataclass(frozen=True, slots=True)
class Answer:
    """This is answered instead; `body` None leaves the text to the server, which knows its persona."""

    status: int
    body: str | None = None
    headers: tuple[tuple[str, str], ...] = ()


RequestPart = Delay | Hang | Answer


@dataclass(frozen=True, slots=True)
class Exit:
    """The process ends with this exit code, at once."""

    code: int


@dataclass(frozen=True, slots=True)
class Signal:
    """The process sends itself this signal, named without `SIG`."""

    name: str

    @property
    def number(self) -> int:
        """The signal's number on this platform."""
        return signal.Signals[f"SIG{self.name}"].value


@dataclass(frozen=True, slots=True)
class Block:
    """The event loop of the data plane stands still."""


@dataclass(frozen=True, slots=True)
class Stop:
    """The whole process is stopped (SIGSTOP); only another process can wake it."""


@dataclass(frozen=True, slots=True)
class Deaf:
    """The listeners of the data plane are closed."""


LastingEffect = Block | Stop | Deaf
ProcessEffect = Exit | Signal | LastingEffect


@dataclass(frozen=True, slots=True)
class Begin:
    """Let this effect begin, or, if it already holds, let it last until `until`.

    `until` is on the clock of the FaultSet; None is until an `End`, or forever for what can't be undone.
    """

    effect: ProcessEffect
    until: float | None = None


@dataclass(frozen=True, slots=True)
class End:
    """Let this effect end: the last fault that held it is over."""

    effect: LastingEffect


Command = Begin | End

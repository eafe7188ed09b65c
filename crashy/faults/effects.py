"""What a fault does, as values: on one request, or to the whole process. Whoever reads them does it."""

from __future__ import annotations

import signal
from typing import NamedTuple


class _Plain:
    """An effect without parameters: one is as good as another of its class."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __hash__(self) -> int:
        return hash(type(self))

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class Delay(NamedTuple):
    """The answer comes that many seconds later."""

    seconds: float


class Hang(_Plain):
    """The request is taken in and not answered while the fault lasts."""

    __slots__ = ()


class Answer(NamedTuple):
    """This is answered instead; `body` None leaves the text to the server, which knows its persona."""

    status: int
    body: str | None = None
    headers: tuple[tuple[str, str], ...] = ()


RequestPart = Delay | Hang | Answer


class Exit(NamedTuple):
    """The process ends with this exit code, at once."""

    code: int


class Signal(NamedTuple):
    """The process sends itself this signal, named without `SIG`."""

    name: str

    @property
    def number(self) -> int:
        """The signal's number on this platform."""
        return signal.Signals[f"SIG{self.name}"].value


class Block(_Plain):
    """The event loop of the data plane stands still."""

    __slots__ = ()


class Stop(_Plain):
    """The whole process is stopped (SIGSTOP); only another process can wake it."""

    __slots__ = ()


class Deaf(_Plain):
    """The listeners of the data plane are closed."""

    __slots__ = ()


LastingEffect = Block | Stop | Deaf
ProcessEffect = Exit | Signal | LastingEffect


class Begin(NamedTuple):
    """Let this effect begin, or, if it already holds, let it last until `until`.

    `until` is on the clock of the FaultSet; None is until an `End`, or forever for what can't be undone.
    """

    effect: ProcessEffect
    until: float | None = None


class End(NamedTuple):
    """Let this effect end: the last fault that held it is over."""

    effect: LastingEffect


Command = Begin | End

"""What a fault does, as values: on one request, or to the whole process. Whoever reads them does it."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import ClassVar, NamedTuple


class _Value:
    """A value: equal to another of its class if what it holds is."""

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((type(self), *vars(self).values()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"


class Delay(NamedTuple):
    """The answer comes that many seconds later."""

    seconds: float


class Hang(_Value):
    """The request is taken in and not answered while the fault lasts."""


class Answer(NamedTuple):
    """This is answered instead; `body` None leaves the text to the server, which knows its persona."""

    status: int
    body: str | None = None
    headers: tuple[tuple[str, str], ...] = ()


RequestPart = Delay | Hang | Answer


class ProcessEffect(_Value):
    """Something that happens to the whole process.

    It is carried out by the file of its name in `server/effects/`, and for a modelled process by the one in
    `engines/sim/effects/`: `ListenersClosed` by `listeners_closed.py`. One that several faults use is here, one that
    belongs to a single fault beside it.
    """

    lasting: ClassVar[bool] = True
    """Whether it lasts as long as its fault; else it happens once, and the fault is over as it starts."""

    @property
    def file(self) -> str:
        """The name of the files that carry it out."""
        return re.sub(r"\B[A-Z]", r"_\g<0>", type(self).__name__).lower()


class Exit(ProcessEffect):
    """The process ends with this exit code, at once."""

    lasting: ClassVar[bool] = False

    def __init__(self, code: int) -> None:
        self.code = code


class Signal(ProcessEffect):
    """The process sends itself this signal, named without `SIG`."""

    lasting: ClassVar[bool] = False

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def number(self) -> int:
        """The signal's number on this platform."""
        return signal.Signals[f"SIG{self.name}"].value


class Block(ProcessEffect):
    """The event loop of the data plane stands still."""


class Stop(ProcessEffect):
    """The whole process is stopped (SIGSTOP); only another process can wake it."""


class ListenersClosed(ProcessEffect):
    """The listeners of the data plane are closed."""


class Begin(NamedTuple):
    """Let this effect begin, or, if it already holds, let it last until `until`.

    `until` is on the clock of the FaultSet; None is until an `End`, or forever for what can't be undone.
    """

    effect: ProcessEffect
    until: float | None = None


class End(NamedTuple):
    """Let this lasting effect end: the last fault that held it is over."""

    effect: ProcessEffect


Command = Begin | End


class ProcessEffects:
    """Carries out commands on one process, by the files of a package, one an effect, imported when first used.

    Such a file has `begin(process, effect, until)`, which returns what ends the effect again, or None if nothing is
    left to end: then the effect begins anew if it is told to last longer.
    """

    def __init__(self, package: ModuleType, process: object) -> None:
        self._package = package.__name__
        self._process = process
        self._ends: dict[ProcessEffect, Callable[[], None]] = {}

    def obey(self, command: Command) -> None:
        """Carry out a command; what already holds goes on, and what doesn't hold needn't end."""
        match command:
            case Begin(effect, until) if effect not in self._ends:
                end = import_module(f"{self._package}.{effect.file}").begin(self._process, effect, until)
                if end is not None:
                    self._ends[effect] = end
            case End(effect) if effect in self._ends:
                self._ends.pop(effect)()

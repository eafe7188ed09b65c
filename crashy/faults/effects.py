"""What a fault does to one request or to the whole process, as values that the server and the sim execute."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable
from http import HTTPStatus
from importlib import import_module
from types import ModuleType
from typing import ClassVar, NamedTuple, Protocol

from crashy.fields import Value


class Delay(NamedTuple):
    """The response comes that many seconds later."""

    seconds: float


class Hang(Value):
    """The request is accepted, but not answered while the fault lasts."""


class InjectedResponse(NamedTuple):
    """The response that a fault sends instead of the app's; without a `body` the persona chooses the text."""

    status: int
    body: str | None = None
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def text(self) -> str:
        """The body; where no persona chooses it, it is the status and what that is called."""
        if self.body is not None:
            return self.body
        return f"{self.status} {next((one.phrase for one in HTTPStatus if one == self.status), '')}".rstrip()


class Effect(Value):
    """Something that a fault does, executed by the file of its name: `ListenersClosed` by `listeners_closed.py`.

    One that several faults use is here, one that belongs to a single fault is in that fault's file.
    """

    inside: ClassVar[bool] = True
    """Whether it can happen in the patient."""
    outside: ClassVar[bool] = False
    """Whether it can be done to any app from outside."""

    @property
    def file(self) -> str:
        """The name of the files that execute it."""
        return re.sub(r"\B[A-Z]", r"_\g<0>", type(self).__name__).lower()


class ResponseChange(Effect):
    """A change of one response, or what is sent or done instead of it.

    Its files are in `server/responses/`, from outside in `traffic/changes/`, and for a modelled process in
    `engines/sim/responses/`.
    """

    on_connections: ClassVar[bool] = False
    """Whether it can be done to a connection that speaks no HTTP/1.1 too."""

    lasting: ClassVar[bool] = False
    """Whether it takes time, which the end of its fault cuts short: a fault whose `times` are used up waits for it."""


class ConnectionShape(Effect):
    """How a connection passes on what comes, while its fault lasts; others may shape the same connection too."""

    lasting: ClassVar[bool] = True
    inside: ClassVar[bool] = False
    outside: ClassVar[bool] = True
    on_connections: ClassVar[bool] = True


class Bandwidth(ConnectionShape):
    """So many bytes a second pass each way at most, heads of requests and responses included."""

    def __init__(self, rate: int) -> None:
        self.rate = rate


class LateClose(ConnectionShape):
    """The end of what the app sends (FIN) reaches its client so many seconds later."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds


RequestPart = Delay | Hang | InjectedResponse | ResponseChange | ConnectionShape


NO_SUCH_NAME = "Name or service not known"
TRY_AGAIN = "Temporary failure in name resolution"
"""What the resolver says of a name that it doesn't know, and of one that it can't ask for (glibc)."""


class LookEffect(NamedTuple):
    """What happens to a look at a dependency: it takes `delay` seconds longer, and fails for the reason `failure`."""

    delay: float = 0.0
    failure: str = ""


class Machine(Protocol):
    """What a process may use of its machine and its container."""

    @property
    def cores(self) -> int:
        """The processors that it may use."""

    @property
    def memory_limit(self) -> int | None:
        """The limit of its container's memory in bytes, if it has one."""

    @property
    def memory_ceiling(self) -> int:
        """The bytes up to which it may grow without harm to others."""

    @property
    def fds_limit(self) -> int:
        """The file descriptors that it may have open."""

    @property
    def threads_limit(self) -> int | None:
        """The limit of its container's processes, threads included, if it has one."""

    @property
    def threads_ceiling(self) -> int:
        """The threads that it may have without harm to others."""

    @property
    def disk_free(self) -> int | None:
        """The bytes that are free in STATE_DIR; None without one."""

    @property
    def disk_ceiling(self) -> int:
        """The bytes that it may write there without harm to others."""


class ProcessEffect(Effect):
    """Something that happens to the whole process.

    Its files are in `server/effects/`, from outside in `engines/lab/outside/`, and for a modelled process in
    `engines/sim/effects/`.
    """

    lasting: ClassVar[bool] = True
    """Whether it lasts as long as its fault; else it happens once, and the fault ends as it starts."""
    stops: ClassVar[bool] = False
    """Whether the whole process stands still meanwhile, so that nothing in it can end the effect."""
    stores: ClassVar[bool] = False
    """Whether it takes space on the node's disk, for which a kubelet evicts a pod with limits; sim doesn't."""
    not_on_sim: ClassVar[str] = ""
    """Why a modelled process can't have it, which refuses it in these words; empty if it can."""

    def check(self, machine: Callable[[], Machine]) -> None:
        """Raise FaultError if it needs more than the machine has, which is looked at only where that matters."""


class Exit(ProcessEffect):
    """The process ends with this exit code, at once; `message` becomes its container's termination message.

    From outside it is killed instead.
    """

    lasting: ClassVar[bool] = False
    outside: ClassVar[bool] = True

    def __init__(self, code: int, message: str = "") -> None:
        self.code = code
        self.message = message


class Signal(ProcessEffect):
    """The process sends itself this signal, named without `SIG`, or gets it; `message` as for `Exit`."""

    lasting: ClassVar[bool] = False
    outside: ClassVar[bool] = True

    def __init__(self, name: str, message: str = "") -> None:
        self.name = name
        self.message = message

    @property
    def number(self) -> int:
        """The signal's number on this platform."""
        return signal.Signals[f"SIG{self.name}"].value


class Block(ProcessEffect):
    """The event loop of the data plane is blocked; from outside the process is stopped instead."""

    outside: ClassVar[bool] = True


class Stop(ProcessEffect):
    """The whole process is stopped (SIGSTOP); only another process can resume it."""

    stops: ClassVar[bool] = True
    outside: ClassVar[bool] = True


class ListenersClosed(ProcessEffect):
    """The listeners of the data plane are closed, without `grpc` those of PORT alone; from outside, to some clients."""

    outside: ClassVar[bool] = True

    def __init__(self, *, grpc: bool = True, clients: str = "all") -> None:
        self.grpc = grpc
        self.clients = clients
        """Whose connections are refused: those of users, the kubelet or all."""


class Begin(NamedTuple):
    """Begin this effect or, if it has begun already, let it last until `until`.

    `until` is on the clock of the FaultSet; None means until an `End`, or forever for what can't be undone.
    """

    effect: ProcessEffect
    until: float | None = None


class End(NamedTuple):
    """End this lasting effect: the last fault that needed it is over."""

    effect: ProcessEffect


Command = Begin | End


class ProcessEffects:
    """Executes commands on one process, by the files of a package, one for each effect, imported when first used.

    Each file has `begin(process, effect, until)`, which returns the function that ends the effect, or None if it has
    ended already: such an effect begins again when a later `until` is commanded.
    """

    def __init__(self, package: ModuleType, process: object) -> None:
        self._package = package.__name__
        self._process = process
        self._ends: dict[ProcessEffect, Callable[[], None]] = {}

    def execute(self, command: Command) -> None:
        """Execute a command; beginning an effect twice, or ending one that hasn't begun, does nothing."""
        match command:
            case Begin(effect, until) if effect not in self._ends:
                end = import_module(f"{self._package}.{effect.file}").begin(self._process, effect, until)
                if end is not None:
                    self._ends[effect] = end
            case End(effect) if effect in self._ends:
                self._ends.pop(effect)()

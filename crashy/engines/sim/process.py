"""The interface between the runtime of modelled containers and their models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from crashy.faults.scope import Client
from crashy.objects.pod import Handler
from crashy.patient.answers import Answer


@dataclass(frozen=True, slots=True)
class Hang:
    """Accepts and reads, and never answers."""


@dataclass(frozen=True, slots=True)
class Stall:
    """Sends status and headers, and never the body."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """Nothing listens: connections are refused, commands still run."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """Doesn't run at all (SIGSTOP): the kernel queues connections up to the backlog, signals wait."""


@dataclass(frozen=True, slots=True)
class Full:
    """Doesn't run, and the kernel's queue of connections is full: none comes about."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Ended, `latency` seconds after the request, without a response."""

    latency: float = 0.0


@dataclass(frozen=True, slots=True)
class Broken:
    """Nothing that the kubelet could use, `latency` seconds after the request: Go's text says why.

    `url` is what it asked for last, if it was redirected.
    """

    error: str
    latency: float = 0.0
    url: str = ""


@dataclass(frozen=True, slots=True)
class Reset:
    """Resets the connection (RST), `latency` seconds after the request."""

    latency: float = 0.0


@dataclass(frozen=True, slots=True)
class Truncated:
    """Sends status and headers, and ends within the body, `latency` seconds after the request."""

    status: int
    latency: float = 0.0


@dataclass(frozen=True, slots=True)
class CallFailed:
    """A gRPC call that ends with another status than OK."""

    code: int
    message: str
    latency: float = 0.0


@dataclass(frozen=True, slots=True)
class Missing:
    """Can't be started: there is no such program."""

    program: str

    @property
    def error(self) -> str:
        """Return the runtime's words."""
        return f'exec: "{self.program}": executable file not found in $PATH'


Condition = Answer | Hang | Stall | Refuse | Stopped | Full | Cut | Broken | Reset | Truncated | CallFailed | Missing
"""How a container responds to a request."""


OOM_KILLED = 137, "OOMKilled"
"""The exit code and the reason of a process that the kernel killed at its container's memory limit."""


class Kernel(Protocol):
    """What a modelled process has of the machine that it runs on."""

    def now(self) -> float:
        """Return the seconds of the loop."""
        ...

    def call_at(self, when: float, callback: Callable[[], None]) -> None:
        """Call back at that time, unless the process has ended by then."""
        ...

    def exit(self, code: int, reason: str = "", message: tuple[str, str] = ("", "")) -> None:
        """End the process now, for a reason of the runtime's or none; once it has ended this does nothing.

        `message` is a file, and the termination message that the process has written there.
        """
        ...


class Process(Protocol):
    """One life of a modelled container."""

    def listens(self, port: int) -> bool:
        """Return whether the kernel takes connections to a port for it now."""
        ...

    async def respond(self, handler: Handler, port: int, within: float, client: Client) -> Condition:
        """Return the response to a request on a port, or to a command in it (port 0).

        Where it takes time to know, this takes the time, at most `within` seconds; no condition's latency is shorter.
        """
        ...

    def terminate(self) -> None:
        """Take SIGTERM, the first of this life."""
        ...

    def ended(self) -> None:
        """Handle its end, for whatever reason."""
        ...


class Plan(Protocol):
    """The plan of one life of a container.

    The runtime needs `start_seconds` to start it, or to find that it can't, for the reason `start_error`.
    """

    @property
    def start_seconds(self) -> float:
        """Return the seconds that a start takes."""
        ...

    @property
    def start_error(self) -> str:
        """Return why it can't be started; empty if it can."""
        ...

    def begin(self, kernel: Kernel) -> Process:
        """Begin the life now."""
        ...

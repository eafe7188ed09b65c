"""Who decides what happens to what passes: the faults of one pod's container, or of one proxy."""

from __future__ import annotations

from typing import Protocol

from crashy.faults.active import RequestEffect
from crashy.faults.injected import InjectedFault
from crashy.faults.scope import Request

CONNECTION = "CONNECTION"
"""The method of a Request that is a whole connection, whose path is empty."""


class Gate(Protocol):
    """Decides about requests, and about connections that speak no HTTP/1.1; only the splice asks it.

    A request that it is asked about has the client `users` and no probe: the gate, which knows better, replaces both.
    """

    def quiet(self) -> bool:
        """Return whether no fault may act on what passes now."""

    async def decide(self, request: Request) -> RequestEffect:
        """Count a request and return what happens to it; commands for the process have been carried out by then."""

    def release(self, effect: RequestEffect) -> None:
        """Let go of what a fault has held: `FaultSet.release` of the effect's holder, if it has one."""

    async def ended(self, fault: InjectedFault) -> None:
        """Return when this fault has ended."""

    def deaf(self) -> bool:
        """Return whether new connections are refused."""

"""Who decides what happens to what passes: the faults of one pod's container, or of one proxy."""

from __future__ import annotations

from typing import Protocol

from crashy.faults.injected import InjectedFault, RequestEffect
from crashy.faults.scope import Request


class Gate(Protocol):
    """Decides about requests, and about connections that speak no HTTP/1.1 as requests of the method CONNECTION.

    A request that it is asked about has the client `users` and no probe: the gate, which knows better, replaces both.
    """

    def quiet(self) -> bool:
        """Return whether no fault may act on what passes now."""

    def spares(self, request: Request) -> bool:
        """Return whether it is known that no fault matches a request of its sort, which then isn't counted."""

    def started(self) -> int:
        """Return how many faults have started so far: `FaultSet.started`."""

    async def decide(self, request: Request, since: int = 0) -> RequestEffect:
        """Count a request and return what happens to it, by the faults but the first `since` that have started.

        Commands for the process have been carried out by then.
        """

    def release(self, effect: RequestEffect) -> None:
        """Let go of what faults have held: `FaultSet.release` of each of the effect's holders."""

    async def ended(self, fault: InjectedFault) -> None:
        """Return when this fault has ended."""

    def deaf(self) -> bool:
        """Return whether new connections are refused."""

"""The gates through which a container's clients reach it: who asks, and which of its probes."""

from __future__ import annotations

from collections.abc import Mapping

from crashy.engines.fault_driver import FaultDriver
from crashy.faults.injected import InjectedFault, RequestEffect
from crashy.faults.scope import Client, ProbeName, Request
from crashy.objects.pod import Container, HTTPGet, ProbeType

PROBES: Mapping[ProbeType, ProbeName] = {
    ProbeType.READINESS: "readiness",
    ProbeType.LIVENESS: "liveness",
    ProbeType.STARTUP: "startup",
}
"""What faults call each probe; a user who asks a path of several of them asks the first."""


class FaultGate:
    """A gate of the splice before what faults act on: its clients are `client`, and ask for `probe` or by `paths`."""

    def __init__(
        self,
        driver: FaultDriver,
        client: Client,
        probe: ProbeName | None = None,
        paths: Mapping[str, ProbeName] | None = None,
    ) -> None:
        self._driver = driver
        self._client: Client = client
        self._probe: ProbeName | None = probe
        self._paths = paths or {}

    def quiet(self) -> bool:
        """Return whether no fault may act on what passes now."""
        return self._driver.quiet

    def spares(self, request: Request) -> bool:
        """Return whether it is known that no fault matches a request of its sort."""
        return self._driver.faults.spares(self._asked(request).sort)

    def started(self) -> int:
        """Return how many faults have started so far."""
        return self._driver.faults.started

    async def decide(self, request: Request, since: int = 0) -> RequestEffect:
        """Count a request and return what happens to it; commands for the process have been carried out by then."""
        effect = self._driver.faults.on_request(self._asked(request), since)
        if effect.commands:
            self._driver.carry_out(effect.commands)
        return effect

    def _asked(self, request: Request) -> Request:
        probe = self._probe or self._paths.get(request.path)
        return request._replace(client=self._client, is_probe=probe)

    def release(self, effect: RequestEffect) -> None:
        """Let go of what faults have held."""
        for fault in effect.holders:
            self._driver.faults.release(fault)

    async def ended(self, fault: InjectedFault) -> None:
        """Return when this fault has ended."""
        await self._driver.ended(fault)

    def deaf(self) -> bool:
        """Return whether new connections are refused."""
        return self._driver.process.is_deaf_to(self._client)


def paths_of(container: Container) -> dict[str, ProbeName]:
    """Return the paths by which a container's probes ask; `/` is users' own, though a probe may ask it too."""
    found: dict[str, ProbeName] = {}
    for kind, name in PROBES.items():
        probe = container.probe(kind)
        if probe and isinstance(probe.handler, HTTPGet):
            found.setdefault(probe.handler.path.partition("?")[0], name)
    found.pop("/", None)
    return found

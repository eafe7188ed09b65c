"""What a modelled patient depends on: the experiment's own Services as they are, all else up unless a fault has it.

A look goes as in `server/dependencies.py`: to one of the pods behind the name, chosen by chance, on virtual time.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus
from typing import Protocol

from crashy.controllers.cluster import Cluster
from crashy.controllers.dns import NoSuchNameError, Places, find
from crashy.engines.sim.effects import ModelledProcess
from crashy.engines.sim.process import Condition, Cut, Refuse, Reset, Stall, Truncated
from crashy.faults.active import FaultSet
from crashy.faults.effects import NO_SUCH_NAME
from crashy.faults.scope import is_address
from crashy.objects.pod import Handler, HTTPGet, TCPSocket
from crashy.objects.service import Service
from crashy.patient.answers import Answer
from crashy.patient.dependencies import PERIOD, TIMEOUT, Dependencies, Dependency

REFUSED = "Connection refused"
LATE = f"no answer within {TIMEOUT:g}s"


class Asks(Protocol):
    """What carries a request to a pod's port, as `SimRuntime.ask` does."""

    async def __call__(self, ip: str, handler: Handler, port: int, within: float) -> Condition:
        """Return the response of who listens there, after at most `within` seconds."""
        ...


class World:
    """The cluster as a pod of one namespace reaches it; `cluster_ips` has the Services' own addresses."""

    def __init__(
        self, cluster: Cluster, ask: Asks, namespace: str, cluster_ips: Mapping[tuple[str, str], tuple[Service, str]]
    ) -> None:
        self._cluster_ips = cluster_ips
        self._cluster = cluster
        self.ask = ask
        self._namespace = namespace

    def find(self, host: str, port: int) -> Places | None:
        """Return where a name's port is, None outside; raises NoSuchNameError."""
        return find(self._cluster.services(), self._cluster.pods(), self._namespace, host, port)

    def at(self, ip: str, port: int) -> Places | None:
        """Return where a Service's own address and a port lead; None for an address of nobody's here."""
        names = (f"{one.name}.{one.namespace}" for one, own in self._cluster_ips.values() if own == ip)
        return next((self.find(name, port) for name in names), None)


class ModelledWatch:
    """Watches one modelled patient's dependencies until `stop`; calls `told` with a line for each change."""

    def __init__(
        self,
        dependencies: Dependencies,
        process: ModelledProcess,
        faults: FaultSet,
        *,
        world: World | None,
        rng: random.Random,
        told: Callable[[str], None],
    ) -> None:
        self._dependencies = dependencies
        self._process = process
        self._faults = faults
        self._world = world
        self._rng = rng
        self._told = told
        self._looks: set[asyncio.Task[None]] = set()
        self._over = False

    def start(self) -> None:
        """Begin with a look at each."""
        for one in self._dependencies:
            self._begin(one)

    def stop(self) -> None:
        """End, with the looks in progress."""
        self._over = True
        for look in self._looks:
            look.cancel()

    def _begin(self, dependency: Dependency) -> None:
        if self._process.stopped:
            self._process.when_awake(partial(self._begin, dependency))
            return
        look = asyncio.get_running_loop().create_task(self._watch(dependency))
        self._looks.add(look)
        look.add_done_callback(self._looks.discard)

    def _later(self, when: float, dependency: Dependency) -> None:
        self._process.kernel.call_at(when, partial(self._begin, dependency))

    async def _watch(self, dependency: Dependency) -> None:
        now = self._process.kernel.now
        began = now()
        failure = await self._look(dependency, began + TIMEOUT)
        if self._over:
            return
        if line := self._dependencies.saw(dependency, now() - began, failure):
            self._told(line)
        self._later(max(now(), began + PERIOD), dependency)

    async def _look(self, dependency: Dependency, deadline: float) -> str:
        """Return why a look fails, or an empty text."""
        now = self._process.kernel.now
        look = dependency.look
        places: Places | None = None
        if is_address(dependency.host):
            places = self._world.at(dependency.host, dependency.port) if self._world else None
        else:
            if failure := self._faults.on_look(look._replace(name="", lookup=True)).failure:
                return failure
            try:
                places = self._world.find(dependency.host, dependency.port) if self._world else None
            except NoSuchNameError:
                return NO_SUCH_NAME
        effect = self._faults.on_look(look)
        await asyncio.sleep(max(0.0, min(effect.delay, deadline - now())))
        if now() >= deadline:
            return LATE
        if effect.failure or places is None:
            return effect.failure
        return await self._ask(dependency, places, deadline)

    async def _ask(self, dependency: Dependency, places: Places, deadline: float) -> str:
        if not places or self._world is None:
            return REFUSED
        now = self._process.kernel.now
        ip, port = self._rng.choice(places)
        web = dependency.kind in {"http", "https"}
        handler = HTTPGet(port, dependency.path, scheme=dependency.kind.upper()) if web else TCPSocket(port)
        began = now()
        condition = await self._world.ask(ip, handler, port, deadline - began)
        failure = _failure(dependency.kind, condition)
        late = deadline - began if failure == LATE else getattr(condition, "latency", 0.0)
        await asyncio.sleep(max(0.0, began + late - now()))
        return failure


def _failure(kind: str, condition: Condition) -> str:
    """Return why a dependency of a kind that answers so is down, or an empty text."""
    match condition:
        case Refuse():
            return REFUSED
        case Answer() if kind in {"redis", "mysql"}:  # no pod's model speaks so
            return "answers 'HTTP/1.0 400 Bad Request'" if kind == "redis" else LATE
        case Answer(status) if status >= HTTPStatus.BAD_REQUEST:
            return f"answers {status}"
        case Answer() | Stall() | Truncated():
            return ""
        case Reset():
            return "Connection reset by peer"
        case Cut():
            return "closed without an answer"
    return LATE

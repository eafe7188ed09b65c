"""What a modelled patient depends on: the experiment's own Services as they are, all else up unless a fault has it.

A look goes as in `server/dependencies.py`: to one of the pods behind the name, chosen by chance, on virtual time.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from http import HTTPStatus
from typing import Any

from crashy.controllers.cluster import Cluster
from crashy.controllers.dns import NoSuchNameError, Places, find
from crashy.engines.sim.effects import ModelledProcess
from crashy.engines.sim.external import Asks, External
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


class World:
    """The cluster as a pod of one namespace reaches it; `cluster_ips` has the Services' own addresses."""

    def __init__(
        self,
        cluster: Cluster,
        ask: Asks,
        namespace: str,
        cluster_ips: Mapping[tuple[str, str], tuple[Service, str]],
        external: External,
    ) -> None:
        self._cluster_ips = cluster_ips
        self._cluster = cluster
        self.ask = ask
        self.external = external
        self._namespace = namespace

    def leading_out(self, host: str, port: int) -> Service | None:
        """Return the ExternalName Service that a name or an address means, if it has that port."""
        return self.external.find(self._namespace, host, port)

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
        if effect.failure or self._world is None:
            return effect.failure
        if places is not None:
            return await self._ask(dependency, self._world, places, deadline)
        service = self._world.leading_out(dependency.host, dependency.port)
        return await self._ask_out(dependency, self._world.external, service, deadline) if service else ""

    async def _ask(self, dependency: Dependency, world: World, places: Places, deadline: float) -> str:
        if not places:
            return REFUSED
        ip, port = self._rng.choice(places)
        handler = _handler(dependency, port)
        return await self._judged(
            dependency.kind, world.ask(ip, handler, port, deadline - self._process.kernel.now()), deadline
        )

    async def _ask_out(self, dependency: Dependency, external: External, service: Service, deadline: float) -> str:
        """Ask through an ExternalName Service."""
        within = deadline - self._process.kernel.now()
        asking = external.look(service, dependency, _handler(dependency, dependency.port), within)
        return await self._judged(dependency.kind, asking, deadline, speaks=True)

    async def _judged(
        self, kind: str, asking: Coroutine[Any, Any, Condition], deadline: float, *, speaks: bool = False
    ) -> str:
        """Return why what is asked is down, once it has answered; whether it `speaks` as its kind does."""
        now = self._process.kernel.now
        began = now()
        condition = await asking
        failure = _failure(kind, condition, speaks=speaks)
        late = deadline - began if failure == LATE else getattr(condition, "latency", 0.0)
        await asyncio.sleep(max(0.0, began + late - now()))
        return failure


def _handler(dependency: Dependency, port: int) -> Handler:
    web = dependency.kind in {"http", "https"}
    return HTTPGet(port, dependency.path, scheme=dependency.kind.upper()) if web else TCPSocket(port)


def _failure(kind: str, condition: Condition, *, speaks: bool) -> str:
    """Return why a dependency of a kind that answers so is down, or an empty text; see `_judged`."""
    match condition:
        case Refuse():
            return REFUSED
        case Answer() if kind in {"redis", "mysql"} and not speaks:  # no pod's model speaks so
            return "answers 'HTTP/1.0 400 Bad Request'" if kind == "redis" else LATE
        case Answer(status) if status >= HTTPStatus.BAD_REQUEST:
            return f"answers {status}"
        case Answer() | Stall() | Truncated():
            return ""
        case Reset():
            return "Connection reset by peer"
        case Cut():
            return f"closed without {'a greeting' if kind == 'mysql' else 'an answer'}"
    return LATE

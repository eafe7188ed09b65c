"""A crash of anybody's app on a cluster: its first process is told to end, and where it can't be its pod goes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

from crashy.controllers.eviction import EvictionRefusedError
from crashy.engines.admin import NotDoneError
from crashy.engines.kube.api import Api, ApiError
from crashy.engines.kube.eviction import evict
from crashy.engines.kube.execute import execute
from crashy.engines.kube.outside import shares_processes
from crashy.faults.base import parse_spec
from crashy.faults.effects import Signal
from crashy.kubelet.runtime import Pod
from crashy.objects.pod import Container

_PATIENCE = 3  # seconds for the container's end
_STARTS = 20.0  # seconds for the command itself to be run on a busy node
_GRACE = 1  # seconds: the least that the API server's own wait allows, as a crash has none
_KILLED = 137
# The first process ignores a signal without a handler, SIGKILL too; with it ends whatever runs beside it.
_SCRIPT = f"kill -s {{signal}} 1 || exit 1; sleep {_PATIENCE}"
_NO_SHELL = ("executable file not found", "no such file or directory")
_Tell = Callable[[Pod, str, str], None]


class Crash:
    """One crash of one pod's container: `tell` gets what became of it. A `guest` evicts, so that budgets are kept."""

    def __init__(self, api: Api, pod: Pod, container: Container, spec: str, tell: _Tell, *, guest: bool) -> None:
        self._api = api
        self._pod = pod
        self._container = container
        self._spec = spec
        self._fault = parse_spec(spec)
        self._tell = tell
        self._guest = guest

    async def run(self) -> None:
        """Crash it when its time has come; the outcome is told."""
        scope, spec = self._fault.scope, self._spec
        await asyncio.sleep(scope.after + random.Random(scope.seed).random() * scope.jitter)
        try:
            if shares_processes(self._pod.template):
                await self._remove("its process 1 is not its own")
            elif why := await self._kill():
                await self._remove(why)
        except (NotDoneError, ApiError) as error:
            self._tell(self._pod, "NotInjected", f"{spec}: {error}")
        except EvictionRefusedError as error:
            self._tell(self._pod, "NotInjected", f"{spec}: {error.text()}")

    async def _kill(self) -> str:
        """End the container by its first process, or return why that can't be; raises NotDoneError if none runs."""
        effect = self._fault.taken("outside").process_effect()
        signal = effect.name if isinstance(effect, Signal) and effect.name != "KILL" else "TERM"
        kill = "kill 1" if signal == "TERM" else f"kill -s {signal} 1"
        command = ("sh", "-c", _SCRIPT.format(signal=signal))
        ended = await execute(self._api, self._pod, self._container.name, command, _STARTS)
        text = ended.output.decode("utf-8", "replace").strip()
        if ended.code == _KILLED:
            spec, where = self._spec, self._container.name
            self._tell(self._pod, "ContainerEnded", f"{spec}: {kill} in container {where}")
            return ""
        if ended.code == 0:
            return f"{kill} was ignored for {_PATIENCE} s"
        if ended.code is not None or any(words in ended.how for words in _NO_SHELL):
            return f"{kill}: {text or ended.how}"
        raise NotDoneError(ended.how)

    async def _remove(self, why: str) -> None:
        pod, spec = self._pod, self._spec
        if self._guest:
            await evict(self._api, pod, _GRACE)
            self._tell(pod, "PodEvicted", f"{spec}: {why}")
            return
        path = f"/api/v1/namespaces/{pod.namespace}/pods/{pod.name}"
        body = {"preconditions": {"uid": pod.uid}, "gracePeriodSeconds": _GRACE}
        await self._api.request("DELETE", path, body)
        self._tell(pod, "PodDeleted", f"{spec}: {why}")

"""Faults on a cluster: by the admin API of a patient or a sidecar, or by the end of a container."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from crashy.engines.admin import NeedsTokenError, NotDoneError, patient, proxy
from crashy.engines.kube import rights
from crashy.engines.kube.admin import AdminProxy
from crashy.engines.kube.api import Api
from crashy.engines.kube.crash import Crash
from crashy.engines.kube.execute import execute
from crashy.engines.kube.outside import NoMeansError, chosen, means
from crashy.faults.base import Fault, FaultError, parse_spec
from crashy.kubelet.runtime import Pod
from crashy.objects.pod import Container, PodTemplate
from crashy.timeline import Timeline, kinds

_EXEC_TIMEOUT = 10.0


class Faults:
    """Injects faults into pods and takes them back; a `guest` does nothing that a budget of the user's forbids."""

    def __init__(self, api: Api, timeline: Timeline, tasks: asyncio.TaskGroup, *, guest: bool) -> None:
        self._api = api
        self._timeline = timeline
        self._tasks = tasks
        self._guest = guest
        self._admin = AdminProxy(api)
        self._injected: set[str] = set()  # uids of pods
        self._crashes: dict[asyncio.Task[None], tuple[str, str]] = {}  # the uid of each one's pod, and its fault
        self._ends = False

    def refusal(self, template: PodTemplate, fault: Fault, container: str = "") -> str:
        """Return why a pod can't take a fault; empty if it can."""
        mode = f" mode={mode}" if (mode := getattr(fault, "mode", "")) else ""
        target = chosen(template, container)
        if target is None:
            return f"{fault.name}{mode}: no container is called {container}"
        try:
            self._ends = means(template, fault, target) == "end" or self._ends
        except NoMeansError as error:
            return f"{fault.name}{mode}: container {target.name}: it {error}"
        except FaultError as error:
            return f"container {target.name}: {error}"
        return ""

    async def check_rights(self, namespace: str) -> None:
        """Raise BadInput that names what may not be done of that for which nothing refused; raises ApiError."""
        if self._ends:
            await rights.check(self._api, rights.GUEST_CRASH if self._guest else rights.CRASH, namespace)

    async def inject(self, pod: Pod, spec: str, container: str = "") -> None:
        """Inject a fault spec into a pod; the outcome is on the timeline."""
        self._add(pod, "Injected", spec)
        self._injected.add(pod.uid)
        target = chosen(pod.template, container)
        try:
            if target is None:
                raise NotDoneError(f"no container is called {container}")
            fault = parse_spec(spec)
            match means(pod.template, fault, target):
                case "end":
                    self._crash(pod, target, spec, fault.name)
                case "sidecar":
                    await self._inject(pod, proxy(pod) or target, spec)
                case "patient":
                    await self._inject(pod, target, spec)
        except (NotDoneError, NoMeansError, FaultError) as error:
            self._add(pod, "NotInjected", f"{spec}: {error}")

    def _crash(self, pod: Pod, container: Container, spec: str, name: str) -> None:
        crash = Crash(self._api, pod, container, spec, self._add, guest=self._guest)
        task = self._tasks.create_task(crash.run())
        self._crashes[task] = (pod.uid, name)
        task.add_done_callback(lambda done: self._crashes.pop(done, None))

    async def _inject(self, pod: Pod, container: Container, spec: str) -> None:
        try:
            await self._admin.inject(pod, container, spec)
        except NeedsTokenError:
            await self._inside(pod, container, ("crashy", "inject", spec))

    async def recover(self, pod: Pod, which: str = "all") -> None:
        """Take back every fault of a pod, or those of one name; the outcome is on the timeline."""
        for task, (uid, name) in list(self._crashes.items()):
            if uid == pod.uid and which in ("all", name):
                task.cancel()
        try:
            for container in filter(None, (patient(pod), proxy(pod))):
                await self._recover(pod, container, which)
        except NotDoneError as error:
            self._add(pod, "NotRecovered", f"{which}: {error}")
        else:
            self._add(pod, "Recovered", which)

    async def _recover(self, pod: Pod, container: Container, which: str) -> None:
        try:
            await self._admin.recover(pod, container, which)
        except NeedsTokenError:
            words = () if which == "all" else (which,)
            await self._inside(pod, container, ("crashy", "recover", *words))

    async def recover_injected(self, pods: Iterable[Pod]) -> None:
        """Recover those of these pods into which faults were injected."""
        await asyncio.gather(*(self.recover(pod) for pod in pods if pod.uid in self._injected))

    def close(self) -> None:
        """Forget the crashes that are still to come."""
        for task in list(self._crashes):
            task.cancel()

    async def _inside(self, pod: Pod, container: Container, command: tuple[str, ...]) -> None:
        """Run a command of ours in its container, which knows its token; raises NotDoneError."""
        ended = await execute(self._api, pod, container.name, command, _EXEC_TIMEOUT)
        if ended.code != 0:
            text = ended.output.decode("utf-8", "replace").strip()
            raise NotDoneError(f"{' '.join(command)} in the container: {ended.how}: {text}")

    def _add(self, pod: Pod, reason: str, message: str) -> None:
        kinds.FAULT.add(self._timeline.add, "kube", pod.object, reason, message)

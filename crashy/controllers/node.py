"""The one node: its kubelet runs the pods that are bound to it, unless it is stopped, alone or with the whole node."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from crashy.controllers.base import NODE, Stoppable
from crashy.controllers.nodelifecycle import NodeLifecycle
from crashy.kubelet.driver import PodDriver
from crashy.kubelet.runtime import Pod, Runtime
from crashy.timeline import kinds
from crashy.timeline.kinds import Emit

STARTUP_SECONDS = 1.1
"""From a kubelet's start to its first status of a pod, as recorded of 1.36.2."""
_OBJECT = f"node/{NODE}"


class NodeRuntime(Runtime, Protocol):
    """A runtime whose machine can be switched off."""

    def power_off(self) -> None:
        """Let no container do or answer anything; nobody hears of it."""

    async def power_on(self) -> None:
        """End the containers that there were: each `on_exit` gets `LOST_EXIT_CODE` and `LOST_REASON`."""


class Node:
    """Runs the drivers of its pods; `gone` is called with each pod whose object is removed."""

    def __init__(
        self,
        runtime: NodeRuntime,
        lifecycle: NodeLifecycle,
        tasks: asyncio.TaskGroup,
        emit: Emit,
        gone: Callable[[Pod], None],
    ) -> None:
        self.stopped: Stoppable | None = None
        """What is stopped: nothing, the kubelet alone, or all of the node."""
        self._runtime = runtime
        self._lifecycle = lifecycle
        self._group = tasks
        self._emit = emit
        self._gone = gone
        self._drivers: dict[str, PodDriver] = {}  # by the pods' uids
        self._tasks: dict[str, asyncio.Task[None]] = {}  # of those that are run

    def run(self, driver: PodDriver) -> None:
        """Run a pod that was bound to the node, as soon as its kubelet runs."""
        self._drivers[driver.pod.uid] = driver
        if self.stopped is None:
            self._begin(driver)

    def forget(self, pod: Pod) -> None:
        """Forget a pod whose object was removed while the kubelet was stopped."""
        self._drivers.pop(pod.uid, None)

    async def stop(self, what: Stoppable) -> bool:
        """Stop the kubelet, or all of the node; return whether it was running.

        A container that is being started is started first: the runtime does that on its own.
        """
        if self.stopped:
            return False
        self.stopped = what
        await asyncio.gather(*map(self._halt, list(self._tasks)))
        if what == "node":
            self._runtime.power_off()
        self._lifecycle.lost(self._drivers)
        return True

    async def start(self) -> None:
        """Start again what was stopped, and return once the kubelet knows its pods."""
        rebooted = self.stopped == "node"
        now = asyncio.get_running_loop().time()
        if rebooted:
            await self._runtime.power_on()
            self._event("Warning", "Rebooted", f"Node {NODE} has been rebooted")
        self._event("Normal", "Starting", "Starting kubelet.")
        self._lifecycle.found()
        await asyncio.sleep(STARTUP_SECONDS)
        self.stopped = None
        for driver in list(self._drivers.values()):
            driver.restart(now, rebooted=rebooted)
            self._begin(driver)

    def close(self) -> None:
        """End the tasks of all pods; the runtime must stop the containers."""
        self._lifecycle.close()
        for task in self._tasks.values():
            task.cancel()

    def _begin(self, driver: PodDriver) -> None:
        uid = driver.pod.uid
        task = self._tasks[uid] = self._group.create_task(self._drive(driver), name=driver.pod.object)
        task.add_done_callback(lambda _: self._tasks.pop(uid, None))

    async def _drive(self, driver: PodDriver) -> None:
        await driver.run()
        self.forget(driver.pod)
        self._gone(driver.pod)

    async def _halt(self, uid: str) -> None:
        if task := self._tasks.get(uid):
            await self._drivers[uid].starts_done()
            task.cancel()
            await asyncio.wait([task])

    def _event(self, kind: str, reason: str, message: str) -> None:
        data: kinds.KubernetesEvent = {"type": kind, "namespace": "default"}
        kinds.EVENT.add(self._emit, "kubelet", _OBJECT, reason, message, data=data)

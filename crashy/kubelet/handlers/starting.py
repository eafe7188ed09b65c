"""Starts a pod's containers, as soon as their back-off allows.

kubelet: pkg/kubelet/kuberuntime/kuberuntime_manager.go doBackOff, SyncPod.
"""

from __future__ import annotations

import asyncio

from crashy.kubelet.backoff import SyncFailure, crash_loop_backoff
from crashy.kubelet.generate import Waiting
from crashy.kubelet.handlers.lifecycle import Lifecycle
from crashy.kubelet.handlers.wakeups import Wakeups
from crashy.kubelet.recorder import Recorder
from crashy.kubelet.runtime import Pod
from crashy.kubelet.versions import Profile
from crashy.objects.pod import Container


class Starts:
    """Starts containers by their `lifecycle`; `waiting` says why the others don't run."""

    def __init__(
        self, pod: Pod, lifecycle: Lifecycle, recorder: Recorder, wakeups: Wakeups, *, profile: Profile
    ) -> None:
        self.waiting: dict[str, Waiting] = {}
        self._loop = asyncio.get_running_loop()
        self._pod = pod
        self._lifecycle = lifecycle
        self._recorder = recorder
        self._wakeups = wakeups
        self._backoff = crash_loop_backoff(profile)

    async def start(self, container: Container, last_finished_at: float | None) -> SyncFailure | None:
        """Start a container whose last instance has ended at that time; return why it does not run, None if it does."""
        now = self._loop.time()
        if crash_loop := self._backoff.do_backoff(now, container.name, last_finished_at):
            pod = self._pod
            message = crash_loop.message(container=container.name, pod=pod.name, namespace=pod.namespace, uid=pod.uid)
            self.waiting[container.name] = Waiting("CrashLoopBackOff", message)
            self._recorder.back_off(container)
            return SyncFailure(until=crash_loop.until)
        self._wakeups.housekeep(self._backoff)
        if waiting := await self._lifecycle.start(container):
            if waiting.reason == "CreateContainerConfigError" and not self.waiting:
                self._wakeups.container_changed()  # the relist sees the pod's new sandbox
            self.waiting[container.name] = waiting
            return SyncFailure()
        self.waiting.pop(container.name, None)
        return None

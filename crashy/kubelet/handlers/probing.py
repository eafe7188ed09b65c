"""The probes of one pod: a task per container and probe, their input and their results.

kubelet: pkg/kubelet/prober/prober_manager.go.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable
from functools import partial

from crashy.kubelet.handlers.prober import Prober
from crashy.kubelet.outcome import Outcome, Results
from crashy.kubelet.pod import probe_workers
from crashy.kubelet.recorder import Recorder
from crashy.kubelet.restarts import is_sidecar, restarts_after, restarts_all
from crashy.kubelet.runtime import Pod, Runtime
from crashy.kubelet.versions import Profile
from crashy.kubelet.worker import ContainerView, Decision, Worker, start_delay, wants_trigger
from crashy.objects.pod import Container, Probe, ProbeType
from crashy.objects.status import PodStatus


class Probing:
    """Probes a pod's containers as its published `status` shows them; calls `changed` with each new result."""

    def __init__(
        self,
        pod: Pod,
        runtime: Runtime,
        recorder: Recorder,
        *,
        status: Callable[[], PodStatus],
        changed: Callable[[ProbeType, Decision], None],
        profile: Profile,
        rng: random.Random,
        kubelet_start: float = -math.inf,
    ) -> None:
        self.begun = False
        """Its workers exist."""
        self.results = {kind: Results() for kind in ProbeType}
        self._pod = pod
        self._runtime = runtime
        self._recorder = recorder
        self._status = status
        self._changed = changed
        self._profile = profile
        self._rng = rng
        self._kubelet_start = kubelet_start
        self._probers: dict[tuple[str, ProbeType], Prober] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._viewed: PodStatus | None = None
        self._views: dict[str, ContainerView | None] = {}

    def start(self, group: asyncio.TaskGroup) -> None:
        """Start the pod's workers that do not run as tasks of `group`; those that do continue unchanged."""
        self.begun = True
        template = self._pod.template
        containers = {c.name: c for c in (*template.init_containers, *template.containers)}
        order = list(probe_workers(template, self._profile))
        if self._kubelet_start > -math.inf:
            self._rng.shuffle(order)  # they find a container that runs: who looks first at its status is chance
        for name, kind in order:
            if (name, kind) not in self._probers and (probe := containers[name].probe(kind)):
                prober = self._probers[name, kind] = self._prober(containers[name], kind, probe)
                task = group.create_task(prober.run())
                self._tasks.append(task)
                task.add_done_callback(partial(self._remove, name, kind))

    def stop(self, *kinds: ProbeType) -> None:
        """Stop the workers of these types; a probe in progress still ends, and its result is stored."""
        for (_, kind), prober in self._probers.items():
            if kind in kinds:
                prober.stop()

    def close(self) -> None:
        """End every worker at once."""
        for task in self._tasks:
            task.cancel()

    def trigger_readiness(self) -> None:
        """Trigger the readiness probe of each container that runs, has started and is not ready."""
        for (name, kind), prober in self._probers.items():
            status = self._status().container(name)
            if kind is ProbeType.READINESS and status is not None:
                running, result = status.state == "running", self.results[kind].get(status.id)
                if wants_trigger(
                    running=running, started=status.started, readiness_result=result, profile=self._profile
                ):
                    prober.trigger()

    def _remove(self, name: str, kind: ProbeType, task: asyncio.Task[None]) -> None:
        """Remove a worker that has ended (prober_manager.go removeWorker)."""
        del self._probers[name, kind]
        self._tasks.remove(task)

    def _prober(self, container: Container, kind: ProbeType, probe: Probe) -> Prober:
        uptime = asyncio.get_running_loop().time() - self._kubelet_start
        return Prober(
            Worker(kind, probe, self.results[kind], self._profile, self._kubelet_start),
            profile=self._profile,
            delay=start_delay(probe.period_seconds, uptime, self._rng, self._profile),
            view=partial(self._view, container),
            call=partial(self._call, container, kind),
            judged=partial(self._recorder.judged, container),
            changed=self._changed,
        )

    def _view(self, container: Container) -> ContainerView | None:
        """Return the part of the status that a worker reads; the same object while it is unchanged."""
        pod = self._status()
        if pod is not self._viewed:
            self._viewed, self._views = pod, {}
        if container.name not in self._views:
            self._views[container.name] = self._build_view(container, pod)
        return self._views[container.name]

    def _build_view(self, container: Container, pod: PodStatus) -> ContainerView | None:
        status = pod.container(container.name)
        if status is None:
            return None
        restartable = self._restartable(container, pod, status.exit_code or 0)
        return ContainerView(status.id, status.state, status.started_at or 0.0, status.started, restartable, pod.phase)

    def _restartable(self, container: Container, pod: PodStatus, exit_code: int) -> bool:
        template, profile = self._pod.template, self._profile
        if not profile.restart_rules:  # whatever the exit code is
            return template.restart_policy != "Never" or is_sidecar(container, profile)
        return restarts_after(template, container, exit_code, profile) or restarts_all(
            template, pod.exit_codes(), profile
        )

    async def _call(self, container: Container, kind: ProbeType, container_id: str, probe: Probe) -> Outcome:
        loop = asyncio.get_running_loop()
        began = loop.time()
        outcome = await self._runtime.probe(self._pod, container, container_id, probe)
        self._recorder.probed(container, kind, outcome, loop.time() - began)
        return outcome

"""The tasks of one pod: a serial sync, which its wake-ups start, and a worker per probe.

The pure modules (`pod`, `worker`, `backoff`, `generate`) decide; this one has the tasks, timers and calls, as in
kubelet: pkg/kubelet/pod_workers.go podWorkerLoop and pkg/kubelet/kubelet.go SyncPod, SyncTerminatingPod,
SyncTerminatedPod. All times are the running loop's.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable, Coroutine
from dataclasses import replace
from functools import partial

from crashy.kubelet.backoff import SyncFailure
from crashy.kubelet.config import COMPLETE, Config
from crashy.kubelet.generate import FINAL, generate_status, with_result
from crashy.kubelet.grace import grace_period
from crashy.kubelet.handlers.killing import kill_all
from crashy.kubelet.handlers.lifecycle import Lifecycle
from crashy.kubelet.handlers.mounting import REMOUNT_SECONDS, mounted
from crashy.kubelet.handlers.probing import Probing
from crashy.kubelet.handlers.resizing import Resizing
from crashy.kubelet.handlers.sandboxing import Sandboxing
from crashy.kubelet.handlers.starting import Starts
from crashy.kubelet.handlers.wakeups import Wakeups
from crashy.kubelet.history import Histories
from crashy.kubelet.outcome import Stored
from crashy.kubelet.pod import compute_pod_actions
from crashy.kubelet.recorder import SOURCE, Recorder
from crashy.kubelet.restarts import restarts_all
from crashy.kubelet.runtime import Pod, Runtime
from crashy.kubelet.sandbox import PodSandbox
from crashy.kubelet.versions import NEWEST, Profile
from crashy.kubelet.worker import Decision
from crashy.objects.pod import PodTemplate, ProbeType
from crashy.objects.status import PodStatus
from crashy.timeline.kinds import Emit


class PodDriver:
    """Runs one pod on a runtime as the kubelet of the given profile does.

    `emit` gets every event, status, probe and process (`Timeline.add` is one), `on_status` every published status.
    `rng` draws the requeue's jitter and the phases of the kubelet's 1 s tick grids.
    Construct it on its running loop.
    """

    def __init__(
        self,
        pod: Pod,
        runtime: Runtime,
        emit: Emit,
        on_status: Callable[[PodStatus], None],
        *,
        profile: Profile = NEWEST,
        rng: random.Random,
        config: Config = COMPLETE,
    ) -> None:
        self.pod = pod
        self._loop = asyncio.get_running_loop()
        self._runtime = runtime
        self._on_status = on_status
        self._profile = profile
        self._rng = rng
        self._config = config
        template = pod.template
        self._containers = {c.name: c for c in (*template.init_containers, *template.containers)}
        self._status = PodStatus("Pending", (), ip=pod.ip, start_time=pod.created_at, ready_since=pod.created_at)
        self._emit = emit
        self._lifecycle = Lifecycle(pod, runtime, config=config, profile=profile)
        self._sandbox = PodSandbox()
        self._view = Histories({})
        self._outdated: set[str] = set()  # instances whose container's image has changed since
        self._resizing = Resizing(runtime, profile)
        self._deleted = asyncio.Event()
        self._deletion_grace: int | None = None
        self._ended = False
        self._work: asyncio.Task[None] | None = None
        self._forget(-math.inf)

    def _forget(self, kubelet_start: float) -> None:
        """Know of the pod what a kubelet that has started at that time does."""
        self._kubelet_start = kubelet_start
        self._recorder = Recorder(self.pod, self._emit, self._profile, self._loop.time)
        self._probing = Probing(
            self.pod,
            self._runtime,
            self._recorder,
            status=lambda: self._status,
            changed=self._result_changed,
            profile=self._profile,
            rng=self._rng,
            kubelet_start=kubelet_start,
        )
        self._sandboxing = Sandboxing(self.pod, self._recorder)
        self._wakeups = Wakeups(self.pod.created_at, self._relist, self._profile, self._rng)
        self._starts = Starts(self.pod, self._lifecycle, self._recorder, self._wakeups, profile=self._profile)

    @property
    def status(self) -> PodStatus:
        """Return the status last published."""
        return self._status

    async def run(self) -> None:
        """Run the pod until it is deleted and its object removed; call it once, and again after each `restart`.

        Cancelling it ends every task of the pod at once: then the runtime must stop the containers that run, or they
        run on until the `restart`.
        """
        try:
            async with asyncio.TaskGroup() as self._group:
                self._lifecycle.begin(self._group, self._recorder, changed=self._wakeups.container_changed)
                await self._sync_until_terminal()
                await self._terminate()
                ended_by_itself = not self._deleted.is_set()
                await self._deleted.wait()
                if not ended_by_itself:  # the API server deletes such a pod itself, at once
                    await asyncio.sleep(self._rng.uniform(*self._profile.gone_after_exit))
                self._probing.close()
        finally:
            self._wakeups.close()

    async def starts_done(self) -> None:
        """Wait until no container is being started."""
        await self._lifecycle.starts_done()

    def restart(self, kubelet_start: float, *, rebooted: bool) -> None:
        """Forget what only the kubelet knew, which has been restarted at that time; then `run` the pod again.

        `rebooted` means that its whole node was restarted, and the pod's sandbox is gone.
        """
        self._forget(kubelet_start)
        self._relist()
        if rebooted and self._view.instances:
            self._sandbox.lose()

    def node_not_ready(self) -> None:
        """Set the pod's Ready condition to false, as the control plane does when its node is not ready."""
        self._publish(replace(self._status, ready=False, ready_since=self._loop.time()), "node-controller")

    def delete(self, grace: int | None = None) -> None:
        """Delete the pod: `grace` seconds replace the pod's own. Deleting again can only shorten it.

        A sync in progress is cancelled; `run` returns when the pod's object is removed.
        """
        requested = self.pod.template.termination_grace_period_seconds if grace is None else grace
        if self._deletion_grace is not None and requested >= self._deletion_grace:
            return
        self._deletion_grace = requested
        self._deleted.set()
        self._publish(replace(self._status, deleting=True))
        self._wakeups.wake()
        if self._work:
            self._work.cancel()

    def update(self, template: PodTemplate) -> None:
        """Apply a template with changed images, whose containers restart, or with changed resources."""
        running = self._view.running()
        for container in (*template.init_containers, *template.containers):
            if container.name in running and container.image != self._containers[container.name].image:
                self._outdated.add(running[container.name].id)
            self._containers[container.name] = container
        self.pod = replace(self.pod, template=template)
        self._wakeups.wake()

    # --- syncs: one after another, each on a view of the containers that is newer than the last one's end

    async def _sync_until_terminal(self) -> None:
        while not self._ended:
            await self._wakeups.next_sync()
            if self._deleted.is_set():
                return
            await self._interruptible(self._sync())
            self._wakeups.synced()

    async def _sync(self) -> None:
        view = self._view
        if self._profile.probes_before_status:
            self._probing.start(self._group)
        self._publish_view()
        if self._ended:
            return
        await mounted(self.pod, self._config, self._recorder)
        if not self._probing.begun and view.instances:
            await asyncio.sleep(REMOUNT_SECONDS)
        if not view.records() and await self._sandboxing.fails():
            self._wakeups.requeue([SyncFailure()])
            return
        self._probing.start(self._group)
        self._probing.trigger_readiness()
        found = self._sandbox.records(self.pod.template, view)
        not_resized = self._resizing.sync(self.pod.template, view.running(), self._recorder)
        outdated = self._outdated | self._resizing.restarts.keys()
        records = {name: replace(record, changed=record.id in outdated) for name, record in found.items()}
        if restarts_all(self.pod.template, self._status.exit_codes(), self._profile):
            await self._kill_all("killing")
            self._starts.waiting.clear()
            self._lifecycle.remove()
            return
        actions = compute_pod_actions(
            self.pod.template, records, self._probing.results, sandbox=self._sandbox.now, profile=self._profile
        )
        if actions.kill_pod:
            await self._kill_all()
            if not self._sandbox.now.usable:
                self._recorder.sandbox_changed()
                self._sandbox.renew(self._loop.time(), actions.attempt)
        else:
            for kill in actions.kill:
                container = self._containers[kill.container]
                message = self._resizing.restarts.get(kill.container_id, kill.message)
                await self._lifecycle.kill(container, kill.container_id, message, kill.grace)
        starts = [self._containers[name] for name in (*actions.start_init, *actions.start)]
        failures = [await self._starts.start(container, view.last_finished_at(container.name)) for container in starts]
        if None in failures and not self._profile.publishes_running_at_relist:
            self._view = self._lifecycle.histories
            self._publish_view()
            self._probing.trigger_readiness()
        self._wakeups.requeue([*not_resized, *(failure for failure in failures if failure)])

    async def _terminate(self) -> None:
        """Terminate the pod: stop liveness and startup probes, containers, then readiness; publish the final status."""
        await self._wakeups.relisted()
        if self._profile.stops_liveness_on_deletion:
            self._probing.stop(ProbeType.LIVENESS, ProbeType.STARTUP)
        await self._lifecycle.starts_done()
        while self._lifecycle.histories.running():
            await self._interruptible(self._kill_all())
        self._probing.stop(*ProbeType)
        if not self._deleted.is_set():
            await self._interruptible(asyncio.sleep(self._profile.final_phase_after))
        self._ended = True
        self._view = self._lifecycle.histories
        status = self._generate()
        if self._deleted.is_set() and not self._profile.publishes_final_phase_on_deletion:
            status = replace(status, phase=self._status.phase)
        self._publish(status)

    async def _kill_all(self, message: str = "") -> None:
        pod_grace = self.pod.template.termination_grace_period_seconds
        grace = grace_period(pod_grace, deletion_grace=self._deletion_grace)
        await kill_all(self.pod.template, self._lifecycle, grace, self._profile, message)

    async def _interruptible(self, work: Coroutine[None, None, None]) -> None:
        """Do work that a deletion cancels."""
        self._work = self._group.create_task(work)
        await asyncio.wait({self._work})
        self._work = None

    def _relist(self) -> None:
        self._view = self._lifecycle.histories

    # --- the published status, which the probes read and write

    def _publish_view(self) -> None:
        """Publish the view; newer kubelets withhold a pod's final phase until the pod is terminated."""
        status = self._generate()
        if status.phase in FINAL:
            self._ended = True
            if self._profile.withholds_final_phase:
                status = replace(status, phase=self._status.phase)
        self._publish(status)

    def _generate(self) -> PodStatus:
        return generate_status(
            self.pod.template,
            self._view,
            self._probing.results,
            self._starts.waiting,
            self._status,
            now=self._loop.time(),
            terminal=self._ended or self._deleted.is_set(),
            profile=self._profile,
            kubelet_start=self._kubelet_start,
            probed=self._probing.begun,
        )

    def _publish(self, status: PodStatus, source: str = SOURCE) -> None:
        if status == self._status:
            return
        self._status = status
        self._recorder.status(status, source)
        self._on_status(status)

    def _result_changed(self, kind: ProbeType, decision: Decision) -> None:
        """Publish a probe's result with the status, and sync if the result requires it."""
        success, failed = decision.stored is Stored.SUCCESS, decision.stored is Stored.FAILURE
        set_value = partial(
            with_result,
            self._status,
            self.pod.template,
            decision.container_id,
            now=self._loop.time(),
            profile=self._profile,
        )
        match kind:
            case ProbeType.READINESS:
                self._publish(set_value(ready=success))
            case ProbeType.STARTUP:
                self._publish(set_value(started=success))
                if failed and not self._profile.startup_failure_syncs:
                    return
            case ProbeType.LIVENESS if not failed:
                return
        self._wakeups.wake()

"""The status of a pod, generated from its containers' histories and its probes' results.

The rules are those of kubelet: pkg/kubelet/kubelet_pods.go generateAPIPodStatus, getPhase,
convertToAPIContainerStatuses pkg/kubelet/status/generate.go
and pkg/kubelet/prober/prober_manager.go UpdatePodStatus.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from crashy.kubelet.history import Histories, Instance
from crashy.kubelet.outcome import Results, Stored
from crashy.kubelet.pod import should_restart
from crashy.kubelet.restarts import REMOVED, is_sidecar, restarts_after, restarts_all
from crashy.kubelet.versions import NEWEST, Profile
from crashy.kubelet.worker import is_started, keeps_status
from crashy.objects.pod import Container, PodTemplate, ProbeType
from crashy.objects.status import ContainerStatus, Phase, PodStatus, Terminated

FINAL: tuple[Phase, ...] = ("Succeeded", "Failed")
"""The phases of a pod whose containers have ended for good."""

MOST_MESSAGE_BYTES = 12 << 10
"""The bytes of a pod's termination messages (kubelet: pkg/kubelet/container/runtime.go)."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Reason and message of a container's last failed start."""

    reason: str
    message: str


def generate_status(
    template: PodTemplate,
    histories: Histories,
    results: Mapping[ProbeType, Results],
    waiting: Mapping[str, Waiting],
    before: PodStatus,
    *,
    now: float,
    terminal: bool = False,
    profile: Profile = NEWEST,
    kubelet_start: float = -math.inf,
    probed: bool = True,
) -> PodStatus:
    """Return the status that a sync publishes, `before` being the last one.

    `terminal` means that the pod is being deleted or has ended, so that nothing is started any more. `probed` means
    that the pod's probe workers exist: at the first sync after `kubelet_start` they may not.
    """
    source = _Source(template, histories, results, waiting, profile, terminal, before, kubelet_start, probed)
    init = tuple(source.init_container(c) for c in template.init_containers)
    containers = tuple(source.container(c) for c in template.containers)
    phase = phase_of(template, containers, init, terminal=terminal, profile=profile)
    return with_condition(
        replace(before, phase=phase, containers=containers, init_containers=init),
        template,
        now=now,
        profile=profile,
    )


def with_result(
    status: PodStatus,
    template: PodTemplate,
    container_id: str,
    *,
    now: float,
    ready: bool | None = None,
    started: bool | None = None,
    profile: Profile = NEWEST,
) -> PodStatus:
    """Return the status with one container's `ready` or `started` set, as a probe's new result does at once."""

    def changed(container: ContainerStatus) -> ContainerStatus:
        if container.id != container_id:
            return container
        return replace(
            container,
            ready=container.ready if ready is None else ready,
            started=container.started if started is None else started,
        )

    containers = tuple(changed(c) for c in status.containers)
    init_containers = tuple(changed(c) for c in status.init_containers)
    status = replace(status, containers=containers, init_containers=init_containers)
    return with_condition(status, template, now=now, profile=profile)


def with_condition(status: PodStatus, template: PodTemplate, *, now: float, profile: Profile = NEWEST) -> PodStatus:
    """Return the status with the Ready condition of its containers, and the time of its change."""
    sidecars = [c.name for c in template.init_containers if is_sidecar(c, profile)]
    containers = containers_ready(
        (*sidecars, *(c.name for c in template.containers)), (*status.init_containers, *status.containers), status.phase
    )
    ready = pod_ready(containers, template.readiness_gates).status
    return replace(status, ready=ready, ready_since=status.ready_since if ready == status.ready else now)


def phase_of(
    template: PodTemplate,
    containers: tuple[ContainerStatus, ...],
    init_containers: tuple[ContainerStatus, ...],
    *,
    terminal: bool = False,
    profile: Profile = NEWEST,
) -> Phase:
    """Return the pod's phase (kubelet: pkg/kubelet/kubelet_pods.go getPhase)."""
    exit_codes = PodStatus("Running", containers, init_containers).exit_codes()
    if not terminal and restarts_all(template, exit_codes, profile):
        return "Running"
    initialized = any(c.state != "waiting" or c.last_state is not None for c in containers)
    for spec, status in zip(template.init_containers, init_containers, strict=True):
        ended = status.exit_code if status.state == "terminated" else _last_exit_code(status)
        if is_sidecar(spec, profile):
            if not initialized and not status.started:
                return "Pending"
        elif status.state == "running" or ended is None:
            return "Pending"
        elif ended != 0 and not _restartable(template, spec, status, profile):
            return "Failed"
    if any(c.state == "waiting" and c.last_state is None for c in containers):
        return "Pending"
    if any(c.state == "running" for c in containers):
        return "Running"
    succeeded = all((c.exit_code if c.state == "terminated" else _last_exit_code(c)) == 0 for c in containers)
    again = (_restartable(template, *pair, profile) for pair in zip(template.containers, containers, strict=True))
    if not terminal and any(again):
        return "Running"
    return "Succeeded" if succeeded else "Failed"


def _restartable(template: PodTemplate, container: Container, status: ContainerStatus, profile: Profile) -> bool:
    """Return whether a container that has ended, and may wait for its next start, is to be started again."""
    if status.state == "waiting" and status.last_state and status.last_state.reason == REMOVED:
        return True
    ended = status.exit_code if status.state == "terminated" else _last_exit_code(status)
    return restarts_after(template, container, ended or 0, profile)


def _last_exit_code(status: ContainerStatus) -> int | None:
    return None if status.last_state is None else status.last_state.exit_code


@dataclass(frozen=True, slots=True)
class _Source:
    template: PodTemplate
    histories: Histories
    results: Mapping[ProbeType, Results]
    waiting: Mapping[str, Waiting]
    profile: Profile
    terminal: bool
    before: PodStatus
    kubelet_start: float
    probed: bool

    def container(self, container: Container) -> ContainerStatus:
        """Return the status of a regular container."""
        status = self._status(container)
        return replace(status, ready=self._ready(container, status))

    def init_container(self, container: Container) -> ContainerStatus:
        """Return the status of an init container: a plain one is ready when it is done."""
        status = self._status(container)
        sidecar = is_sidecar(container, self.profile)
        return replace(status, ready=self._ready(container, status) if sidecar else status.exit_code == 0)

    def _ready(self, container: Container, status: ContainerStatus) -> bool:
        if not status.started:
            return False
        result = self._result(ProbeType.READINESS, status)
        if container.readiness_probe is None or result is Stored.SUCCESS:
            return True
        if keeps_status(status.started_at, self.kubelet_start, self.profile):
            return self.before.ready and (result is None or not self.probed)
        return not self.probed

    def _result(self, probe_type: ProbeType, status: ContainerStatus) -> Stored | None:
        return self.results[probe_type].get(status.id)

    def _status(self, container: Container) -> ContainerStatus:
        creating = "PodInitializing" if self.template.init_containers else "ContainerCreating"
        instances = self.histories.of(container.name)
        cause = self.waiting.get(container.name)
        if not instances:
            reason, message = (cause.reason, cause.message) if cause else (creating, "")
            return ContainerStatus(container.name, reason=reason, message=message)
        newest, previous = instances[0], self._terminated(instances[1]) if instances[1:] else None
        if newest.removed:
            return self._removed(container, newest, cause or Waiting(creating, ""))
        status = ContainerStatus(
            container.name,
            newest.id,
            restart_count=newest.restart_count,
            started_at=newest.started_at,
            last_state=previous,
        )
        end = self._terminated(newest)
        if end is None:
            startup = self._result(ProbeType.STARTUP, status)
            started = is_started(
                running=True,
                startup_result=startup,
                has_startup_worker=self.probed and container.startup_probe is not None,
                inherited=self._inherits(status),
            )
            return replace(status, state="running", started=started)
        if cause and self._starts_again(container, newest):
            return replace(status, reason=cause.reason, message=cause.message, started_at=None, last_state=end)
        return replace(
            status,
            state="terminated",
            reason=end.reason,
            message=end.message,
            exit_code=end.exit_code,
            finished_at=end.finished_at,
        )

    def _terminated(self, instance: Instance) -> Terminated | None:
        """Return how an instance ended, its message cut to its share of what a pod's messages may be together.

        kubelet: pkg/kubelet/status/status_manager.go normalizeStatus
        """
        end = instance.terminated()
        share = MOST_MESSAGE_BYTES // len((*self.template.containers, *self.template.init_containers))
        if end is None or len(message := end.message.encode()) <= share:
            return end
        return replace(end, message=message[:share].decode("utf-8", "replace"))

    def _inherits(self, status: ContainerStatus) -> bool:
        """Return whether it is started by the last status, which is copied by name, whatever instance it was about."""
        before = self.before.container(status.name)
        if before is None or not before.started:
            return False
        return self.profile.inherits_started or (self.profile.keeps_status_on_restart and before.id == status.id)

    def _starts_again(self, container: Container, newest: Instance) -> bool:
        plain = container in self.template.init_containers and not is_sidecar(container, self.profile)
        if plain and newest.exit_code == 0:
            return False
        record, profile = newest.record(), self.profile
        return should_restart(self.template, container, record, deleting=self.terminal, profile=profile)

    def _removed(self, container: Container, instance: Instance, later: Waiting) -> ContainerStatus:
        """Return the status of a container that was removed: that it was, and once another one runs, as any new one."""
        begun = bool(self.histories.records())
        return ContainerStatus(
            container.name,
            reason=later.reason if begun else instance.reason,
            message=later.message if begun else instance.message,
            restart_count=instance.restart_count + 1,
            last_state=instance.terminated(),
        )


@dataclass(frozen=True, slots=True)
class Condition:
    """One of a pod's conditions."""

    status: bool
    reason: str = ""
    message: str = ""


def containers_ready(names: Iterable[str], statuses: Iterable[ContainerStatus], phase: str = "Running") -> Condition:
    """Return ContainersReady: all containers (and sidecars) of these `names` are known and ready."""
    known = {status.name: status for status in statuses}
    wanted = list(names)
    unknown = [name for name in wanted if name not in known]
    unready = [name for name in wanted if name in known and not known[name].ready]
    if not unknown and phase in {"Succeeded", "Failed"}:
        return Condition(False, "PodCompleted" if phase == "Succeeded" else "PodFailed")
    lists = (("unknown", unknown), ("unready", unready))
    messages = [f"containers with {kind} status: [{' '.join(found)}]" for kind, found in lists if found]
    return Condition(False, "ContainersNotReady", ", ".join(messages)) if messages else Condition(True)


def pod_ready(
    containers: Condition, gates: Iterable[str] = (), conditions: Mapping[str, bool] | None = None
) -> Condition:
    """Return Ready: ContainersReady, and every readiness gate has its condition, which is true."""
    if not containers.status:
        return containers
    given = conditions or {}
    messages = []
    for gate in gates:
        if gate not in given:
            messages.append(f'corresponding condition of pod readiness gate "{gate}" does not exist.')
        elif not given[gate]:
            messages.append(f'the status of pod readiness gate "{gate}" is not "True", but False')
    return Condition(False, "ReadinessGatesNotReady", ", ".join(messages)) if messages else Condition(True)

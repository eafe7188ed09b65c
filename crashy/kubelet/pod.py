"""The decisions of one serial sync of a pod: which containers to kill, with which message and grace, and to start.

The rules are those of kubelet: pkg/kubelet/kuberuntime/kuberuntime_manager.go computePodActions.
The kills come first, then the starts, one after another; whatever blocks one of them blocks the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from crashy.kubelet.grace import KillReason, grace_period
from crashy.kubelet.outcome import Results, Stored
from crashy.kubelet.restarts import is_sidecar, restart_policy, restarts_after
from crashy.kubelet.versions import NEWEST, Profile
from crashy.objects.pod import Container, PodTemplate, ProbeType


class RecordState(StrEnum):
    """A container's state in the container runtime; `created` was made but never ran."""

    CREATED = "created"
    RUNNING = "running"
    EXITED = "exited"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ContainerRecord:
    """The newest instance of a container in the runtime; `changed`: its definition has changed since."""

    id: str
    state: RecordState
    exit_code: int = 0
    finished_at: float | None = None
    restart_count: int = 0
    changed: bool = False


@dataclass(frozen=True, slots=True)
class Sandbox:
    """The pod's newest sandbox (its network and shared namespaces)."""

    ready: bool = True
    ip: str = "127.0.0.1"
    attempt: int = 0

    @property
    def usable(self) -> bool:
        """Return whether containers can live in it: it is ready and has an address."""
        return self.ready and self.ip != ""


@dataclass(frozen=True, slots=True)
class Kill:
    """A container to kill: the message of its Killing event, and its grace in seconds."""

    container: str
    container_id: str
    reason: KillReason
    message: str
    grace: int


@dataclass(frozen=True, slots=True)
class Actions:
    """The actions of a sync, in this order: kill the pod or `kill`, then `start_init`, then `start`."""

    kill: tuple[Kill, ...] = ()
    start: tuple[str, ...] = ()
    start_init: tuple[str, ...] = ()
    kill_pod: bool = False
    attempt: int = 0


def compute_pod_actions(
    template: PodTemplate,
    records: Mapping[str, ContainerRecord],
    results: Mapping[ProbeType, Results],
    *,
    sandbox: Sandbox | None = Sandbox(),
    deleting: bool = False,
    profile: Profile = NEWEST,
) -> Actions:
    """Decide on one sync of a pod from the newest record of each container, by name, and the probes' results.

    `sandbox` is None before the first one. A pod that is being deleted is killed as a whole elsewhere; here
    `deleting` only keeps what ended from being started again.

    >>> maps = {probe_type: Results() for probe_type in ProbeType}
    >>> maps[ProbeType.LIVENESS].set("A", Stored.FAILURE)
    True
    >>> records = {"app": ContainerRecord("A", RecordState.RUNNING)}
    >>> actions = compute_pod_actions(PodTemplate((Container("app"),)), records, maps)
    >>> actions.kill[0].message, actions.kill[0].grace, actions.start
    ('Container app failed liveness probe, will be restarted', 30, ('app',))
    """
    if sandbox is None or not sandbox.usable:
        return _new_sandbox(template, records, 0 if sandbox is None else sandbox.attempt + 1)
    return _Sync(template, records, results, deleting, profile, sandbox.attempt).actions()


def should_restart(
    template: PodTemplate,
    container: Container,
    record: ContainerRecord | None,
    *,
    deleting: bool = False,
    profile: Profile = NEWEST,
) -> bool:
    """Return whether a container that does not run is to be started (kubelet: pkg/kubelet/container/helpers.go)."""
    if deleting:
        return False
    if record is None:
        return True
    match record.state:
        case RecordState.RUNNING:
            return False
        case RecordState.UNKNOWN | RecordState.CREATED:
            return True
    return restarts_after(template, container, record.exit_code, profile)


def next_restart_count(record: ContainerRecord | None) -> int:
    """Return the restart count of the instance to be started: whatever ended the last one, it is one more."""
    return 0 if record is None else record.restart_count + 1


def probe_workers(template: PodTemplate, profile: Profile = NEWEST) -> tuple[tuple[str, ProbeType], ...]:
    """Return a pod's workers, by container and type, in the order in which they are created.

    kubelet: pkg/kubelet/prober/prober_manager.go AddPod. Workers that exist already are kept as they are.
    """
    sidecars = tuple(c for c in template.init_containers if is_sidecar(c, profile))
    order = (ProbeType.STARTUP, ProbeType.READINESS, ProbeType.LIVENESS)
    return tuple((c.name, kind) for c in (*template.containers, *sidecars) for kind in order if c.probe(kind))


def stopping_message(container: str) -> str:
    """Return the message of the Killing event of a container whose whole pod is killed."""
    return f"Stopping container {container}"


def _new_sandbox(template: PodTemplate, records: Mapping[str, ContainerRecord], attempt: int) -> Actions:
    killed = Actions(kill_pod=True, attempt=attempt)
    if template.restart_policy == "Never" and attempt != 0 and records:
        return killed
    succeeded = {
        name for name, record in records.items() if record.state is RecordState.EXITED and record.exit_code == 0
    }
    spared = succeeded if template.restart_policy == "OnFailure" else set()
    start = tuple(c.name for c in template.containers if c.name not in spared)
    if not start and any(c.name in records for c in template.containers):
        return killed
    if template.init_containers:
        return replace(killed, start_init=(template.init_containers[0].name,))
    return replace(killed, start=start)


@dataclass(slots=True)
class _Sync:
    """One pass over the containers of a pod whose sandbox exists."""

    template: PodTemplate
    records: Mapping[str, ContainerRecord]
    results: Mapping[ProbeType, Results]
    deleting: bool
    profile: Profile
    attempt: int
    kills: list[Kill] = field(default_factory=list)
    starts: list[str] = field(default_factory=list)
    init_starts: list[str] = field(default_factory=list)
    doomed: bool = False

    def actions(self) -> Actions:
        if self._initialize():
            kept = [self._keeps(container) for container in self.template.containers]
            if not any(kept) and not self.starts:
                self.doomed = True
        return Actions(
            kill=tuple(self.kills),
            start=tuple(self.starts),
            start_init=() if self.doomed else tuple(self.init_starts),
            kill_pod=self.doomed,
            attempt=self.attempt,
        )

    def _keeps(self, container: Container) -> bool:
        """Check one regular container; True if it keeps running as it is."""
        record = self.records.get(container.name)
        if record is None or record.state is not RecordState.RUNNING:
            if should_restart(self.template, container, record, deleting=self.deleting, profile=self.profile):
                self.starts.append(container.name)
                if record is not None and record.state is RecordState.UNKNOWN:
                    self._kill_unknown("Container", container, record)
            return False
        if record.changed:
            restart, reason, message = True, KillReason.OTHER, f"Container {container.name} definition changed"
        elif failed := self._failed_probe(record):
            restart = self._restarts(container)
            reason, message = failed, f"Container {container.name} failed {failed} probe"
        else:
            return True
        if restart:
            message += ", will be restarted"
            self.starts.append(container.name)
        self._kill(container, record, reason, message)
        return False

    def _initialize(self) -> bool:
        """Check the init containers, the last one first; True once the regular ones may run.

        The last init container with a record marks the progress of the pod; those before it are done, and only
        sidecars among them are still checked.
        """
        containers = self.template.init_containers
        if not containers:
            return True
        live = {RecordState.CREATED, RecordState.RUNNING}
        initialized = any((r := self.records.get(c.name)) and r.state in live for c in self.template.containers)
        passed = initialized
        for index in range(len(containers) - 1, -1, -1):
            container = containers[index]
            record = self.records.get(container.name)
            sidecar = is_sidecar(container, self.profile)
            if record is None:
                if passed and sidecar:
                    self.init_starts.append(container.name)
                continue
            if passed and not sidecar:
                continue
            done, again = self._check_sidecar(container, record) if sidecar else self._check_init(container, record)
            if self.doomed:
                return False
            if done and index == len(containers) - 1:
                initialized = True
            elif done and not passed:
                self.init_starts.append(containers[index + 1].name)
            if again:
                self.init_starts.append(container.name)
            passed = True
        if not passed:
            self.init_starts.append(containers[0].name)
        self.init_starts.reverse()
        return initialized

    def _check_init(self, container: Container, record: ContainerRecord) -> tuple[bool, bool]:
        """Return whether the init container after this plain one may start, and whether this one starts again."""
        if record.state is RecordState.RUNNING:
            return False, False
        if record.state is RecordState.CREATED:
            return False, True
        if record.state is RecordState.EXITED and record.exit_code == 0:
            return True, False
        if not self._restarts(container, record.exit_code if record.state is RecordState.EXITED else None):
            self.doomed = True
        elif record.state is RecordState.UNKNOWN:
            self._kill_unknown("Init container", container, record)
        return False, True

    def _check_sidecar(self, container: Container, record: ContainerRecord) -> tuple[bool, bool]:
        """Return whether the init container after this sidecar may start, and whether the sidecar starts again."""
        if record.state is not RecordState.RUNNING:
            if record.state is RecordState.UNKNOWN:
                self._kill_unknown("Init container", container, record)
            return False, True
        startup = self.results[ProbeType.STARTUP].get(record.id)
        started = container.startup_probe is None or startup is Stored.SUCCESS
        failed = self._failed_probe(record) if started else None
        if startup is Stored.FAILURE:
            failed = KillReason.STARTUP
        if failed:
            self._kill(container, record, failed, f"Init container {container.name} failed {failed} probe")
        return started, failed is not None

    def _restarts(self, container: Container, exit_code: int | None = None) -> bool:
        """Return whether a container is started again that is killed, or has exited: only then its rules apply."""
        if exit_code is not None:
            return restarts_after(self.template, container, exit_code, self.profile)
        return restart_policy(self.template, container, self.profile) != "Never"

    def _failed_probe(self, record: ContainerRecord) -> KillReason | None:
        for probe_type, reason in ((ProbeType.LIVENESS, KillReason.LIVENESS), (ProbeType.STARTUP, KillReason.STARTUP)):
            if self.results[probe_type].get(record.id) is Stored.FAILURE:
                return reason
        return None

    def _kill_unknown(self, kind: str, container: Container, record: ContainerRecord) -> None:
        message = f'{kind} is in "unknown" state, try killing it before restart'
        self._kill(container, record, KillReason.OTHER, message)

    def _kill(self, container: Container, record: ContainerRecord, reason: KillReason, message: str) -> None:
        pod_grace = self.template.termination_grace_period_seconds
        grace = grace_period(pod_grace, reason, container, profile=self.profile)
        self.kills.append(Kill(container.name, record.id, reason, message, grace))

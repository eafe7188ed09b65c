"""The container runtime's records of a pod's containers: the newest instance of each, and the previous one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from crashy.kubelet.pod import ContainerRecord, RecordState
from crashy.kubelet.restarts import REMOVED, REMOVED_EXIT_CODE, REMOVED_MESSAGE
from crashy.objects.status import Terminated

KEPT = 2
"""Instances kept of a container: the newest and, as the kubelet does, one dead one."""


@dataclass(frozen=True, slots=True)
class Instance:
    """One instance of a container; it runs while `exit_code` is None. `reason` explains the exit code."""

    id: str
    restart_count: int
    started_at: float
    finished_at: float | None = None
    exit_code: int | None = None
    reason: str = ""
    message: str = ""

    @property
    def running(self) -> bool:
        """Return whether it is running."""
        return self.exit_code is None

    @property
    def removed(self) -> bool:
        """Return whether it was removed, because its pod starts over."""
        return self.reason == REMOVED

    def record(self) -> ContainerRecord:
        """Return it as a sync sees it."""
        state = RecordState.RUNNING if self.running else RecordState.EXITED
        return ContainerRecord(self.id, state, self.exit_code or 0, self.finished_at, self.restart_count)

    def terminated(self) -> Terminated | None:
        """Return how it ended, as in a status; None while it runs."""
        if self.exit_code is None or self.finished_at is None:
            return None
        reason = self.reason or ("Completed" if self.exit_code == 0 else "Error")
        return Terminated(self.exit_code, reason, self.started_at, self.finished_at, self.message, self.id)


@dataclass(frozen=True, slots=True)
class Histories:
    """The instances of every container of a pod, newest first, at one moment."""

    instances: Mapping[str, tuple[Instance, ...]]

    def of(self, container: str) -> tuple[Instance, ...]:
        """Return the instances of one container, none if it never started."""
        return self.instances.get(container, ())

    def newest(self, container: str) -> Instance | None:
        """Return the newest instance of one container."""
        return next(iter(self.of(container)), None)

    def last_finished_at(self, container: str) -> float | None:
        """Return when the newest ended instance ended, if it is still there: the back-off counts from then."""
        return next((i.finished_at for i in self.of(container) if not i.running and not i.removed), None)

    def records(self) -> dict[str, ContainerRecord]:
        """Return the newest instance of each container as a sync sees it."""
        return {name: instances[0].record() for name, instances in self.instances.items() if not instances[0].removed}

    def running(self) -> dict[str, Instance]:
        """Return the running instances, by container."""
        return {name: instances[0] for name, instances in self.instances.items() if instances[0].running}

    def started(self, container: str, instance: Instance) -> Histories:
        """Return the histories with one more instance."""
        return self._with(container, (instance, *self.of(container))[:KEPT])

    def ended(
        self, container: str, container_id: str, *, exit_code: int, finished_at: float, message: str, reason: str = ""
    ) -> Histories:
        """Return the histories with one instance ended."""

        def end(instance: Instance) -> Instance:
            if instance.id != container_id:
                return instance
            return replace(instance, exit_code=exit_code, finished_at=finished_at, message=message, reason=reason)

        return self._with(container, tuple(end(instance) for instance in self.of(container)))

    def removed(self, now: float) -> Histories:
        """Return the histories with every container removed, as if it had been killed then."""

        def remove(instance: Instance) -> Instance:
            ended = replace(instance, finished_at=now, exit_code=REMOVED_EXIT_CODE)
            return replace(ended, reason=REMOVED, message=REMOVED_MESSAGE)

        return Histories({name: (remove(instances[0]),) for name, instances in self.instances.items()})

    def _with(self, container: str, instances: tuple[Instance, ...]) -> Histories:
        return Histories({**self.instances, container: instances})

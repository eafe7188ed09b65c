"""Changes of CPU and memory in place: containers that run get what their pod's specification has come to have.

kubelet: pkg/kubelet/kuberuntime/kuberuntime_manager.go computePodResizeAction, pkg/kubelet/allocation.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from crashy.kubelet.backoff import SyncFailure
from crashy.kubelet.history import Instance
from crashy.kubelet.recorder import Recorder
from crashy.kubelet.runtime import Runtime
from crashy.kubelet.versions import Profile
from crashy.objects.pod import PodTemplate
from crashy.objects.resources import requirements, resized

_FIELDS = ("initContainers", "containers")


class Resizing:
    """Resizes one pod's containers; those whose `resizePolicy` requires it are to be restarted."""

    def __init__(self, runtime: Runtime, profile: Profile) -> None:
        self.restarts: dict[str, str] = {}
        """Why an instance, by its id, is to be killed and started again."""
        self._runtime = runtime
        self._profile = profile
        self._generation = 1
        self._spec: Mapping[str, Any] | None = None
        self._actuated: dict[str, Mapping[str, Any]] = {}
        self._under_way: set[str] = set()

    def sync(self, template: PodTemplate, running: Mapping[str, Instance], recorder: Recorder) -> list[SyncFailure]:
        """Resize what runs with other resources than the template's; return the failures, to be tried again."""
        spec = template.raw.get("spec", {})
        self._generation += self._spec not in (None, spec)
        self._spec = spec
        raw = {container["name"]: container for field in _FIELDS for container in spec.get(field, ())}
        wanted = {one.id: requirements(raw.get(name, {})) for name, one in running.items()}
        self._actuated = {container_id: self._actuated.get(container_id, now) for container_id, now in wanted.items()}
        changed = {n: one.id for n, one in running.items() if resized(self._actuated[one.id], wanted[one.id])}
        self.restarts = {}
        if changed and not self._under_way and self._profile.announces_resizes:
            recorder.resize("ResizeStarted", f"Pod resize started: {self._summary(raw, spec)}")
        self._under_way |= changed.keys()
        containers = {c.name: c for c in (*template.init_containers, *template.containers)}
        failures = []
        for name, container_id in changed.items():
            if _policies(raw[name]) & resized(self._actuated[container_id], wanted[container_id]):
                self.restarts[container_id] = f"Container {name} resize requires restart"
            elif self._runtime.resize(containers[name], container_id):
                self._actuated[container_id] = wanted[container_id]
            else:
                failures.append(SyncFailure())
        left = {n for n, one in running.items() if resized(self._actuated[one.id], wanted[one.id])}
        if self._under_way and not left and self._under_way <= running.keys():
            self._under_way = set()
            recorder.resize("ResizeCompleted", f"Pod resize completed: {self._summary(raw, spec)}")
        return failures

    def _summary(self, raw: Mapping[str, Any], spec: Mapping[str, Any]) -> str:
        told: dict[str, Any] = {
            field: [{"name": one["name"], "resources": requirements(raw[one["name"]])} for one in spec[field]]
            for field in _FIELDS
            if spec.get(field)
        }
        if self._profile.announces_resizes:
            told["generation"] = self._generation
        return json.dumps(told, separators=(",", ":"))


def _policies(container: Mapping[str, Any]) -> set[str]:
    """Return the resources whose change restarts a container."""
    policies = container.get("resizePolicy") or ()
    return {one["resourceName"] for one in policies if one.get("restartPolicy") == "RestartContainer"}

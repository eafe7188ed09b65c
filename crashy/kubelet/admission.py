"""What the API server of an older version refuses of a pod that the newest one accepts."""

from __future__ import annotations

from collections.abc import Iterator

from crashy.kubelet.versions import Profile
from crashy.objects.fields import FieldError, child, required
from crashy.objects.pod import PodTemplate, Sleep


def refusals(template: PodTemplate, at: str, profile: Profile) -> Iterator[FieldError]:
    """Yield the errors of the pod template at `at`: a field that the server drops is missing afterwards.

    Source: kubernetes: pkg/api/pod/util.go dropDisabledPodLifecycleSleepAction, pkg/apis/core/validation/validation.go.
    """
    if profile.sleep_hooks:
        return
    for group, containers in (("containers", template.containers), ("initContainers", template.init_containers)):
        for i, container in enumerate(containers):
            hooks = {"postStart": container.lifecycle.post_start, "preStop": container.lifecycle.pre_stop}
            for name, hook in hooks.items():
                if isinstance(hook, Sleep):
                    path = child(at, f"spec.{group}[{i}].lifecycle.{name}")
                    why = f"must specify a handler type (Kubernetes {profile.version} has no sleep, 1.30 has)"
                    yield required(path, why)

"""Events as a run has them."""

from __future__ import annotations

from typing import Any

from crashy.kubelet.recorder import pod_data
from crashy.kubelet.runtime import Pod
from crashy.objects.pod import PodTemplate
from crashy.objects.status import PodStatus


def status(**data: Any) -> dict[str, Any]:
    """Return the data of a pod's status, with these values."""
    pod = Pod("web-1", "default", "uid", "10.0.0.1", PodTemplate(containers=()), 0.0)
    return {**pod_data(pod, PodStatus("Running", ())), **data}

"""A pod's sandbox, which a runtime makes before its containers: whether it can be started under the pod's limit.

The kubelet puts a pod under the sum of its containers' memory limits where each has one, and the first process of the
sandbox is in there too. Source: kubelet: pkg/kubelet/cm/helpers_linux.go (ResourceConfigForPod),
pkg/kubelet/kuberuntime/kuberuntime_manager.go (SyncPod).
"""

from __future__ import annotations

import asyncio
import hashlib

from crashy.kubelet.recorder import Recorder
from crashy.kubelet.runtime import Pod
from crashy.objects.limits import limits
from crashy.objects.pod import PodTemplate

SECONDS = 0.65  # from a try to its failure: 0.6 to 0.9 s on the test cluster
NEEDED = 4 << 20
"""Bytes that the runtime's first process needs: 1Mi failed on the test cluster, and 4Mi was Docker's minimum."""
_ERROR = (
    'Failed to create pod sandbox: rpc error: code = Unknown desc = failed to start sandbox "{id}": failed to create '
    "containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start "
    "container process: container init was OOM-killed (memory limit too low?)"
)


class Sandboxing:
    """The tries to create one pod's sandbox."""

    def __init__(self, pod: Pod, recorder: Recorder) -> None:
        self._pod = pod
        self._recorder = recorder
        self._tries = 0

    async def fails(self) -> bool:
        """Return whether the sandbox can't be created, after the time that takes, and report it."""
        limit = memory_limit(self._pod.template)
        if limit is None or limit >= NEEDED:
            return False
        self._tries += 1
        await asyncio.sleep(SECONDS)
        made = hashlib.sha256(f"{self._pod.uid}/{self._tries}".encode()).hexdigest()
        self._recorder.sandbox_failed(_ERROR.format(id=made))
        return True


def memory_limit(template: PodTemplate) -> int | None:
    """Return the limit of a whole pod in bytes: what its containers have together, or its largest init container."""
    of_containers = [limits(container).memory for container in template.containers]
    of_init = [limits(container).memory for container in template.init_containers]
    if None in of_containers or None in of_init:
        return None
    return max(sum(filter(None, of_containers)), *filter(None, of_init), 0)

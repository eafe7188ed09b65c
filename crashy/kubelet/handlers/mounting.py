"""Waiting for a pod's volumes. Source: kubelet: pkg/kubelet/volumemanager/volume_manager.go WaitForAttachAndMount."""

from __future__ import annotations

import asyncio

from crashy.kubelet.config import FIRST_MOUNT_SECONDS, Config, mount_delays
from crashy.kubelet.recorder import Recorder
from crashy.kubelet.runtime import Pod

REMOUNT_SECONDS = 0.3
"""How long a kubelet that has restarted takes to know of a pod's volumes (podAttachAndMountRetryInterval)."""


async def mounted(pod: Pod, config: Config, recorder: Recorder) -> None:
    """Wait until every volume of a pod is there, and report each try to mount one that is not."""
    if config.unmounted(pod) is None:
        return
    await asyncio.sleep(pod.created_at + FIRST_MOUNT_SECONDS - asyncio.get_running_loop().time())
    for seconds in mount_delays():
        unmounted = config.unmounted(pod)
        if unmounted is None:
            return
        recorder.mount_failed(unmounted.message)
        await asyncio.sleep(seconds)

"""Kills all containers of a pod.

Source: kubelet: pkg/kubelet/kuberuntime/kuberuntime_container.go killContainersWithSyncResult.
"""

from __future__ import annotations

import asyncio

from crashy.kubelet.handlers.lifecycle import Lifecycle
from crashy.kubelet.pod import stopping_message
from crashy.kubelet.restarts import is_sidecar
from crashy.kubelet.versions import Profile
from crashy.objects.pod import Container, PodTemplate


async def kill_all(
    template: PodTemplate, lifecycle: Lifecycle, grace: int, profile: Profile, message: str = ""
) -> None:
    """Kill running containers: all at once, then the sidecars, the last one first, in the remaining time.

    `grace` is in seconds; `message` is that of the Killing events, if not the usual one.
    """
    loop = asyncio.get_running_loop()
    began = loop.time()
    running = lifecycle.histories.running()
    containers = {one.name: one for one in (*template.init_containers, *template.containers)}
    sidecars = [one for one in template.init_containers if one.name in running and is_sidecar(one, profile)]

    async def kill(container: Container, grace: int) -> None:
        text = message or stopping_message(container.name)
        await lifecycle.kill(container, running[container.name].id, text, grace)

    async with asyncio.TaskGroup() as group:
        for name in running:
            if containers[name] not in sidecars:
                group.create_task(kill(containers[name], grace))
    for container in reversed(sidecars):
        await kill(container, max(grace - int(loop.time() - began), 0))

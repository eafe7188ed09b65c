"""Kills all containers of a pod.

Source: kubelet: pkg/kubelet/kuberuntime/kuberuntime_container.go killContainersWithSyncResult and
kuberuntime_termination_order.go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from crashy.kubelet.handlers.lifecycle import Lifecycle
from crashy.kubelet.pod import stopping_message
from crashy.kubelet.restarts import is_sidecar
from crashy.kubelet.versions import Profile
from crashy.objects.pod import Container, PodTemplate


async def kill_all(
    template: PodTemplate, lifecycle: Lifecycle, grace: int, profile: Profile, message: str = ""
) -> None:
    """Kill running containers, all at once: only the SIGTERM of sidecars waits, for all others and the later sidecars.

    `grace` is in seconds; `message` is that of the Killing events, if not the usual one.
    """
    running = lifecycle.histories.running()
    sidecars = [one for one in template.init_containers if one.name in running and is_sidecar(one, profile)]
    known = {one.name: one for one in (*template.init_containers, *template.containers)}
    others = [known[name] for name in running if known[name] not in sidecars]
    ended = {name: asyncio.Event() for name in running}

    async def kill(container: Container, before: Sequence[Container]) -> None:
        async def turn(seconds: float) -> None:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    for one in before:
                        await ended[one.name].wait()

        text = message or stopping_message(container.name)
        try:
            await lifecycle.kill(container, running[container.name].id, text, grace, turn if before else None)
        finally:
            ended[container.name].set()

    async with asyncio.TaskGroup() as group:
        for container in others:
            group.create_task(kill(container, ()))
        for number, container in reversed([*enumerate(sidecars, 1)]):
            group.create_task(kill(container, (*others, *sidecars[number:])))

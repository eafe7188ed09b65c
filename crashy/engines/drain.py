"""`kubectl drain NODE --ignore-daemonsets` on any engine whose node can be cordoned, in kubectl's words.

Source: kubernetes: staging/src/k8s.io/kubectl/pkg/drain/{drain,filters}.go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from crashy.controllers.base import NODE
from crashy.controllers.eviction import EvictionRefusedError
from crashy.engines.base import Engine
from crashy.kubelet.runtime import Pod

RETRY_SECONDS = 5.0
_LOOK_SECONDS = 1.0  # between two looks whether an evicted pod has gone


class NotDrainedError(Exception):
    """A node was not drained; the message is the reason."""


async def drain(engine: Engine, tell: Callable[[str], None], timeout: float) -> None:
    """Cordon the node, evict its pods but those of DaemonSets, and wait until they are gone.

    It takes at most `timeout` seconds; 0 is no limit. Raises NotDrainedError; the node stays cordoned.
    """
    tell(f"node/{NODE} {'cordoned' if engine.cordon() else 'already cordoned'}")
    bound = [view for view in engine.pods() if engine.bound(view.pod)]
    owners = {view.pod.uid: engine.owner(view.pod) for view in bound}
    ended = {view.pod.uid for view in bound if view.status.phase in {"Succeeded", "Failed"}}
    bare = [view.pod for view in bound if owners[view.pod.uid] is None and view.pod.uid not in ended]
    if bare:
        text = "cannot delete Pods that declare no controller (use --force to override): "
        raise NotDrainedError(text + ", ".join(map(_name, bare)))
    daemons = [view.pod for view in bound if (owner := owners[view.pod.uid]) and owner.kind == "DaemonSet"]
    if daemons:
        tell(f"Warning: ignoring DaemonSet-managed Pods: {', '.join(map(_name, daemons))}")
    until = asyncio.get_running_loop().time() + timeout if timeout else None
    pods = [view.pod for view in bound if view.pod not in daemons]
    failures = await asyncio.gather(*map(partial(_evict, engine, tell, f"{timeout:g}s", until), pods))
    if wrong := [failure for failure in failures if failure]:
        raise NotDrainedError("; ".join(wrong))
    tell(f"node/{NODE} drained")


async def _evict(engine: Engine, tell: Callable[[str], None], limit: str, until: float | None, pod: Pod) -> str:
    """Evict a pod, retrying while a budget refuses, and wait until it is gone; return the error, or nothing."""
    loop = asyncio.get_running_loop()
    what = f'error when evicting pods/"{pod.name}" -n "{pod.namespace}"'
    while True:
        tell(f"evicting pod {_name(pod)}")
        if until is not None and loop.time() >= until:
            return f"{what}: global timeout reached: {limit}"
        try:
            await engine.evict(pod)
            break
        except EvictionRefusedError as error:
            if not error.retriable:
                return f"{what}: {error}"
            tell(f"{what} (will retry after {RETRY_SECONDS:g}s): {error}")
        await asyncio.sleep(RETRY_SECONDS)
    while any(view.pod.uid == pod.uid for view in engine.pods()):
        if until is not None and loop.time() >= until:
            where = f'error when waiting for pod "{pod.name}" in namespace "{pod.namespace}" to terminate'
            return f"{where}: global timeout reached: {limit}"
        await asyncio.sleep(_LOOK_SECONDS)
    tell(f"pod/{pod.name} evicted")
    return ""


def _name(pod: Pod) -> str:
    return f"{pod.namespace}/{pod.name}"

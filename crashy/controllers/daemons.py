"""The pods that a DaemonSet creates and deletes on its node. Pure.

Sources: kubernetes: pkg/controller/daemon/daemon_controller.go podsShouldBeOnNode, getNodesToDaemonPods;
pkg/controller/daemon/update.go rollingUpdate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DaemonPod:
    """A pod of a DaemonSet: whether it is of the newest template, and how it is."""

    name: str
    updated: bool = True
    ready: bool = True
    available: bool = True
    deleting: bool = False
    ended: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether to create a pod on the node, and the names of those to delete."""

    create: bool = False
    delete: tuple[str, ...] = ()


def counted(pods: Sequence[DaemonPod]) -> list[DaemonPod]:
    """Return the pods that take the node's place: one that is being deleted does until it has ended."""
    return [pod for pod in pods if not (pod.deleting and pod.ended)]


def decide(pods: Sequence[DaemonPod], *, surges: bool = False, on_delete: bool = False) -> Decision:
    """Return what to do on the node; `pods` are in the order of their creation.

    Any maxUnavailable or maxSurge but 0 is the one pod of the one node.
    """
    there = counted(pods)
    if not there:
        return Decision(create=True)
    ended = [pod for pod in there if pod.ended]
    running = [pod for pod in there if not pod.deleting and not pod.ended]
    if not surges:
        surplus = running[1:]
        outdated = [pod for pod in running[:1] if not pod.updated and not on_delete and not surplus]
        return Decision(delete=_names(ended, surplus, outdated))
    new, old = [pod for pod in running if pod.updated], [pod for pod in running if not pod.updated]
    replaced = old[:1] if new and old and (new[0].available or not old[0].ready) else []
    # One that was deleted by hand is replaced at once, as an old one is.
    return Decision(create=not new, delete=_names(ended, new[1:], old[1:], replaced))


def _names(*groups: Sequence[DaemonPod]) -> tuple[str, ...]:
    return tuple(pod.name for group in groups for pod in group)

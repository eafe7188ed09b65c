"""What `kubectl rollout status` says. Source: kubectl: pkg/polymorphichelpers/rollout_status.go."""

from __future__ import annotations

from typing import Any

from crashy.controllers.daemonset import DaemonSetController
from crashy.controllers.deployment import DeploymentController
from crashy.controllers.statefulset import StatefulSetController

Rollout = DaemonSetController | DeploymentController | StatefulSetController
_ON_DELETE = "error: rollout status is only available for RollingUpdate strategy type"


def rollout_status(controller: Rollout) -> dict[str, Any]:
    """Return a rollout's progress: a `message`, and whether it is `done` or has `failed`."""
    match controller:
        case DeploymentController():
            return _deployment(controller)
        case DaemonSetController():
            return _daemon_set(controller)
        case _:
            return _stateful_set(controller)


def _deployment(controller: DeploymentController) -> dict[str, Any]:
    name, counts = controller.workload.name, controller.counted()
    waiting = f'Waiting for deployment "{name}" rollout to finish: '
    if controller.reason == "ProgressDeadlineExceeded":
        return {"message": f'error: deployment "{name}" exceeded its progress deadline', "failed": True}
    if counts.updated < counts.desired:
        text = f"{counts.updated} out of {counts.desired} new replicas have been updated..."
    elif counts.replicas > counts.updated:
        text = f"{counts.replicas - counts.updated} old replicas are pending termination..."
    elif counts.available < counts.updated:
        text = f"{counts.available} of {counts.updated} updated replicas are available..."
    else:
        return {"message": f'deployment "{name}" successfully rolled out', "done": True}
    return {"message": waiting + text}


def _daemon_set(controller: DaemonSetController) -> dict[str, Any]:
    workload, status = controller.workload, controller.status()
    if workload.on_delete:
        return {"message": _ON_DELETE, "failed": True}
    desired, updated = status["desiredNumberScheduled"], status.get("updatedNumberScheduled", 0)
    available = status.get("numberAvailable", 0)
    waiting = f'Waiting for daemon set "{workload.name}" rollout to finish: '
    if updated < desired:
        return {"message": f"{waiting}{updated} out of {desired} new pods have been updated..."}
    if available < desired:
        return {"message": f"{waiting}{available} of {desired} updated pods are available..."}
    return {"message": f'daemon set "{workload.name}" successfully rolled out', "done": True}


def _stateful_set(controller: StatefulSetController) -> dict[str, Any]:
    # The API server sets a partition of 0 where there is none, so every rollout is a partitioned one.
    workload, status = controller.workload, controller.status()
    if workload.on_delete:
        return {"message": _ON_DELETE, "failed": True}
    ready, updated = status.get("readyReplicas", 0), status.get("updatedReplicas", 0)
    if ready < workload.replicas:
        return {"message": f"Waiting for {workload.replicas - ready} pods to be ready..."}
    wanted = workload.replicas - workload.partition
    if updated < wanted:
        text = f"Waiting for partitioned roll out to finish: {updated} out of {wanted} new pods have been updated..."
        return {"message": text}
    return {"message": f"partitioned roll out complete: {updated} new pods have been updated...", "done": True}

"""Evictions by a cluster's Eviction API."""

from __future__ import annotations

from crashy.controllers.eviction import EvictionRefusedError
from crashy.engines.kube.api import Api, ApiError
from crashy.kubelet.runtime import Pod
from crashy.objects.kinds import KINDS

_UNKNOWN = (400, 404, 415)  # what a cluster answers that does not know a version


async def evict(api: Api, pod: Pod, grace: int | None = None) -> None:
    """Request a pod's eviction; raises EvictionRefusedError with the API server's code and message.

    `grace` is in seconds, by default the pod's own.
    """
    path = f"/api/v1/namespaces/{pod.namespace}/pods/{pod.name}/eviction"
    metadata = {"name": pod.name, "namespace": pod.namespace}
    options = {} if grace is None else {"deleteOptions": {"gracePeriodSeconds": grace}}
    *newer, oldest = KINDS["PodDisruptionBudget"].versions  # before 1.22 a cluster has the oldest alone
    for version in (*newer, oldest):
        try:
            await api.request("POST", path, {"apiVersion": version, "kind": "Eviction", "metadata": metadata} | options)
        except ApiError as error:
            if error.status in _UNKNOWN and version != oldest:
                continue
            raise EvictionRefusedError(error.status, error.message) from None
        return

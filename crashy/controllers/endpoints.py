"""The endpoints of a Service's pods.

Sources: kubernetes: staging/src/k8s.io/endpointslice/utils.go podToEndpoint, pkg/proxy/topology.go CategorizeEndpoints.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from crashy.kubelet.versions import NEWEST, Profile
from crashy.objects.status import PodStatus


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One address of a Service with the conditions of its EndpointSlice."""

    address: str
    ready: bool
    serving: bool
    terminating: bool


EndpointT = TypeVar("EndpointT", bound=Endpoint)


def pod_to_endpoint(
    status: PodStatus, *, publish_not_ready_addresses: bool = False, profile: Profile = NEWEST
) -> Endpoint | None:
    """Return a pod's endpoint; a pod that has ended or has no address has none.

    Serving means that the pod is Ready; ready, that it is serving and not terminating, or that the Service publishes
    addresses that are not ready. Older versions leave terminating pods out, unless it does (utils.go
    ShouldPodBeInEndpoints).
    """
    if not status.ip or status.phase in {"Succeeded", "Failed"}:
        return None
    if status.deleting and not (profile.keeps_terminating_endpoints or publish_not_ready_addresses):
        return None
    ready = publish_not_ready_addresses or (status.ready and not status.deleting)
    return Endpoint(status.ip, ready, serving=status.ready, terminating=status.deleting)


def usable(endpoints: Iterable[EndpointT], profile: Profile = NEWEST) -> list[EndpointT]:
    """Return the endpoints that get new connections: the ready ones, else those that are serving and terminating.

    Older versions have no such fallback. A proxy chooses one at random for each connection, all with the same
    probability; without any it refuses it.

    >>> leaving = Endpoint("10.0.0.1", ready=False, serving=True, terminating=True)
    >>> usable([leaving]) == [leaving], usable([leaving, Endpoint("10.0.0.2", True, True, False)])[0].address
    (True, '10.0.0.2')
    """
    known = list(endpoints)
    ready = [endpoint for endpoint in known if endpoint.ready]
    if ready or not profile.proxies_terminating_endpoints:
        return ready
    return [endpoint for endpoint in known if endpoint.serving and endpoint.terminating]

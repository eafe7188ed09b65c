"""The names that a cluster's DNS has for Services, and for headless ones' pods. Pure.

Source: kubernetes/dns: docs/specification.md, 2.3 Records for a Service with ClusterIP, 2.4 for a Headless Service.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from crashy.controllers.base import PodView
from crashy.controllers.endpointslice import ServiceController
from crashy.kubelet.runtime import Pod

_DOMAIN = "svc.cluster.local"

Places = Sequence[tuple[str, int]]


class NoSuchNameError(LookupError):
    """The cluster's DNS has no such name."""


def places(services: Iterable[ServiceController], namespace: str) -> Mapping[tuple[str, int], Places]:
    """Return where the ports of Services with addresses of their own lead, by a name and the port: to ready pods."""
    found: dict[tuple[str, int], Places] = {}
    for one in services:
        if not one.service.headless and one.service.type != "ExternalName":
            for name in spelled(one.service.name, one.service.namespace, namespace):
                found |= {(name, port.port): one.ready.get(port.port, ()) for port in one.service.ports}
    return found


def find(
    services: Iterable[ServiceController], views: Iterable[PodView], namespace: str, host: str, port: int
) -> Places | None:
    """Return where a name's port leads, to nobody too; None for a name that is not the cluster's.

    Raises NoSuchNameError where it is the cluster's, and leads nowhere.
    """
    host, known = host.rstrip("."), list(services)
    if (behind := places(known, namespace).get((host, port))) is not None:
        return behind
    if pods := names(known, views, namespace).get(host):
        return [(pod.ip, port) for pod in pods]
    for one in known:
        if host in spelled(one.service.name, one.service.namespace, namespace):
            if one.service.type == "ExternalName":
                return None
            if one.service.headless:
                raise NoSuchNameError(host)
            return ()  # a port that the Service doesn't have
    if host.endswith((".svc", f".{_DOMAIN}")):
        raise NoSuchNameError(host)
    return None


def full_name(host: str, own: str) -> str:
    """Return a name of the namespace `own` as every namespace may write it, and a CNAME must."""
    return f"{host}.{own}.{_DOMAIN}"


def spelled(host: str, own: str, namespace: str) -> list[str]:
    """Return the ways in which a pod of `namespace` may write a name of the namespace `own`."""
    longer = [f"{host}.{own}", f"{host}.{own}.svc", full_name(host, own)]
    return [host, *longer] if own == namespace else longer


def names(services: Iterable[ServiceController], views: Iterable[PodView], namespace: str) -> Mapping[str, list[Pod]]:
    """Return the pods behind each name, as a pod of that namespace may write it: `db`, `db-0.db.shop.svc` and so on.

    A Service has its ready pods, and each of them that has its name for a subdomain has one of its own by its hostname.
    """
    by_ip = {view.pod.ip: view.pod for view in views}
    found: dict[str, list[Pod]] = defaultdict(list)
    for one in services:
        service = one.service
        if not service.headless:
            continue
        ips = dict.fromkeys(ip for places in one.ready.values() for ip, _ in places)
        for pod in (by_ip[ip] for ip in ips if ip in by_ip):
            spec = pod.template.raw.get("spec") or {}
            hosts = [service.name]
            if spec.get("hostname") and spec.get("subdomain") == service.name:
                hosts.append(f"{spec['hostname']}.{service.name}")
            for host in hosts:
                for name in spelled(host, service.namespace, namespace):
                    found[name].append(pod)
    return found

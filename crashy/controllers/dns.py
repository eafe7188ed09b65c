"""The names that a cluster's DNS has for headless Services and their pods. Pure.

Source: kubernetes/dns: docs/specification.md, 2.4 Records for a Headless Service.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from crashy.controllers.base import PodView
from crashy.controllers.endpointslice import ServiceController
from crashy.kubelet.runtime import Pod

_DOMAIN = "svc.cluster.local"


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
                whole = f"{host}.{service.namespace}.{_DOMAIN}"
                shorter = [f"{host}.{service.namespace}", f"{host}.{service.namespace}.svc", whole]
                for name in ([host] if service.namespace == namespace else []) + shorter:
                    found[name].append(pod)
    return found

"""The tables of names that the lab's patients look up first, one for each namespace: Services' and their pods'."""

from __future__ import annotations

from pathlib import Path

from crashy.controllers.cluster import Cluster
from crashy.controllers.dns import names, places, spelled
from crashy.engines.lab.addresses import Addresses
from crashy.engines.lab.network import LoopbackNetwork
from crashy.patient import ADMIN_PORT, APP_PORT
from crashy.timeline import Event, Timeline, kinds

_NOBODY = ("127.0.0.1", 0)
"""A place that refuses: that of a Service without ready pods."""


def table_of(folder: Path, namespace: str) -> Path:
    """Return where a namespace's table is, below the lab's folder."""
    return folder / "names" / namespace


def keep_names(
    folder: Path, cluster: Cluster, addresses: Addresses, network: LoopbackNetwork, timeline: Timeline
) -> None:
    """Write the tables again whenever a Service's endpoints change: lines of a name, a port, and where it listens.

    An ExternalName Service's name is where its proxy listens.
    """

    def note(event: Event) -> None:
        if event.kind == kinds.ENDPOINTS:
            services = {one.service.namespace for one in cluster.services()}
            for namespace in services | {view.pod.namespace for view in cluster.pods()}:
                write(namespace)

    def write(namespace: str) -> None:
        lines = []
        for name, pods in names(cluster.services(), cluster.pods(), namespace).items():
            for pod in pods:
                ports = {port.container_port for one in pod.template.containers for port in one.ports}
                ports |= {APP_PORT, ADMIN_PORT}
                lines += ["{} {} {} {}\n".format(name, port, *addresses.dial(pod.ip, port)) for port in sorted(ports)]
        for (name, port), behind in places(cluster.services(), namespace).items():
            where = [addresses.dial(*place) for place in behind] or [_NOBODY]
            lines += [f"{name} {port} {host} {number}\n" for host, number in where]
        for service, ip in network.cluster_ips:
            if service.type == "ExternalName":
                for name in spelled(service.name, service.namespace, namespace):
                    ports = {one.port for one in service.ports}
                    lines += ["{} {} {} {}\n".format(name, port, *addresses.dial(ip, port)) for port in sorted(ports)]
        path = table_of(folder, namespace)
        path.parent.mkdir(exist_ok=True)
        made = path.with_suffix(".new")
        made.write_text("".join(lines))
        made.rename(path)  # whoever reads it has the whole of it

    timeline.subscribe(note)

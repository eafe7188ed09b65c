"""The tables of names that the lab's patients look their peers up in, one for each namespace."""

from __future__ import annotations

from pathlib import Path

from crashy.controllers.cluster import Cluster
from crashy.controllers.dns import names
from crashy.engines.lab.addresses import Addresses
from crashy.patient import ADMIN_PORT, APP_PORT
from crashy.timeline import Event, Timeline, kinds


def table_of(folder: Path, namespace: str) -> Path:
    """Return where a namespace's table is, below the lab's folder."""
    return folder / "names" / namespace


def keep_names(folder: Path, cluster: Cluster, addresses: Addresses, timeline: Timeline) -> None:
    """Write the tables again whenever a Service's endpoints change: lines of a name, a port, and where it listens."""

    def note(event: Event) -> None:
        if event.kind == kinds.ENDPOINTS:
            for namespace in {view.pod.namespace for view in cluster.pods()}:
                write(namespace)

    def write(namespace: str) -> None:
        lines = []
        for name, pods in names(cluster.services(), cluster.pods(), namespace).items():
            for pod in pods:
                ports = {port.container_port for one in pod.template.containers for port in one.ports}
                ports |= {APP_PORT, ADMIN_PORT}
                lines += ["{} {} {} {}\n".format(name, port, *addresses.dial(pod.ip, port)) for port in sorted(ports)]
        path = table_of(folder, namespace)
        path.parent.mkdir(exist_ok=True)
        made = path.with_suffix(".new")
        made.write_text("".join(lines))
        made.rename(path)  # whoever reads it has the whole of it

    timeline.subscribe(note)

"""Traps in the ports of probes and Services."""

from __future__ import annotations

import re
from collections.abc import Iterator

from crashy.check.model import Hit, Severity
from crashy.check.targets import CheckTarget, Route
from crashy.objects.pod import Exec, HTTPGet, Probe, TCPSocket
from crashy.objects.ports import PortError, find_port
from crashy.objects.standin import ports

_NODE = re.compile(r"localhost|127\..*|::1|\[::1\]", re.IGNORECASE)


def unknown_port_name(target: CheckTarget) -> Iterator[Hit]:
    """Find ports that can't be resolved."""
    for path, _, probe in _network_probes(target):
        port = probe.handler.port if not isinstance(probe.handler, Exec) else 0
        try:
            find_port(target.container, port)
        except PortError:
            yield Hit(f"{path}.port", f'no port of this container is named "{port}"{_declared(target)}')


def undeclared_port(target: CheckTarget) -> Iterator[Hit]:
    """Find numbers that are not among the ports of a container that declares any."""
    numbers = {port.container_port for port in target.container.ports}
    for path, host, probe in _network_probes(target):
        port = probe.handler.port if not isinstance(probe.handler, Exec) else 0
        if isinstance(port, int) and not host and numbers and port not in numbers and not _elsewhere(target, port):
            yield Hit(f"{path}.port", f"{port} is not a port of this container{_declared(target)}")


def undeclared_target_port(target: CheckTarget) -> Iterator[Hit]:
    """Find targetPorts that nothing is known to listen on: none that a container declares, or is probed on.

    A name that is not declared can't be resolved.
    """
    if target.container is not target.template.containers[0]:
        return
    containers = target.template.containers
    declared = [port for container in containers for port in container.ports]
    known = {number for container in containers for number in ports(target.template, container)}
    known |= {port.container_port for port in declared}
    for route in target.routes:
        written = route.document.object["spec"].get("ports") or ()
        tcp = [index for index, port in enumerate(written) if (port.get("protocol") or "TCP") == "TCP"]
        for index, port in zip(tcp, route.service.ports, strict=True):
            wanted, severity = port.target_port, Severity.WARNING if declared else Severity.NOTE
            if isinstance(wanted, str):
                severity = Severity.ERROR
            if wanted not in known | {one.name for one in declared} and (known or severity is Severity.ERROR):
                numbers = ", ".join(str(one.container_port) for one in declared) or "none"
                text = f"Service/{route.service.name} leads to port {wanted}; its pods declare {numbers}"
                if asked := sorted(known - {one.container_port for one in declared}):
                    text += f" and are probed on {', '.join(map(str, asked))}"
                yield Hit(f"spec.ports[{index}].targetPort", text, severity, route.document)


def probe_host(target: CheckTarget) -> Iterator[Hit]:
    """Find probes with a host; localhost is the node, unless the pod shares the node's network."""
    for path, host, _ in _network_probes(target):
        if _NODE.fullmatch(host):
            if is_another_node(target, host):
                yield Hit(f"{path}.host", f"{host} is the node that the kubelet runs on, not this pod", Severity.ERROR)
        elif host:
            yield Hit(f"{path}.host", f"{host} is probed instead of this pod")


def is_another_node(target: CheckTarget, host: str) -> bool:
    """Return whether a host is the node's own, and not the pod's too."""
    return bool(_NODE.fullmatch(host)) and not target.template.host_network


def leads_to(route: Route, target: CheckTarget) -> bool:
    """Return whether a Service leads to this container: the one of its pod that listens there, else the first."""
    containers = target.template.containers
    for port in route.service.ports:
        wanted = port.target_port
        own = [
            c for c in containers if wanted in {one.name for one in c.ports if one.name} | {*ports(target.template, c)}
        ]
        if (own or containers)[0] is target.container:
            return True
    return not route.service.ports and target.container is containers[0]


def _network_probes(target: CheckTarget) -> Iterator[tuple[str, str, Probe]]:
    """Return each probe over the network: the path of its handler, its host, itself."""
    for kind, probe in target.probes.items():
        match probe.handler:
            case HTTPGet(host=host):
                yield target.field(f"{kind.field}.httpGet"), host, probe
            case TCPSocket(host=host):
                yield target.field(f"{kind.field}.tcpSocket"), host, probe
            case Exec():
                pass
            case _:
                yield target.field(f"{kind.field}.grpc"), "", probe


def _elsewhere(target: CheckTarget, port: int) -> bool:
    """Return whether another container of the pod declares the port: the pod has one address."""
    return any(one.container_port == port for other in target.template.containers for one in other.ports)


def _declared(target: CheckTarget) -> str:
    ports = [
        f"{one.name} ({one.container_port})" if one.name else str(one.container_port) for one in target.container.ports
    ]
    return f" (it declares {', '.join(ports)})" if ports else " (it declares none)"

"""Traps in the ports of probes and Services."""

from __future__ import annotations

import re
from collections.abc import Iterator

from crashy.check.model import Hit, Severity
from crashy.check.targets import CheckTarget
from crashy.objects.pod import Exec, HTTPGet, Probe, TCPSocket
from crashy.objects.ports import PortError, find_port

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
    """Find targetPorts that no container of the pod declares: a name can't be resolved then."""
    if target.container is not target.template.containers[0]:
        return
    declared = [port for container in target.template.containers for port in container.ports]
    for route in target.routes:
        written = route.document.object["spec"].get("ports") or ()
        tcp = [index for index, port in enumerate(written) if (port.get("protocol") or "TCP") == "TCP"]
        for index, port in zip(tcp, route.service.ports, strict=True):
            leads_to, severity = port.target_port, Severity.WARNING
            if isinstance(leads_to, str):
                severity = Severity.ERROR
            if leads_to not in {known for one in declared for known in (one.name, one.container_port)} and (
                declared or severity is Severity.ERROR
            ):
                numbers = ", ".join(str(one.container_port) for one in declared) or "none"
                text = f"Service/{route.service.name} leads to port {leads_to}; its pods declare {numbers}"
                yield Hit(f"spec.ports[{index}].targetPort", text, severity, route.document)


def probe_host(target: CheckTarget) -> Iterator[Hit]:
    """Find probes with a host; localhost is the node, unless the pod shares the node's network."""
    own_network = not (target.template.raw.get("spec") or {}).get("hostNetwork")
    for path, host, _ in _network_probes(target):
        if _NODE.fullmatch(host):
            if own_network:
                yield Hit(f"{path}.host", f"{host} is the node that the kubelet runs on, not this pod", Severity.ERROR)
        elif host:
            yield Hit(f"{path}.host", f"{host} is probed instead of this pod")


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

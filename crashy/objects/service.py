"""Services, by the API server's rules and in its texts.

Source: kubernetes: pkg/apis/core/validation/validation.go ValidateService, pkg/registry/core/service/portallocator.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from crashy.objects.document import Source
from crashy.objects.fields import FieldError, duplicate, forbidden, invalid, required, unsupported
from crashy.objects.names import is_dns_label, is_dns_subdomain, is_port_name, is_port_number
from crashy.objects.reading import Reader, Reading, label_rules, name_rules
from crashy.objects.schema import OBJECT, Map, Type, each, unread

_SERVICE: Type = {
    **OBJECT,
    "spec": {
        **each("string", "type clusterIP externalName sessionAffinity"),
        "selector": Map("string"),
        "ports": [
            {**each("string", "name protocol appProtocol"), **each("int32", "port nodePort"), "targetPort": "port"}
        ],
        "publishNotReadyAddresses": "bool",
        **unread(
            "allocateLoadBalancerNodePorts clusterIPs externalIPs externalTrafficPolicy healthCheckNodePort"
            " internalTrafficPolicy ipFamilies ipFamilyPolicy loadBalancerClass loadBalancerIP"
            " loadBalancerSourceRanges sessionAffinityConfig trafficDistribution"
        ),
    },
}


@dataclass(frozen=True, slots=True)
class ServicePort:
    """A port of a Service; `target_port` may be a container port's name, `node_port` None means any."""

    name: str
    port: int
    target_port: int | str
    node_port: int | None = None
    protocol: str = "TCP"


@dataclass(frozen=True, slots=True)
class Service:
    """A Service, and the labels of the pods that it selects, or what it is another name of."""

    kind: ClassVar[str] = "Service"
    name: str
    namespace: str
    type: str
    selector: Mapping[str, str]
    ports: tuple[ServicePort, ...]
    publish_not_ready_addresses: bool
    source: Source
    headless: bool = False
    """Whether its name is that of its pods' addresses, and not of one of its own."""
    external_name: str = ""
    """The name that an ExternalName Service is another name of, without a dot at its end."""

    @property
    def object(self) -> str:
        """The object of its events."""
        return f"service/{self.name}"

    def selects(self, labels: Mapping[str, str]) -> bool:
        """Return whether a pod with `labels` is one of its endpoints; an empty selector has none."""
        return bool(self.selector) and self.selector.items() <= labels.items()


NODE_PORTS = range(30000, 32768)
_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")


def read_service(reading: Reading) -> Service | None:
    """Return the Service, or None if it is invalid. UDP and SCTP ports are left out."""
    spec = reading.spec
    kind = spec.get("type") or "ClusterIP"
    ports = spec.get("ports", [])
    reading.check(name_rules(reading, _name_rule))
    reading.check(label_rules("spec.selector", spec.get("selector", {})))
    if kind not in _TYPES:
        reading.check([unsupported("spec.type", kind, _TYPES)])
    external_name = (spec.get("externalName") or "").removesuffix(".")
    if kind == "ExternalName":
        reading.check(_external_name_rules(external_name))
    if not ports and kind != "ExternalName" and spec.get("clusterIP") != "None":
        reading.check([required("spec.ports")])
    for index, port in enumerate(ports):
        reading.check(_port_rules(port, f"spec.ports[{index}]", kind, alone=len(ports) == 1))
    reading.check(_duplicates(ports))
    if reading.errors:
        return None
    return Service(
        name=reading.name,
        namespace=reading.namespace,
        type=kind,
        selector=spec.get("selector", {}),
        ports=tuple(_port(port) for port in ports if (port.get("protocol") or "TCP") == "TCP"),
        publish_not_ready_addresses=spec.get("publishNotReadyAddresses", False),
        source=reading.document.source,
        headless=spec.get("clusterIP") == "None",
        external_name=external_name if kind == "ExternalName" else "",
    )


def _port(raw: dict[str, Any]) -> ServicePort:
    target = raw.get("targetPort") or raw["port"]
    return ServicePort(raw.get("name", ""), raw["port"], target, raw.get("nodePort") or None)


def _external_name_rules(name: str) -> Iterator[FieldError]:
    if not name:
        yield required("spec.externalName")
    for text in is_dns_subdomain(name) if name else ():
        yield invalid("spec.externalName", name, text)


def _name_rule(name: str) -> list[str]:
    if name[:1].isdigit():
        return ["a Service's name must start with a letter (a-z)"]
    return is_dns_label(name)


def _port_rules(raw: dict[str, Any], path: str, kind: str, *, alone: bool) -> Iterator[FieldError]:
    name, port, target, node = raw.get("name"), raw.get("port", 0), raw.get("targetPort"), raw.get("nodePort")
    if not name and not alone:
        yield required(f"{path}.name")
    for text in is_dns_label(name) if name else ():
        yield invalid(f"{path}.name", name, text)
    for text in is_port_number(port):
        yield invalid(f"{path}.port", port, text)
    if target:
        for text in is_port_number(target) if isinstance(target, int) else is_port_name(target):
            yield invalid(f"{path}.targetPort", target, text)
    if (raw.get("protocol") or "TCP") not in {"SCTP", "TCP", "UDP"}:
        yield unsupported(f"{path}.protocol", raw["protocol"], ("SCTP", "TCP", "UDP"))
    if node and kind == "ClusterIP":
        yield forbidden(f"{path}.nodePort", "may not be used when `type` is 'ClusterIP'")
    elif node and node not in NODE_PORTS:
        text = "provided port is not in the valid range. The range of valid ports is"
        yield invalid(f"{path}.nodePort", node, f"{text} {NODE_PORTS[0]}-{NODE_PORTS[-1]}")


def _duplicates(ports: list[dict[str, Any]]) -> Iterator[FieldError]:
    names: set[str] = set()
    numbers: set[tuple[str, int]] = set()
    for index, port in enumerate(ports):
        name, number = port.get("name"), (port.get("protocol", "TCP"), port.get("port", 0))
        if name and name in names:
            yield duplicate(f"spec.ports[{index}].name", name)
        if number in numbers:
            yield duplicate(f"spec.ports[{index}]", dict(zip(("protocol", "port"), number, strict=True)))
        names.add(name or "")
        numbers.add(number)


SERVICE = Reader(_SERVICE, read_service)

"""A container's environment, as the kubelet makes it: Services, then envFrom, then env.

kubelet: pkg/kubelet/kubelet_pods.go makeEnvironmentVariables; pkg/kubelet/envvars/envvars.go
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from crashy.controllers.base import NODE
from crashy.kubelet.config import Unmounted
from crashy.kubelet.handlers.exec import expand
from crashy.kubelet.runtime import Pod, StartError
from crashy.objects.config import EVERYWHERE, ConfigMap, Secret, volume_sources
from crashy.objects.pod import Container, EnvVar
from crashy.objects.quantity import parse_quantity
from crashy.objects.service import Service

NODE_IP = "127.0.0.1"


Dial = Callable[[str, int], tuple[str, int]]


class References:
    """The ConfigMaps and Secrets that variables may refer to, by namespace and name."""

    def __init__(self, config_maps: Iterable[ConfigMap] = (), secrets: Iterable[Secret] = ()) -> None:
        self._maps: dict[tuple[str, str], dict[str, str]] = {}
        self._secrets: dict[tuple[str, str], dict[str, str]] = {}
        self._binary: dict[tuple[str, str], Collection[str]] = {}
        self.add(config_maps, secrets)

    def add(self, config_maps: Iterable[ConfigMap], secrets: Iterable[Secret]) -> None:
        """Add objects, which replace those of the same names."""
        for one in config_maps:
            self._maps[one.namespace, one.name] = dict(one.data)
            self._binary[one.namespace, one.name] = one.binary_data.keys()
        for secret in secrets:
            values = {key: value.decode("utf-8", "replace") for key, value in secret.data.items()}
            self._secrets[secret.namespace, secret.name] = values

    def unset(self, pod: Pod, container: Container) -> str:
        """Return why a container's variables can't be made; empty if they can."""
        try:
            variables(pod, container, self, {})
        except StartError as error:
            return str(error)
        return ""

    def unmounted(self, pod: Pod) -> Unmounted | None:
        """Return the first volume of a pod whose ConfigMap, Secret or key does not exist."""
        for volume in pod.template.volumes:
            for _, field, name, source in volume_sources(volume):
                if error := self._unprojected(field.lower(), pod.namespace, str(source.get(name) or ""), source):
                    return Unmounted(str(volume["name"]), error)
        return None

    def _unprojected(self, kind: str, namespace: str, name: str, source: Mapping[str, Any]) -> str:
        """Return what a volume misses (kubelet: pkg/volume/configmap/configmap.go, pkg/volume/secret/secret.go)."""
        if source.get("optional") or name == EVERYWHERE:
            return ""
        values = (self._maps if kind == "configmap" else self._secrets).get((namespace, name))
        if values is None:
            return f'{kind} "{name}" not found'
        there = {*values, *(self._binary[namespace, name] if kind == "configmap" else ())}
        items = [item.get("key") for item in source.get("items") or ()]
        word = "config" if kind == "configmap" else "secret"
        return next((f"references non-existent {word} key: {key}" for key in items if key not in there), "")

    def all(self, kind: str, namespace: str, reference: Mapping[str, Any]) -> Mapping[str, str] | None:
        """Return the values of a ConfigMap or Secret; None if an optional one does not exist. Raises StartError."""
        table = self._maps if kind == "configmap" else self._secrets
        values = table.get((namespace, reference["name"]))
        if values is None and not reference.get("optional"):
            raise StartError(f'{kind} "{reference["name"]}" not found')
        return values

    def one(self, kind: str, namespace: str, reference: Mapping[str, Any]) -> str | None:
        """Return one key's value; None if it is optional and does not exist. Raises StartError."""
        values = self.all(kind, namespace, reference)
        if values is None:
            return None
        if reference["key"] in values:
            return values[reference["key"]]
        if reference.get("optional"):
            return None
        title = {"configmap": "ConfigMap", "secret": "Secret"}[kind]
        raise StartError(f"couldn't find key {reference['key']} in {title} {namespace}/{reference['name']}")


def variable_prefix(service: Service) -> str:
    """Return how the names of a Service's variables begin."""
    return service.name.upper().replace("-", "_")


def service_links(services: Sequence[tuple[Service, str]], dial: Dial) -> dict[str, str]:
    """Return a container's variables with the addresses of Services (pairs of Service and cluster address).

    `dial` resolves an address and port to the real one, which the variables have.
    """
    found = {}
    for service, ip in services:
        name = variable_prefix(service)
        for i, port in enumerate(service.ports):
            host, number = dial(ip, port.port)
            if i == 0:
                found[f"{name}_SERVICE_HOST"] = host
                found[f"{name}_SERVICE_PORT"] = str(number)
                found[f"{name}_PORT"] = f"tcp://{host}:{number}"
            if port.name:
                found[f"{name}_SERVICE_PORT_{port.name.upper().replace('-', '_')}"] = str(number)
            link = f"{name}_PORT_{port.port}_{port.protocol}"
            found[link] = f"{port.protocol.lower()}://{host}:{number}"
            found |= {f"{link}_PROTO": port.protocol.lower(), f"{link}_PORT": str(number), f"{link}_ADDR": host}
    return found


def variables(pod: Pod, container: Container, references: References, links: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of one container; raises StartError for a broken reference."""
    found = dict(links)
    for source in container.env_from:
        for key, kind in (("configMapRef", "configmap"), ("secretRef", "secret")):
            if source.get(key):
                values = references.all(kind, pod.namespace, source[key]) or {}
                found |= {source.get("prefix", "") + name: value for name, value in values.items()}
    for variable in container.env:
        value = _value(variable, pod, container, references, found)
        if value is not None:
            found[variable.name] = value
    return found


def _value(
    variable: EnvVar, pod: Pod, container: Container, references: References, known: dict[str, str]
) -> str | None:
    match variable.value_from:
        case None:
            return expand(variable.value, known)
        case {"fieldRef": reference}:
            return field(pod, reference["fieldPath"])
        case {"resourceFieldRef": reference}:
            return resource(container, reference)
        case {"configMapKeyRef": reference}:
            return references.one("configmap", pod.namespace, reference)
        case {"secretKeyRef": reference}:
            return references.one("secret", pod.namespace, reference)
        case other:
            raise StartError(f"variable {variable.name}: valueFrom {', '.join(other)} is not known to the lab")


def field(pod: Pod, path: str) -> str:
    """Return a pod's field as the Downward API does; raises StartError for an unknown one."""
    spec = pod.template.raw.get("spec") or {}
    fields = {
        "metadata.name": pod.name,
        "metadata.namespace": pod.namespace,
        "metadata.uid": pod.uid,
        "spec.nodeName": NODE,
        "spec.serviceAccountName": spec.get("serviceAccountName") or "default",
        "status.podIP": pod.ip,
        "status.podIPs": pod.ip,
        "status.hostIP": NODE_IP,
        "status.hostIPs": NODE_IP,
    }
    if path in fields:
        return fields[path]
    for prefix, values in (
        ("metadata.labels", pod.template.labels),
        ("metadata.annotations", pod.template.annotations),
    ):
        if path.startswith(f"{prefix}['") and path.endswith("']"):
            return values.get(path[len(prefix) + 2 : -2], "")
    raise StartError(f'fieldPath "{path}": unsupported field path')


def resource(container: Container, reference: Mapping[str, Any]) -> str:
    """Return a container's own request or limit as the Downward API does: whole units of the divisor, rounded up."""
    kind, _, name = reference["resource"].partition(".")
    try:
        amount = parse_quantity((container.resources.get(kind) or {}).get(name, 0))
        unit = parse_quantity(reference.get("divisor") or 1)
        return str(math.ceil(amount / (unit or 1)))
    except ValueError as error:
        raise StartError(f"resource {reference['resource']}: {error}") from None

"""The API server's rules for a pod, in its own texts; all errors are reported at once.

The input is decoded by `schema.decode` and completed by `defaults`.
Source: kubernetes: pkg/apis/core/validation/validation.go.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from fractions import Fraction
from typing import Any

from crashy.objects.defaults import PROBES
from crashy.objects.fields import FieldError, child, duplicate, forbidden, invalid, not_found, required, unsupported
from crashy.objects.names import (
    is_dns_label,
    is_env_name,
    is_header_name,
    is_label_key,
    is_label_value,
    is_port_name,
    is_port_number,
)
from crashy.objects.quantity import parse_quantity
from crashy.objects.restart_rules import validate_restart_policy

Raw = Mapping[str, Any]
Errors = Iterator[FieldError]

_NOT_NEGATIVE = ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")
_FIELD_PATHS = re.compile(
    r"metadata\.(name|namespace|uid|(labels|annotations)\['[^']+'\])|spec\.(nodeName|serviceAccountName)"
    r"|status\.(hostIPs?|podIPs?)"
)


def validate_pod(manifest: Raw, path: str, *, ends: bool = False) -> Errors:
    """Check a Pod (`path` is empty) or a controller's template, whose restartPolicy must be Always.

    Of a Job's, which `ends`, it must be another one (kubernetes: pkg/apis/batch/validation/validation.go).
    """
    yield from _labels(manifest.get("metadata", {}).get("labels", {}), child(path, "metadata.labels"))
    spec, at = manifest.get("spec", {}), child(path, "spec")
    volumes = [v.get("name", "") if isinstance(v, Mapping) else "" for v in spec.get("volumes", ())]
    yield from _names(volumes, f"{at}.volumes", is_dns_label)
    for i, volume in enumerate(spec.get("volumes", ())):
        if "persistentVolumeClaim" in volume and not volume["persistentVolumeClaim"].get("claimName"):
            yield required(f"{at}.volumes[{i}].persistentVolumeClaim.claimName")
    grace = spec.get("terminationGracePeriodSeconds", 30)
    if not spec.get("containers"):
        yield required(f"{at}.containers")
    inits = spec.get("initContainers", ())
    taken: list[str] = []
    for group, containers in (("containers", spec.get("containers", ())), ("initContainers", inits)):
        names = [c.get("name", "") for c in containers]
        yield from _names(names, f"{at}.{group}", is_dns_label, taken)
        taken += names
        for i, container in enumerate(containers):
            yield from _container(container, f"{at}.{group}[{i}]", set(volumes), grace, init=group != "containers")
    for i, gate in enumerate(spec.get("readinessGates", ())):
        condition = gate.get("conditionType", "")
        for text in is_label_key(condition):
            yield invalid(f"{at}.readinessGates[{i}].conditionType", condition, text)
    policy = spec.get("restartPolicy")
    if policy not in {"Always", "OnFailure", "Never"}:
        yield unsupported(f"{at}.restartPolicy", policy, ("Always", "OnFailure", "Never"))
    elif ends and policy == "Always":
        yield required(f"{at}.restartPolicy", 'valid values: "OnFailure", "Never"')
    elif path and not ends and policy != "Always":
        yield unsupported(f"{at}.restartPolicy", policy, ("Always",))


def validate_probe(probe: Raw | None, path: str, field: str = "") -> Errors:
    """Check one probe; `field` (`livenessProbe`, ...) adds the rules of its type."""
    if probe is None:
        return
    yield from validate_handler(probe, path, ("exec", "httpGet", "tcpSocket", "grpc"))
    for name in _NOT_NEGATIVE:
        if probe.get(name, 0) < 0:
            yield invalid(child(path, name), probe[name], "must be greater than or equal to 0")
    grace = probe.get("terminationGracePeriodSeconds")
    if grace is not None and grace <= 0:
        yield invalid(child(path, "terminationGracePeriodSeconds"), grace, "must be greater than 0")
    if field == "readinessProbe" and grace is not None:
        at = child(path, "terminationGracePeriodSeconds")
        yield invalid(at, grace, "must not be set for readinessProbes")
    if field in {"livenessProbe", "startupProbe"} and probe.get("successThreshold", 1) != 1:
        yield invalid(child(path, "successThreshold"), probe["successThreshold"], "must be 1")


def validate_handler(handler: Raw, path: str, kinds: Iterable[str], grace: int = 30) -> Errors:
    """Check that exactly one of `kinds` is set, and that one; any further one is refused unchecked."""
    given = [kind for kind in kinds if kind in handler]
    if not given:
        yield required(path, "must specify a handler type")
    for kind in given[1:]:
        yield forbidden(child(path, kind), "may not specify more than 1 handler type")
    for kind in given[:1]:
        yield from _action(kind, handler[kind], child(path, kind), grace)


def _action(kind: str, action: Raw, path: str, grace: int) -> Errors:
    match kind:
        case "exec" if not action.get("command"):
            yield required(f"{path}.command")
        case "httpGet":
            if not action.get("path"):
                yield required(f"{path}.path")
            yield from _port(action.get("port", 0), f"{path}.port")
            if action.get("scheme") not in {"HTTP", "HTTPS"}:
                yield unsupported(f"{path}.scheme", action.get("scheme", ""), ("HTTP", "HTTPS"))
            for header in action.get("httpHeaders", ()):
                yield from _each(f"{path}.httpHeaders", header.get("name", ""), is_header_name)
        case "tcpSocket":
            yield from _port(action.get("port", 0), f"{path}.port")
        case "grpc":
            yield from _each(f"{path}.port", action.get("port", 0), is_port_number)
        case "sleep" if not 0 <= action.get("seconds", 0) <= grace:
            text = f"must be non-negative and less than terminationGracePeriodSeconds ({grace})"
            yield invalid(path, action.get("seconds", 0), text)


def _container(raw: Raw, path: str, volumes: set[str], grace: int, *, init: bool) -> Errors:
    image = raw.get("image", "")
    if not image:
        yield required(f"{path}.image")
    elif image != image.strip():
        yield invalid(f"{path}.image", image, "must not have leading or trailing whitespace")
    if (policy := raw.get("terminationMessagePolicy")) not in {None, "File", "FallbackToLogsOnError"}:
        yield unsupported(f"{path}.terminationMessagePolicy", policy, ("File", "FallbackToLogsOnError"))
    yield from _ports(raw.get("ports", ()), f"{path}.ports")
    for i, variable in enumerate(raw.get("env", ())):
        yield from _variable(variable, f"{path}.env[{i}]")
    for i, source in enumerate(raw.get("envFrom", ())):
        yield from _one_of(source, f"{path}.envFrom[{i}]", ("configMapRef", "secretRef"), ("name",))
    yield from _mounts(raw.get("volumeMounts", ()), f"{path}.volumeMounts", volumes)
    if raw.get("imagePullPolicy") not in {"Always", "IfNotPresent", "Never"}:
        yield unsupported(f"{path}.imagePullPolicy", raw.get("imagePullPolicy"), ("Always", "IfNotPresent", "Never"))
    yield from _resources(raw.get("resources", {}), f"{path}.resources")
    yield from _behaviour(raw, path, grace, init=init)


def _behaviour(raw: Raw, path: str, grace: int, *, init: bool) -> Errors:
    """Check what only a container that keeps running may have, hooks and probes, and its restart policy."""
    if init and raw.get("restartPolicy") != "Always":
        for name in ("lifecycle", *PROBES):
            if name in raw:
                yield forbidden(f"{path}.{name}", "may not be set for init containers without restartPolicy=Always")
        yield from validate_restart_policy(raw, path)
        return
    for hook in ("postStart", "preStop"):
        if hook in raw.get("lifecycle", {}):
            kinds = ("exec", "httpGet", "tcpSocket", "sleep")
            yield from validate_handler(raw["lifecycle"][hook], f"{path}.lifecycle.{hook}", kinds, grace)
    for name in PROBES:
        yield from validate_probe(raw.get(name), f"{path}.{name}", name)
    yield from validate_restart_policy(raw, path)


def _ports(ports: Iterable[Raw], path: str) -> Errors:
    names: set[str] = set()
    for i, port in enumerate(ports):
        at = f"{path}[{i}]"
        if name := port.get("name"):
            yield from _each(f"{at}.name", name, is_port_name)
            if name in names:
                yield duplicate(f"{at}.name", name)
            names.add(name)
        if not port.get("containerPort"):
            yield required(f"{at}.containerPort")
        else:
            yield from _each(f"{at}.containerPort", port["containerPort"], is_port_number)
        if port.get("hostPort"):
            yield from _each(f"{at}.hostPort", port["hostPort"], is_port_number)
        if port.get("protocol") not in {"SCTP", "TCP", "UDP"}:
            yield unsupported(f"{at}.protocol", port.get("protocol"), ("SCTP", "TCP", "UDP"))


def _variable(variable: Raw, path: str) -> Errors:
    if not variable.get("name"):
        yield required(f"{path}.name")
    else:
        yield from _each(f"{path}.name", variable["name"], is_env_name)
    source = variable.get("valueFrom")
    if source is None:
        return
    at = f"{path}.valueFrom"
    if variable.get("value"):
        yield invalid(at, "", "may not be specified when `value` is not empty")
    kinds = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef")
    yield from _one_of(source, at, kinds, ("name", "key"))
    if (field := source.get("fieldRef")) is not None:
        name = field.get("fieldPath", "")
        if not name:
            yield required(f"{at}.fieldRef.fieldPath")
        elif not _FIELD_PATHS.fullmatch(name):
            text = f"error converting fieldPath: field label not supported: {name}"
            yield invalid(f"{at}.fieldRef.fieldPath", name, text)


def _one_of(source: Raw, path: str, kinds: tuple[str, ...], needs: tuple[str, ...]) -> Errors:
    given = [kind for kind in kinds if kind in source]
    if not given:
        quoted = [f"`{kind}`" for kind in kinds]
        text = f"must specify one of: {', '.join(quoted[:-1])} or {quoted[-1]}"
        yield invalid(path, "", text)
    elif len(given) > 1:
        yield invalid(path, "", "may not have more than one field specified at a time")
    for kind in given:
        if kind.endswith(("KeyRef", "MapRef", "secretRef")) and isinstance(source[kind], Mapping):
            for need in needs if kind != "fileKeyRef" else ():
                if not source[kind].get(need):
                    yield required(f"{path}.{kind}.{need}")


def _mounts(mounts: Iterable[Raw], path: str, volumes: set[str]) -> Errors:
    targets: set[str] = set()
    for i, mount in enumerate(mounts):
        at, name, target = f"{path}[{i}]", mount.get("name", ""), mount.get("mountPath", "")
        if not name:
            yield required(f"{at}.name")
        elif name not in volumes:
            yield not_found(f"{at}.name", name)
        if not target:
            yield required(f"{at}.mountPath")
        elif target in targets:
            yield invalid(f"{at}.mountPath", target, "must be unique")
        targets.add(target)


def _resources(resources: Raw, path: str) -> Errors:
    amounts: dict[tuple[str, str], Fraction] = {}
    for group in ("limits", "requests"):
        for name, value in resources.get(group, {}).items():
            at = f"{path}.{group}[{name}]"
            try:
                amounts[group, name] = parse_quantity(value)
            except ValueError as error:
                yield invalid(at, value, str(error))
                continue
            if amounts[group, name] < 0:
                yield invalid(at, str(value), "must be greater than or equal to 0")
    for (group, name), amount in amounts.items():
        if group == "requests" and amount > amounts.get(("limits", name), amount):
            value, limit = resources["requests"][name], resources["limits"][name]
            yield invalid(f"{path}.requests", str(value), f"must be less than or equal to {name} limit of {limit}")


def _labels(labels: Raw, path: str) -> Errors:
    for key, value in labels.items():
        yield from _each(path, key, is_label_key)
        yield from _each(path, value, is_label_value)


def _names(names: list[str], path: str, rule: Callable[[Any], list[str]], taken: Iterable[str] = ()) -> Errors:
    seen = set(taken)
    for i, name in enumerate(names):
        at = f"{path}[{i}].name"
        if not name:
            yield required(at)
            continue
        yield from _each(at, name, rule)
        if name in seen:
            yield duplicate(at, name)
        seen.add(name)


def _port(port: int | str, path: str) -> Errors:
    yield from _each(path, port, is_port_number if isinstance(port, int) else is_port_name)


def _each(path: str, value: Any, rule: Callable[[Any], list[str]]) -> Errors:
    for text in rule(value):
        yield invalid(path, value, text)

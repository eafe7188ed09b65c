"""The fields of a pod's manifest and their types, as strict decoding accepts them.

A type is an object (a dict of its fields), a list (a Python list of one type), a `Map`, or a scalar's name. Parts that
nothing here reads are `any`. They are not declared with `crashy/fields`, as settings, faults and experiments are: the
errors are in the API server's words, and fields that nothing reads must be known too.
Source: kubernetes: staging/src/k8s.io/api/core/v1/types.go.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from crashy.objects.fields import FieldError, child, invalid


@dataclass(frozen=True, slots=True)
class Map:
    """A mapping with keys of the user's choice, all values of one type."""

    of: str


Type = str | Map | list[Any] | dict[str, Any]


def each(of: Type, names: str) -> dict[str, Type]:
    """Return fields that are all of one type."""
    return dict.fromkeys(names.split(), of)


def unread(names: str) -> dict[str, Type]:
    """Return fields that nothing here reads."""
    return each("any", names)


HTTP_GET: Type = {**each("string", "path host scheme"), "port": "port", "httpHeaders": [each("string", "name value")]}
TCP_SOCKET: Type = {"port": "port", "host": "string"}
EXEC: Type = {"command": ["string"]}
PROBE: Type = {
    "exec": EXEC,
    "httpGet": HTTP_GET,
    "tcpSocket": TCP_SOCKET,
    "grpc": {"port": "int32", "service": "string"},
    **each("int32", "initialDelaySeconds timeoutSeconds periodSeconds successThreshold failureThreshold"),
    "terminationGracePeriodSeconds": "int64",
}
_HOOK: Type = {"exec": EXEC, "httpGet": HTTP_GET, "tcpSocket": TCP_SOCKET, "sleep": {"seconds": "int64"}}
_KEY: Type = {"name": "string", "key": "string", "optional": "bool"}
_REF: Type = {"name": "string", "optional": "bool"}
_CONTAINER: Type = {
    **each("string", "name image workingDir restartPolicy imagePullPolicy"),
    **each("string", "terminationMessagePath terminationMessagePolicy"),
    **each("bool", "stdin stdinOnce tty"),
    **each(["string"], "command args"),
    "env": [
        {
            **each("string", "name value"),
            "valueFrom": {
                "fieldRef": each("string", "apiVersion fieldPath"),
                "configMapKeyRef": _KEY,
                "secretKeyRef": _KEY,
                **unread("resourceFieldRef fileKeyRef"),
            },
        }
    ],
    "envFrom": [{"prefix": "string", "configMapRef": _REF, "secretRef": _REF}],
    "ports": [each("string", "name protocol hostIP") | each("int32", "containerPort hostPort")],
    "resources": {"limits": Map("quantity"), "requests": Map("quantity"), "claims": "any"},
    **each(PROBE, "livenessProbe readinessProbe startupProbe"),
    "lifecycle": {"postStart": _HOOK, "preStop": _HOOK, "stopSignal": "string"},
    "volumeMounts": [
        {**each("string", "name mountPath subPath"), "readOnly": "bool"}
        | unread("subPathExpr mountPropagation recursiveReadOnly")
    ],
    "restartPolicyRules": [{"action": "string", "exitCodes": {"operator": "string", "values": ["int32"]}}],
    "resizePolicy": [each("string", "resourceName restartPolicy")],
    **unread("securityContext volumeDevices"),
}
_ITEMS: Type = [{**each("string", "key path"), "mode": "int32"}]
_PROJECTED: dict[str, Type] = {"name": "string", "items": _ITEMS, "optional": "bool"}
_POD_SPEC: Type = {
    "containers": [_CONTAINER],
    "initContainers": [_CONTAINER],
    **each("string", "restartPolicy dnsPolicy hostname serviceAccountName"),
    **each("int64", "terminationGracePeriodSeconds activeDeadlineSeconds"),
    **each("bool", "shareProcessNamespace automountServiceAccountToken"),
    "readinessGates": [{"conditionType": "string"}],
    "volumes": [
        {
            "name": "string",
            "configMap": {**_PROJECTED, "defaultMode": "int32"},
            "secret": {"secretName": "string", "items": _ITEMS, "optional": "bool", "defaultMode": "int32"},
            "persistentVolumeClaim": {"claimName": "string", "readOnly": "bool"},
            "projected": {
                "sources": [
                    each(_PROJECTED, "configMap secret")
                    | unread("clusterTrustBundle downwardAPI podCertificate serviceAccountToken")
                ],
                "defaultMode": "int32",
            },
        }
        | unread(
            "awsElasticBlockStore azureDisk azureFile cephfs cinder csi downwardAPI emptyDir ephemeral fc"
            " flexVolume flocker gcePersistentDisk gitRepo glusterfs hostPath image iscsi nfs"
            " photonPersistentDisk portworxVolume quobyte rbd scaleIO storageos vsphereVolume"
        )
    ],
    "nodeSelector": Map("string"),
    **unread(
        "affinity dnsConfig enableServiceLinks ephemeralContainers hostAliases hostIPC hostNetwork hostPID hostUsers"
        " hostnameOverride imagePullSecrets nodeName os overhead preemptionPolicy priority priorityClassName"
        " resourceClaims resources runtimeClassName schedulerName schedulingGates schedulingGroup securityContext"
        " serviceAccount setHostnameAsFQDN subdomain tolerations topologySpreadConstraints workloadRef"
    ),
}
_METADATA: Type = {
    **each("string", "name generateName namespace"),
    "labels": Map("string"),
    "annotations": Map("string"),
    **unread(
        "creationTimestamp deletionGracePeriodSeconds deletionTimestamp finalizers generation managedFields"
        " ownerReferences resourceVersion selfLink uid"
    ),
}
TEMPLATE: dict[str, Type] = {"metadata": _METADATA, "spec": _POD_SPEC}
OBJECT: dict[str, Type] = {"apiVersion": "string", "kind": "string", "metadata": _METADATA, "status": "any"}
POD: dict[str, Type] = {**OBJECT, **TEMPLATE}
LABEL_SELECTOR: Type = {
    "matchLabels": Map("string"),
    "matchExpressions": [{"key": "string", "operator": "string", "values": ["string"]}],
}

MOST_HINTS = 100  # a guess takes a millisecond: a file of nothing but unknown fields must not take minutes
_ARTICLE = {"int32": "an integer", "int64": "an integer", "string": "a string", "bool": "true or false"}
_ARTICLE |= {"port": "an integer or a port's name", "quantity": "a quantity"}


def decode(value: Any, of: Type, path: str, errors: list[FieldError]) -> Any:
    """Return a copy without nulls, unknown fields and values of a wrong type; the latter two are errors."""
    match of:
        case dict():
            if not isinstance(value, Mapping):
                errors.append(invalid(path, value, "must be an object"))
                return {}
            return dict(_fields(value, of, path, errors))
        case list():
            if not isinstance(value, list):
                errors.append(invalid(path, value, "must be a list"))
                return []
            return [_item(item, of[0], f"{path}[{i}]", errors) for i, item in enumerate(value)]
        case Map():
            if not isinstance(value, Mapping):
                errors.append(invalid(path, value, "must be an object"))
                return {}
            given = ((str(key), item) for key, item in value.items() if item is not None)
            items = ((key, decode(item, of.of, f"{path}[{key}]", errors)) for key, item in given)
            return {key: item for key, item in items if item is not None}
        case _:
            return _scalar(value, of, path, errors)


def _fields(value: Mapping[Any, Any], of: dict[str, Any], path: str, errors: list[FieldError]) -> Iterator[Any]:
    for key, item in value.items():
        name = str(key)
        if name not in of:
            few = len(errors) < MOST_HINTS
            close = few and (difflib.get_close_matches(name, of, 1) or [f for f in of if f.lower() == name.lower()])
            hint = f'did you mean "{close[0]}"?' if close else ""
            errors.append(FieldError(child(path, name), "unknown field", hint))
        elif item is not None:
            decoded = decode(item, of[name], child(path, name), errors)
            if decoded is not None:
                yield name, decoded


def _item(item: Any, of: Type, path: str, errors: list[FieldError]) -> Any:
    empty = {} if isinstance(of, dict) else ""
    decoded = empty if item is None else decode(item, of, path, errors)
    return empty if decoded is None else decoded


def _scalar(value: Any, of: str, path: str, errors: list[FieldError]) -> Any:
    if isinstance(value, float) and value.is_integer() and of in {"int32", "int64", "port"}:
        value = int(value)
    match of, value:
        case ("any", _) | ("bool", bool()) | (("string" | "port" | "quantity"), str()):
            return value
        case (("int32" | "int64" | "port" | "quantity"), int()) if not isinstance(value, bool):
            bits = 63 if of in {"int64", "quantity"} else 31
            if -(2**bits) <= value < 2**bits:
                return value
            errors.append(invalid(path, value, f"must be an integer of {bits + 1} bits"))
        case ("quantity", float()):
            return value
        case _:
            errors.append(invalid(path, value, f"must be {_ARTICLE[of]}"))
    return None

"""The API server's defaults for fields that a manifest leaves out (or sets to zero, where zero means unset).

Source: kubernetes: pkg/apis/core/v1/defaults.go. Each function completes a decoded mapping in place.
"""

from __future__ import annotations

from typing import Any

PROBES = ("livenessProbe", "readinessProbe", "startupProbe")


def complete_pod(spec: dict[str, Any]) -> None:
    """Complete a pod's specification with all its containers."""
    _fill(spec, restartPolicy="Always", dnsPolicy="ClusterFirst")
    # A negative grace is accepted and means one second: kubernetes: pkg/registry/core/pod/strategy.go.
    grace = spec.setdefault("terminationGracePeriodSeconds", 30)
    spec["terminationGracePeriodSeconds"] = grace if grace >= 0 else 1
    for container in (*spec.get("initContainers", ()), *spec.get("containers", ())):
        complete_container(container)


def complete_container(container: dict[str, Any]) -> None:
    """Complete a container with its ports, probes and hooks."""
    latest = _is_latest(container.get("image", ""))
    _fill(container, imagePullPolicy="Always" if latest else "IfNotPresent")
    _fill(container, terminationMessagePath="/dev/termination-log", terminationMessagePolicy="File")
    for port in container.get("ports", ()):
        _fill(port, protocol="TCP")
    for name in PROBES:
        if name in container:
            complete_probe(container[name])
    for hook in container.get("lifecycle", {}).values():
        if isinstance(hook, dict):
            complete_handler(hook)


def complete_probe(probe: dict[str, Any]) -> None:
    """Complete a probe; a zero means the default, except for the initial delay and the grace."""
    _fill(probe, timeoutSeconds=1, periodSeconds=10, successThreshold=1, failureThreshold=3)
    probe.setdefault("initialDelaySeconds", 0)
    complete_handler(probe)


def complete_handler(handler: dict[str, Any]) -> None:
    """Complete the action of a probe or of a lifecycle hook."""
    if "httpGet" in handler:
        _fill(handler["httpGet"], path="/", scheme="HTTP")


def _fill(target: dict[str, Any], **values: Any) -> None:
    target.update({key: value for key, value in values.items() if not target.get(key)})


def _is_latest(image: str) -> bool:
    name = image.rpartition("/")[2]
    return "@" not in name and name.partition(":")[2] in {"", "latest"}

"""The sidecar by which an app of anybody's takes network faults on a cluster: a proxy of ours in its pod."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crashy.engines.images import SIDECAR

ADMIN_PORT = 20000
"""Where its admin API is, unless the pod has something there."""
_USER = 10001  # the image's
_DAY = 24 * 60 * 60  # seconds: the most that the proxy takes


def sidecar(
    image: str, ports: Mapping[int, int], admin_port: int, token: tuple[str, str] | None, grace: int
) -> dict[str, Any]:
    """Return the container that listens on each of `ports` and connects to the app's.

    It dials the pod's own address, as users do: what the app opens on loopback alone stays closed, and nobody is
    trusted for being local. `token` is the Secret and its key that hold the admin API's, `grace` the pod's, in seconds:
    the proxy goes on as long as there are connections, which the app ends.
    """
    args = ["proxy", "--http"]
    for listens, app in ports.items():
        args += [str(listens), f"$(POD_IP):{app}"]
    env: list[dict[str, Any]] = [
        {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        {"name": "ADMIN_PORT", "value": str(admin_port)},
        {"name": "DRAIN_SECONDS", "value": str(min(grace, _DAY))},
    ]
    if token:
        secret, key = token
        env.append({"name": "ADMIN_TOKEN", "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}})
    return {
        "name": SIDECAR,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "args": args,
        "env": env,
        "ports": [{"containerPort": port} for port in (*ports, admin_port)],
        # No fault acts on its admin port, so that none can take the pod out of its Services. A startup probe would do,
        # but kubelets before 1.22 look at its result at the pod's next sync only.
        "readinessProbe": {
            "tcpSocket": {"port": admin_port},
            "periodSeconds": 1,
            "timeoutSeconds": 5,
            "failureThreshold": 5,
        },
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"cpu": "1", "memory": "128Mi"}},
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "runAsGroup": _USER,
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }

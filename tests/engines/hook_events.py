"""Pods with hooks, and what is said of each by version: for the lab, sim and a cluster.

1.36 as in the recordings 12a and 12b, 1.20 as on a cluster, 1.32 from the source: kubelet: pkg/kubelet/lifecycle.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

NO: list[str] = []
FAILS = {"exec": {"command": ["sh", "-c", "exit 3"]}}
EXITED = "command 'sh -c exit 3' exited with 3: "
REFUSED = "dial tcp POD:7000: connect: connection refused"


def get(path: str, port: int = 8080, scheme: str = "HTTP") -> dict[str, Any]:
    return {"httpGet": {"path": path, "port": port, "scheme": scheme}}


HOOKS: dict[str, tuple[dict[str, Any], list[str], list[str]]] = {
    # a pod's hook, its events up to 1.20, and in 1.32 and 1.36
    "plain": ({"preStop": get("/info")}, NO, NO),
    "not-found": ({"preStop": get("/nope")}, NO, NO),
    "https-to-plain": ({"preStop": get("/info", scheme="HTTPS")}, NO, NO),  # asked again, quietly
    "refused": (
        {"preStop": get("/bye", 7000)},
        [
            'FailedPreStopHook Http lifecycle hook (/bye) for Container "app" in Pod "refused_NS(UID)" failed - '
            f'error: Get "http://POD:7000//bye": {REFUSED}, message: ""'
        ],
        ["FailedPreStopHook PreStopHook failed"],
    ),
    "exec-fails": (
        {"preStop": FAILS},
        [
            'FailedPreStopHook Exec lifecycle hook ([sh -c exit 3]) for Container "app" in Pod '
            f'"exec-fails_NS(UID)" failed - error: {EXITED}, message: ""'
        ],
        ["FailedPreStopHook PreStopHook failed"],
    ),
    "tcp": (
        {"preStop": {"tcpSocket": {"port": 8080}}},
        [
            "FailedPreStopHook Cannot run handler: invalid handler: &Handler{Exec:nil,HTTPGet:nil,"
            "TCPSocket:&TCPSocketAction{Port:{0 8080 },Host:,},}"
        ],
        ["FailedPreStopHook PreStopHook failed"],
    ),
    "post-fails": (
        {"postStart": FAILS},
        [
            'FailedPostStartHook Exec lifecycle hook ([sh -c exit 3]) for Container "app" in Pod '
            f'"post-fails_NS(UID)" failed - error: {EXITED}, message: ""',
            "Killing FailedPostStartHook",
            f"PostStartHookError: {EXITED}",
        ],
        [
            "FailedPostStartHook PostStartHook failed",
            "Killing FailedPostStartHook",
            "PostStartHookError",
        ],
    ),
}


def pods() -> Iterator[dict[str, Any]]:
    for name, (lifecycle, _, _) in HOOKS.items():
        probe = {"httpGet": {"path": "/readyz", "port": 8080}, "periodSeconds": 1}
        container = {"name": "app", "image": "crashy-app:1.0.0", "lifecycle": lifecycle, "readinessProbe": probe}
        spec = {"containers": [container], "terminationGracePeriodSeconds": 1, "dnsPolicy": "Default"}
        yield {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def wanted(version: str) -> dict[str, list[str]]:
    return {name: old if version == "1.20" else new for name, (_, old, new) in HOOKS.items()}


def plain(said: Iterable[str], ips: Iterable[str]) -> list[str]:
    """Return texts once each, without what is drawn: addresses and uids."""
    addresses = "|".join(map(re.escape, filter(None, ips)))
    texts = (re.sub(addresses, "POD", text) if addresses else text for text in said)
    return list(
        dict.fromkeys(re.sub(r'(Pod "[a-z0-9-]+)_[a-z0-9-]+\([0-9a-f-]+\)', r"\1_NS(UID)", text) for text in texts)
    )

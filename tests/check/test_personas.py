"""What check knows of courses' apps, which the patient can be: their ports, their routes, and their exec probe."""

from __future__ import annotations

from typing import Any

import pytest

from crashy.check.model import findings
from crashy.check.targets import read_objects, targets_among
from crashy.check.traps import TRAPS
from crashy.objects.document import Document

KUARD = "gcr.io/kuar-demo/kuard-amd64:blue"
PODINFO = "ghcr.io/stefanprodan/podinfo:6.14.1"
AGNHOST = "registry.k8s.io/e2e-test-images/agnhost:2.40"


def said(handler: dict[str, Any], **container: Any) -> list[str]:
    """Return what check says of a readiness probe that never succeeds."""
    spec = {"containers": [{"name": "app", "readinessProbe": handler, **container}]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": spec}
    found = read_objects([Document("pod.yaml", 0, 1, pod)])
    assert found.mistakes == []
    return [one.message for one in findings(TRAPS, targets_among(found.objects)) if one.trap.id == "never-succeeds"]


def get(path: str, port: int) -> dict[str, Any]:
    return {"httpGet": {"path": path, "port": port}}


@pytest.mark.parametrize(
    ("handler", "container", "message"),
    [
        (get("/ready", 8080), {"image": KUARD}, ""),
        (get("/ready", 8081), {"image": KUARD}, "404"),
        (get("/nope", 8080), {"image": KUARD}, "with 404"),
        (get("/ready", 9090), {"image": KUARD, "command": ["/kuard", "--address=:9090"]}, ""),
        (get("/ready", 8080), {"image": KUARD, "command": ["/kuard", "--address=:9090"]}, "nothing listens on 8080"),
        (get("/readyz", 9898), {"image": PODINFO}, ""),
        (get("/status/503", 9898), {"image": PODINFO}, "it answers /status/503 with 503"),
        (get("/healthz", 9797), {"image": PODINFO, "command": ["./podinfo", "--port-metrics=9797"]}, ""),
        ({"grpc": {"port": 9999}}, {"image": PODINFO, "command": ["./podinfo", "--grpc-port=9999"]}, ""),
        ({"grpc": {"port": 9999}}, {"image": PODINFO}, "nothing listens on 9999"),
        ({"exec": {"command": ["podcli", "check", "http", "localhost:9898/readyz"]}}, {"image": PODINFO}, ""),
        (get("/readyz", 8080), {"image": AGNHOST, "args": ["netexec"]}, ""),
        (get("/exit", 8080), {"image": AGNHOST, "args": ["netexec"]}, "/exit makes it fail"),
        (get("/readyz", 8083), {"image": "crashy-app:1.0.0", "args": ["netexec", "--http-port=8083"]}, ""),
        (get("/anything", 8080), {"image": "luksa/kubia-unhealthy"}, ""),
        (get("/nope", 8080), {"image": AGNHOST, "args": ["test-webserver"]}, ""),
    ],
)
def test_a_probe_that_its_app_never_answers_well_is_found(
    handler: dict[str, Any], container: dict[str, Any], message: str
) -> None:
    found = said(handler, **container)

    assert bool(found) == bool(message)
    assert all(message in line for line in found)

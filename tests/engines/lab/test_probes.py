"""The lab tells its patients their probes, and what their ledgers foretell is what the prober does."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from crashy.engines.lab.probes import probes_of
from crashy.objects.pod import parse_pod_template
from crashy.patient.probe_settings import ProbeSettings, read
from tests.commands.labs import Lab, event, eventually, lab

PERIOD = 2
GRPC = {"grpc": {"port": 9000, "service": "liveness"}}
HTTP = {"httpGet": {"path": "/livez", "port": 8080}}
NUMBERS = {"periodSeconds": PERIOD, "timeoutSeconds": 1, "failureThreshold": 4}
READY = {"httpGet": {"path": "/readyz", "port": 8080}, "periodSeconds": 1, "successThreshold": 2}


def pod(name: str, live: dict[str, Any], **numbers: int) -> dict[str, Any]:
    container = {
        "name": "web",
        "image": "crashy-app",
        "env": [{"name": "GRPC_PORT", "value": "9000"}],
        "livenessProbe": {**live, **NUMBERS, **numbers},
        "readinessProbe": READY,
    }
    spec = {"terminationGracePeriodSeconds": 1, "containers": [container]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


PODS = [
    pod("http", HTTP),
    pod("grpc", GRPC),
    pod("frozen", HTTP, periodSeconds=1, failureThreshold=30),
]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    manifest = tmp_path_factory.mktemp("lab") / "pods.yaml"
    manifest.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": PODS}))
    with lab(str(manifest), environ={"CRASHY_RUNTIME_DIR": str(manifest.parent)}) as one:
        one.ready(len(PODS))
        yield one


class Admin:
    """The admin port of one pod."""

    def __init__(self, running: Lab, name: str) -> None:
        ips = [e["data"]["ip"] for e in running.events if e["kind"] == "pod" and e["object"] == f"pod/{name}"]
        self.url = f"http://{ips[-1]}:8081/admin"

    def post(self, spec: str) -> None:
        with urllib.request.urlopen(f"{self.url}/faults", data=spec.encode(), timeout=10):
            pass

    def probe(self, kind: str) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.url}/probes", timeout=10) as answer:
            probes: list[dict[str, Any]] = json.load(answer)["probes"]
        (found,) = [one for one in probes if one["kind"] == kind]
        return found


@pytest.mark.parametrize("name", ["http", "grpc"])
def test_the_restart_comes_when_the_ledger_says(running: Lab, name: str) -> None:
    admin = Admin(running, name)
    eventually(lambda: admin.probe("readiness")["state"] == "ready")
    after = len(running.events)
    admin.post("unlive")
    eventually(lambda: admin.probe("liveness")["consecutive_failures"] == 2)
    foretold = admin.probe("liveness")
    restart = time.monotonic() + foretold["due_in"]

    running.wait(lambda e: event("Killing")(e) and e["object"] == f"pod/{name}", after=after)

    assert foretold["state"] == f"failure 2 of 4, restart in about {foretold['due_in']:.0f} s"
    assert abs(time.monotonic() - restart) < PERIOD / 2, "it was another probe that failed last"


def test_what_failed_while_the_app_was_frozen_is_counted_as_the_kubelet_did(running: Lab) -> None:
    admin = Admin(running, "frozen")
    eventually(lambda: admin.probe("liveness")["consecutive_successes"] > 0)  # what came before it listened wasn't seen
    after = frozen = len(running.events)
    admin.post("freeze")

    def failed(e: dict[str, Any]) -> bool:
        return e["object"] == "pod/frozen" and event("Unhealthy", "Liveness probe failed")(e)

    for _ in range(3):
        after = running.wait(failed, after=after)
    urllib.request.urlopen(urllib.request.Request(f"{admin.url}/faults", method="DELETE"), timeout=10).close()
    eventually(lambda: admin.probe("liveness")["consecutive_successes"] > 0)
    admin.post("unready")  # what is told of this comes after all that was told of the freeze
    running.wait(lambda e: e["object"] == "pod/frozen" and event("Unhealthy", "statuscode: 503")(e), after=after)

    found = admin.probe("liveness")
    assert found["failed"] == sum(map(failed, running.events[frozen:]))
    assert found["period"] == pytest.approx(1, abs=0.2)


def test_a_containers_probes_are_told_with_the_ports_that_listen_for_them() -> None:
    container = {
        "name": "web",
        "image": "crashy-app",
        "ports": [{"name": "web", "containerPort": 80}],
        "startupProbe": {"tcpSocket": {"port": "none"}},
        "readinessProbe": {"httpGet": {"port": "web"}, "periodSeconds": 3},
        "livenessProbe": {"exec": {"command": ["cat", "/app/is_healthy"]}},
    }
    (parsed,) = parse_pod_template({"spec": {"containers": [container]}}).containers

    assert read(probes_of(parsed, lambda port: 10_000 + port)) == (
        ProbeSettings("readiness", "http", 10_080, "/", period=3),
        ProbeSettings("liveness", "exec", 0, "cat /app/is_healthy"),
    )


def test_a_container_without_probes_is_told_nothing() -> None:
    template = parse_pod_template({"spec": {"containers": [{"name": "web", "image": "crashy-app"}]}})

    assert probes_of(template.containers[0], int) == ""


def test_what_the_manifest_sets_comes_first(tmp_path: Path) -> None:
    annotated = pod("own", HTTP)
    annotated["metadata"]["annotations"] = {
        "crashy/probes": json.dumps({"livenessProbe": {**HTTP, "periodSeconds": 7}})
    }
    reference = {"fieldRef": {"fieldPath": "metadata.annotations['crashy/probes']"}}
    annotated["spec"]["containers"][0]["env"].append({"name": "PROBES", "valueFrom": reference})
    manifest = tmp_path / "pod.yaml"
    manifest.write_text(json.dumps(annotated))
    with lab(str(manifest), environ={"CRASHY_RUNTIME_DIR": str(tmp_path)}) as one:
        one.ready()

        assert Admin(one, "own").probe("liveness")["settings"]["periodSeconds"] == 7

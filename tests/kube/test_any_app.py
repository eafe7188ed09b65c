"""Apps that are none of ours on a real cluster: crashed, and made ill through the sidecar that `kube wrap` adds."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.kube.cluster import Cluster, Object

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
CRASHY = [sys.executable, "-m", "crashy"]
REDIS = {
    "name": "store",
    "image": "redis-tini:1.0.0",
    "command": ["redis-server", "--save", "", "--protected-mode", "no"],
}
"""Its first process has a handler for SIGTERM."""
SERVE = (
    "import http.server as h; h.ThreadingHTTPServer.request_queue_size = 128; "
    "h.ThreadingHTTPServer(('', 8000), h.SimpleHTTPRequestHandler).serve_forever()"
)
"""As `python3 -m http.server` does, but with room for all that come at once when a freeze ends.

Its own queue of 5 lets most of them try again a second later.
"""
PAGES: Object = {
    "name": "app",
    "image": "apache2-custom:1.0.0",
    "command": ["python3", "-c", SERVE],
    "workingDir": "/usr/share",
    "ports": [{"name": "http", "containerPort": 8000}],
    "readinessProbe": {"httpGet": {"path": "/", "port": "http"}, "periodSeconds": 1, "failureThreshold": 1},
}
"""Its first process has none."""


def deployment(name: str, *containers: Object) -> Object:
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [*containers]}}
    spec = {"selector": {"matchLabels": {"app": name}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def service(name: str) -> Object:
    ports = [{"name": "web", "port": 80, "targetPort": "http"}, {"name": "store", "port": 6379}]
    spec = {"selector": {"app": name}, "ports": ports}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


@pytest.fixture
def crashy(needs: Callable[..., None], tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return what runs crashy in a folder of its own."""
    needs("crashy-app:1.0.0", "redis-tini:1.0.0", "apache2-custom:1.0.0")

    def run(*args: str | Path) -> subprocess.CompletedProcess[str]:
        command = [*CRASHY, *map(str, args)]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=200, check=False)

    return run


def written(path: Path, *objects: Object) -> Path:
    path.write_text(yaml.safe_dump_all(objects))
    return path


def experiment(folder: Path, **fields: Any) -> Path:
    return written(folder / "experiment.yaml", {"name": "any-app", "lesson": "A test."} | fields)


Crashy = Callable[..., subprocess.CompletedProcess[str]]


def test_an_app_of_anybodys_is_crashed_and_its_users_made_to_wait(crashy: Crashy, tmp_path: Path) -> None:
    unwrapped = written(tmp_path / "app.yaml", deployment("shop", PAGES, REDIS), service("shop"))
    wrapped = crashy("kube", "wrap", unwrapped)
    assert wrapped.stderr == "note: deployment/shop: 28000 leads to 8000, 26379 leads to 6379\n"
    (tmp_path / "wrapped.yaml").write_text(wrapped.stdout)
    ping = ["sh", "-c", 'test "$(redis-cli -h $(hostname -i) -p 26379 ping)" = PONG']
    path = experiment(
        tmp_path,
        manifests=["wrapped.yaml"],
        traffic={"service": "shop", "port": "web", "rate": 10, "timeout": "2s"},
        duration="32s",
        steps=[
            {"at": "18s", "inject": "error code=503 routes=/ times=3", "target": "any"},
            {"at": "18s", "exec": ping, "container": "store", "target": "any"},
            {"at": "19s", "inject": "freeze mode=hang for=3s", "target": "any"},
            {"at": "23s", "inject": "latency delay=400ms", "target": "any"},
            {"at": "24s", "recover": "latency", "target": "any"},
            {"at": "25s", "inject": "crash", "container": "store", "target": "any"},  # and the pod is out for a moment
            {"at": "27s", "inject": "crash", "target": "any"},
        ],
        expect={"restarts": {"total": "== 1"}},
    )

    ran = crashy("run", path, "--on", "kube", "--timeline", "t.jsonl")

    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert "1; can't be told: instead of its container shop-" in ran.stdout
    events = [json.loads(line) for line in (tmp_path / "t.jsonl").read_text().splitlines()]
    faults = [(e["reason"], e["message"]) for e in events if e["kind"] == "fault"]
    assert not [one for one in faults if one[0].startswith("Not")]
    assert ("ContainerEnded", "crash: kill 1 in container store") in faults
    assert ("PodDeleted", "crash: kill 1 was ignored for 3 s") in faults
    assert [e["message"][-11:] for e in events if e["message"].startswith("exec")] == ["exit code 0"]
    asked = [e["data"] | {"said": e["reason"]} for e in events if e["kind"] == "request" and e["data"]["sent"] < 25]
    assert {one["said"] for one in asked} == {"200", "503", "timeout"}
    assert sum(one["said"] == "503" for one in asked) == 3
    hung = [one["sent"] for one in asked if one["said"] == "timeout"]
    # A busy cluster takes its time from the one to the other. Who came a second after that was answered at the end.
    (began,) = [
        e["t"] for e in events if e["kind"] == "fault" and (e["reason"], e["message"][:6]) == ("Injected", "freeze")
    ]
    (frozen,) = [e["t"] for e in events if e["kind"] == "step" and "freeze" in e["data"]["step"]]
    assert began - 0.1 < hung[0] < hung[-1] < frozen + 1.1
    assert any(one["said"] == "200" and one["latency"] >= 0.4 for one in asked if one["sent"] > 23)
    assert not [e for e in events if e["reason"] == "Unhealthy" and "503" in e["message"]]  # probes ask the app itself


def test_a_guest_crashes_what_is_there_and_is_told_what_it_cannot_do(
    cluster: Cluster, crashy: Crashy, tmp_path: Path
) -> None:
    store = deployment("store", REDIS)
    cluster.apply(store)
    cluster.kubectl("wait", "--for=condition=available", "deployment", "--all", "--timeout=80s")
    as_guest = ("--on", "kube", "--in-namespace", cluster.namespace, "--selector", "app=store", "--timeline", "t.jsonl")

    def steps(*specs: str) -> Path:
        doing = [{"at": "1s", "inject": spec, "target": "any"} for spec in specs]
        return experiment(tmp_path, manifests=[store], duration="6s", steps=doing)

    refused = crashy("run", steps("latency delay=1s"), *as_guest)
    ran = crashy("run", steps("crash"), *as_guest)

    assert refused.returncode == 2
    assert "latency: container store: it needs the sidecar crashy-proxy in its pod: crashy kube wrap" in refused.stderr
    assert ran.returncode == 0, ran.stderr
    events = [json.loads(line) for line in (tmp_path / "t.jsonl").read_text().splitlines()]
    faults = [(e["reason"], e["message"]) for e in events if e["kind"] == "fault"]
    assert faults[:2] == [("Injected", "crash"), ("ContainerEnded", "crash: kill 1 in container store")]
    (pod,) = cluster.get("pods")["items"]
    assert pod["status"]["containerStatuses"][0]["restartCount"] == 1

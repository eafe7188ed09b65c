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
REDIS = {"name": "app", "image": "redis-tini:1.0.0", "command": ["redis-server", "--save", ""]}
"""Its first process has a handler for SIGTERM."""
PAGES: Object = {
    "name": "app",
    "image": "apache2-custom:1.0.0",
    "command": ["python3", "-m", "http.server", "8000"],
    "workingDir": "/usr/share",
    "ports": [{"name": "http", "containerPort": 8000}],
    "readinessProbe": {"httpGet": {"path": "/", "port": "http"}, "periodSeconds": 1, "failureThreshold": 1},
}
"""Its first process has none."""


def deployment(name: str, container: Object) -> Object:
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}}
    spec = {"selector": {"matchLabels": {"app": name}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def service(name: str, target: int | str) -> Object:
    spec = {"selector": {"app": name}, "ports": [{"port": 80, "targetPort": target}]}
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
    unwrapped = written(tmp_path / "app.yaml", deployment("pages", PAGES), service("pages", "http"))
    wrapped = crashy("kube", "wrap", unwrapped)
    assert wrapped.stderr == "note: deployment/pages: 28000 leads to 8000\n"
    (tmp_path / "wrapped.yaml").write_text(wrapped.stdout)
    path = experiment(
        tmp_path,
        manifests=["wrapped.yaml", deployment("store", REDIS)],
        traffic={"service": "pages", "rate": 10, "timeout": "1s"},
        duration="22s",
        steps=[
            {"at": "7s", "inject": "error code=503 routes=/ times=3", "target": "pages-"},
            {"at": "7s", "inject": "crash", "target": "store-"},
            {"at": "8s", "inject": "freeze mode=hang for=2s", "target": "pages-"},
            {"at": "12s", "inject": "latency delay=300ms", "target": "pages-"},
            {"at": "14s", "recover": "latency", "target": "pages-"},
            {"at": "15s", "inject": "crash", "target": "pages-"},
        ],
        expect={"restarts": {"store": "== 1", "pages": "== 0"}},
    )

    ran = crashy("run", path, "--on", "kube", "--timeline", "t.jsonl")

    assert ran.returncode == 1, ran.stdout + ran.stderr  # what became of pages' restarts can't be told
    assert "can't be told: instead of its container pages-" in ran.stdout
    events = [json.loads(line) for line in (tmp_path / "t.jsonl").read_text().splitlines()]
    faults = [(e["object"].partition("-")[0], e["reason"], e["message"]) for e in events if e["kind"] == "fault"]
    assert not [one for one in faults if one[1].startswith("Not")]
    assert ("pod/store", "ContainerEnded", "crash: kill 1 in container app") in faults
    ignored = "crash: kill 1"
    assert ("pod/pages", "PodDeleted", f"{ignored} was ignored for 3 s") in faults
    asked = [e["data"] | {"t": e["t"], "status": e["reason"]} for e in events if e["kind"] == "request"]
    assert sum(one["status"] == "503" for one in asked) == 3
    hung = [one["t"] for one in asked if not one["ok"] and one["status"] != "503" and one["t"] < 12]
    assert hung
    assert 0.5 < hung[-1] - hung[0] < 3.5
    assert any(one["ok"] and one["latency"] >= 0.3 for one in asked if 12 < one["t"] < 14.5)
    probed = [e for e in events if e["reason"] == "Unhealthy" and e["t"] < 15 and e["object"].startswith("pod/pages")]
    assert probed == []  # the kubelet asks the app itself


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
    assert "latency: container app: it needs the sidecar crashy-proxy in its pod: crashy kube wrap" in refused.stderr
    assert ran.returncode == 0, ran.stderr
    events = [json.loads(line) for line in (tmp_path / "t.jsonl").read_text().splitlines()]
    faults = [(e["reason"], e["message"]) for e in events if e["kind"] == "fault"]
    assert faults[:2] == [("Injected", "crash"), ("ContainerEnded", "crash: kill 1 in container app")]
    (pod,) = cluster.get("pods")["items"]
    assert pod["status"]["containerStatuses"][0]["restartCount"] == 1

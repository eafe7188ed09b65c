"""A wrapped manifest runs in the lab and on sim as on a cluster: users come through the sidecar."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from crashy import cli
from crashy.engines.kube.wrap import wrap
from crashy.manifest.dump import dump
from crashy.objects.document import Document

APP = {
    "name": "app",
    "image": "python:3.13",
    "command": ["python3", "-m", "http.server", "8000"],
    "ports": [{"name": "http", "containerPort": 8000}],
    "readinessProbe": {"tcpSocket": {"port": "http"}, "periodSeconds": 1},
}
DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web"},
    "spec": {
        "selector": {"matchLabels": {"app": "web"}},
        "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [APP]}},
    },
}
SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web"},
    "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": "http"}]},
}


@pytest.mark.parametrize("engine", [pytest.param("lab", marks=pytest.mark.slow), "sim"])
def test_users_come_through_the_sidecar_and_faults_act_on_them(engine: str, tmp_path: Path) -> None:
    given = [Document("app.yaml", number, 1, one) for number, one in enumerate((DEPLOYMENT, SERVICE), 1)]
    (tmp_path / "wrapped.yaml").write_text(dump(wrap(given, "crashy-app:1.0.0").objects))
    experiment = {
        "name": "wrapped",
        "lesson": "A test.",
        "manifests": ["wrapped.yaml"],
        "traffic": {"service": "web", "rate": 10, "timeout": "1s"},
        "duration": "5s",
        "steps": [{"at": "3s", "inject": "error code=503 times=3", "target": "any"}],
    }
    (tmp_path / "experiment.yaml").write_text(yaml.safe_dump(experiment))
    timeline = tmp_path / "t.jsonl"

    assert (
        cli.main(["run", str(tmp_path / "experiment.yaml"), "--on", engine, "--quiet", "--timeline", str(timeline)])
        == 0
    )

    events = [json.loads(line) for line in timeline.read_text().splitlines()]
    said = [event["reason"] for event in events if event["kind"] == "request"]
    assert said.count("503") == 3
    assert said.count("200") >= 5
    assert [event["message"] for event in events if event["reason"] == "Injected"] == ["error code=503 times=3"]

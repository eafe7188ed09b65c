"""The kube engine on a real cluster: as a user calls it, with the rights of a service account, through every end."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from crashy import cli
from crashy.engines.kube import session
from tests.kube.cluster import ROOT, Cluster

pytestmark = [pytest.mark.kube, pytest.mark.slow, pytest.mark.timeout(300)]  # a namespace may take its time to go
CRASHY = [sys.executable, "-m", "crashy"]
Object = dict[str, Any]


def deployment(name: str = "web", replicas: int = 1, **container: Any) -> Object:
    probe = {"httpGet": {"path": "/readyz", "port": 8080}, "periodSeconds": 1, "failureThreshold": 1}
    one = {
        "name": "web",
        "image": "crashy-app:1.0.0",
        "ports": [{"containerPort": 8080}],
        "readinessProbe": probe,
    } | container
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [one]}},
        },
    }


def service(name: str = "web", **spec: Any) -> Object:
    ports = [{"port": 80, "targetPort": 8080}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": {"app": name}, "ports": ports} | spec,
    }


@pytest.fixture
def experiment(tmp_path: Path) -> Callable[..., Path]:
    """Write an experiment's file; its name is one that no other run has."""

    def write(*manifests: Object, **fields: Any) -> Path:
        name = f"test-{secrets.token_hex(3)}"
        path = tmp_path / f"{name}.yaml"
        document = {"name": name, "lesson": "A test.", "manifests": list(manifests), "duration": "8s"} | fields
        path.write_text(yaml.safe_dump(document))
        return path

    return write


def run(*args: str | Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*CRASHY, *map(str, args)],
        capture_output=True,
        text=True,
        timeout=200,
        env=os.environ | (env or {}),
        check=False,
    )


def events(path: Path) -> list[Object]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def left_of(cluster: Cluster, experiment: Path) -> list[str]:
    names = [item["metadata"]["name"] for item in cluster.get("namespaces")["items"]]
    return [name for name in names if name.startswith(f"crashy-{experiment.stem}-")]


@pytest.fixture
def account(cluster: Cluster, tmp_path: Path) -> Iterator[Callable[[bool], dict[str, str]]]:
    """Return the environment of somebody who has the rights of manifests/rbac.yaml, or none; names are the test's."""
    name = f"crashy-test-{secrets.token_hex(3)}"
    objects = yaml.safe_load_all((ROOT / "manifests/rbac.yaml").read_text())
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": [_named(one, name) for one in objects]})
    there = Cluster(name)

    def environment(rights: bool) -> dict[str, str]:
        who = name if rights else "nobody"
        path = f"/api/v1/namespaces/{name}/serviceaccounts/{who}/token"
        requested = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        answer = there.kubectl("create", "--raw", path, "-f", "-", text=json.dumps(requested)).stdout
        shown = there.kubectl("config", "view", "--raw", "--minify", "--flatten", "-o", "json").stdout
        config = json.loads(shown)
        config["users"][0]["user"] = {"token": json.loads(answer)["status"]["token"]}
        file = tmp_path / f"{who}.kubeconfig"
        file.write_text(json.dumps(config))
        return {"KUBECONFIG": str(file)}

    try:
        there.kubectl("apply", "-f", "-", text=text)
        there.kubectl("create", "serviceaccount", "nobody")
        yield environment
    finally:
        there.kubectl("delete", "--wait=false", "--ignore-not-found", "-f", "-", text=text)


def _named(one: Object, name: str) -> Object:
    """Return the object with another name wherever it says `crashy`."""
    return json.loads(json.dumps(one).replace('"crashy', f'"{name}'))


def test_a_run_with_the_rights_of_the_manifest_is_reported_as_the_lab_tells_it(
    cluster: Cluster,
    account: Callable[[bool], dict[str, str]],
    experiment: Callable[..., Path],
    tmp_path: Path,
) -> None:
    path = experiment(
        deployment(replicas=2),
        service(),
        traffic={"service": "web", "rate": 10, "timeout": "1s"},
        duration="18s",
        steps=[{"at": "7s", "inject": "crash mode=exit", "target": "any", "keep_ready": 1}],
        expect={
            "restarts": {"total": "== 1"},
            "outcome": "recovers",
            "events": ["Scheduled", "Started", "Created", "Started"],
        },
    )
    on_kube, on_lab = tmp_path / "kube.jsonl", tmp_path / "lab.jsonl"

    ran = run("run", path, "--on", "kube", "--timeline", on_kube, env=account(True))

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "RECOVERED" in ran.stdout
    assert left_of(cluster, path) == []
    assert run("run", path, "--on", "lab", "--timeline", on_lab).returncode == 0
    kube, lab = events(on_kube), events(on_lab)
    for kind in ("pod", "endpoints", "event", "condition", "service", "fault", "request", "log"):
        keys = {frozenset(one["data"]) for one in kube if one["kind"] == kind}
        known = {frozenset(one["data"]) for one in lab if one["kind"] == kind}
        assert keys, kind
        assert keys <= known | {frozenset({"type", "namespace", "count", "over"})}, kind
        if kind in ("pod", "endpoints", "condition"):
            assert {one["source"] for one in kube if one["kind"] == kind} <= {
                one["source"] for one in lab if one["kind"] == kind
            }
    reasons = [one["reason"] for one in kube if one["kind"] == "condition"]
    assert reasons == ["NewReplicaSetCreated", "ReplicaSetUpdated", "NewReplicaSetAvailable"]
    assert {one["object"].partition("-")[0] for one in kube if one["kind"] == "pod"} == {"pod/web"}
    first = next(one for one in kube if one["kind"] == "request")
    assert first["data"]["ok"], first


def test_without_rights_every_verb_and_resource_is_named_and_nothing_is_left(
    cluster: Cluster, account: Callable[[bool], dict[str, str]], experiment: Callable[..., Path]
) -> None:
    path = experiment(deployment())

    ran = run("run", path, "--on", "kube", env=account(False))

    assert ran.returncode == 2
    assert "crashy run: kube: not allowed: create, get, delete on namespaces" in ran.stderr
    assert "get, create, delete on pods/proxy" in ran.stderr
    assert "manifests/rbac.yaml" in ran.stderr
    assert left_of(cluster, path) == []


def test_ctrl_c_takes_faults_back_deletes_the_namespace_and_reports(
    cluster: Cluster, experiment: Callable[..., Path]
) -> None:
    path = experiment(
        deployment(), duration="60s", steps=[{"at": "6s", "inject": "freeze", "target": "any"}], traffic=None
    )
    path.write_text(path.read_text().replace("traffic: null\n", ""))
    with subprocess.Popen(
        [*CRASHY, "run", path, "--on", "kube"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stderr
        for line in running.stderr:
            if "inject freeze" in line:
                running.send_signal(signal.SIGINT)
                break
        reported, said = running.communicate(timeout=160)

    assert running.returncode == 0, said
    assert "Recovered" in said
    assert "interrupted" in said
    assert "freeze" in reported
    assert left_of(cluster, path) == []


def test_what_a_killed_run_left_is_cleaned(cluster: Cluster, experiment: Callable[..., Path]) -> None:
    path = experiment(deployment(), duration="60s")
    with subprocess.Popen([*CRASHY, "run", path, "--on", "kube"], stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr
        for line in running.stderr:
            if "Scheduled" in line:
                running.kill()
                break
    (name,) = left_of(cluster, path)
    labels = cluster.get("namespace", name)["metadata"]["labels"]

    refused = run("kube", "clean", "kube-public")
    cleaned = run("kube", "clean", name)

    assert labels["app.kubernetes.io/managed-by"] == "crashy"
    assert (refused.returncode, cleaned.returncode) == (2, 0)
    assert "kube-public: no namespace that a run has made" in refused.stderr
    assert cleaned.stdout == f"namespace {name} deleted\n"
    assert left_of(cluster, path) == []


def test_an_image_that_is_nowhere_is_reported_soon(cluster: Cluster, experiment: Callable[..., Path]) -> None:
    path = experiment(deployment(imagePullPolicy="Never"), duration="100s")
    began = time.monotonic()

    ran = run("run", path, "--on", "kube", "--quiet", "--image", "nowhere/crashy-app:9.9.9")

    assert ran.returncode == 2
    assert 'ErrImageNeverPull: Container image "nowhere/crashy-app:9.9.9" is not present' in ran.stderr
    assert time.monotonic() - began < 60
    assert left_of(cluster, path) == []


def test_what_the_api_server_refuses_is_reported_in_its_words(
    cluster: Cluster, experiment: Callable[..., Path]
) -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "one"},
        "spec": {"priorityClassName": "nope", "containers": [{"name": "web", "image": "crashy-app:1.0.0"}]},
    }
    path = experiment(deployment(), pod)

    ran = run("run", path, "--on", "kube", "--quiet")

    assert ran.returncode == 2
    assert "crashy run: kube: Pod/one: " in ran.stderr
    assert "no PriorityClass with name nope was found" in ran.stderr
    assert left_of(cluster, path) == []


def test_a_guest_leaves_all_as_it_was(cluster: Cluster, experiment: Callable[..., Path], tmp_path: Path) -> None:
    name = f"test-{secrets.token_hex(3)}"
    token = {"env": [{"name": "ADMIN_TOKEN", "value": "s3cret"}]}
    manifests = [deployment("mine", 1, **token), deployment("other"), service("mine")]
    path = experiment(
        *manifests,
        traffic={"service": "mine", "timeout": "1s"},
        steps=[
            {"at": "1s", "inject": "freeze", "target": "any"},
            {"at": "3s", "exec": ["sh", "-c", "exit 3"], "target": "any"},
        ],
    )
    timeline = tmp_path / "t.jsonl"
    one = Cluster(name)
    one.kubectl("create", "namespace", name)
    try:
        one.apply(*manifests)
        one.kubectl("wait", "--for=condition=available", "deployment", "--all", "--timeout=80s")
        before = {pod["metadata"]["name"] for pod in one.get("pods")["items"]}

        lost = run("run", path, "--on", "kube", "--in-namespace", name, "--selector", "app=nobody")
        ran = run("run", path, "--on", "kube", "--in-namespace", name, "--selector", "app=mine", "--timeline", timeline)

        assert "app=nobody: no pod in namespace" in lost.stderr
        assert ran.returncode == 0, ran.stderr
        reported = events(timeline)
        faults = [(event["reason"], event["message"]) for event in reported if event["kind"] == "fault"]
        assert faults == [("Injected", "freeze"), ("Recovered", "all")]  # by its own command, which has the token
        assert [event["message"] for event in reported if event["kind"] == "step"][
            1
        ] == "exec sh -c exit 3: exit code 3"
        assert not [event for event in reported if "other" in event["object"]]
        assert {event["reason"] for event in reported if event["kind"] == "event"} <= {"Unhealthy", "MissingClusterDNS"}
        assert {pod["metadata"]["name"] for pod in one.get("pods")["items"]} == before
        one.kubectl("wait", "--for=condition=ready", "pod", "--all", "--timeout=80s")
    finally:
        cluster.kubectl("delete", "namespace", name, "--wait=false")


@pytest.mark.parametrize("spec", [{}, {"type": "NodePort"}], ids=["through the API server", "at a NodePort"])
def test_users_reach_a_service_without_its_cluster_ip(
    cluster: Cluster,
    experiment: Callable[..., Path],
    tmp_path: Path,
    spec: Object,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def no(_: object) -> bool:
        return False

    monkeypatch.setattr(session, "cluster_ips_reachable", no)
    path = experiment(deployment(), service(**spec), traffic={"service": "web", "rate": 5, "timeout": "1s"})
    timeline = tmp_path / "t.jsonl"

    assert cli.main(["run", str(path), "--on", "kube", "--quiet", "--timeline", str(timeline)]) == 0

    reported = events(timeline)
    (route,) = [event["message"] for event in reported if event["kind"] == "service"]
    answers = [event["data"] for event in reported if event["kind"] == "request"]
    assert ("/services/web:80/proxy" in route) is (not spec)
    assert len(answers) >= 5
    assert [answer for answer in answers if not (answer["ok"] and answer["pod"].startswith("web-"))] == []
    assert left_of(cluster, path) == []


def test_every_step_is_performed(cluster: Cluster, experiment: Callable[..., Path], tmp_path: Path) -> None:
    changed = deployment(env=[{"name": "PERSONA", "value": "rng"}])
    del changed["spec"]["replicas"]
    path = experiment(
        deployment(),
        service(),
        duration="22s",
        traffic={"service": "web"},
        steps=[
            {"at": "6s", "exec": ["cat", "/app/is_ready"], "target": "any"},
            {"at": "6s", "inject": "error code=503", "target": "any"},
            {"at": "7s", "recover": "error", "target": "any"},
            {"at": "8s", "scale": "deployment/web", "replicas": 2},
            {"at": "11s", "delete": "pod", "target": "any", "grace": "1s"},
            {"at": "15s", "apply": [changed]},
        ],
    )
    timeline = tmp_path / "t.jsonl"

    ran = run("run", path, "--on", "kube", "--timeline", timeline)

    assert ran.returncode == 0, ran.stderr
    reported = events(timeline)
    messages = [event["message"] for event in reported if event["reason"] == "Performed"]
    assert messages[0] == "exec cat /app/is_ready: exit code 0"
    assert [e["reason"] for e in reported if e["kind"] == "fault"] == ["Injected", "Recovered"]
    scaled = [event["message"] for event in reported if event["reason"] == "ScalingReplicaSet"]
    assert any("to 2" in message for message in scaled)
    assert len({message.split()[-3] for message in scaled if message.startswith("Scaled up")}) == 2  # a second one
    assert sum(event["reason"] == "Deleted" for event in reported) >= 1
    assert left_of(cluster, path) == []

"""The manifests that are shipped hold on a cluster, in the lab, and to what their lessons promise."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from crashy.objects.images import is_patient
from crashy.objects.manifests import Manifests
from crashy.objects.pod import Container, PodTemplate
from tests.manifest.reading import load, read_files

ROOT = Path(__file__).parent.parent / "manifests"
EXPERIMENTS = ROOT.parent / "experiments"
KUSTOMIZED = sorted(str(path.parent.relative_to(ROOT)) for path in ROOT.rglob("kustomization.yaml"))
FOLDERS = sorted({str(path.parent.relative_to(ROOT)) for path in ROOT.rglob("*.yaml")} - set(KUSTOMIZED))
LABS = ("crashy-app", "demo", "healthcheck", "webapp")
LESSONS = sorted(path.stem for path in EXPERIMENTS.glob("*.yaml"))
NEWEST = int(kubernetes_validate.latest_version().split(".")[1])
VERSIONS = sorted({29, (29 + NEWEST) // 2, NEWEST - 1, NEWEST})
RIGHTS = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
NO_SCHEMA = {"ServiceMonitor"}  # not Kubernetes' own: its operator brings the definition


def kubectl() -> str | None:
    """Return a kubectl that reads kustomizations as today's do: from 1.21 on, which tells its kustomize's version."""
    found = shutil.which("kubectl")
    if not found:
        return None
    reported = subprocess.run([found, "version", "--client"], capture_output=True, text=True, check=False).stdout
    return found if "Kustomize Version" in reported else None


KUBECTL = kubectl()


def manifests(folder: str) -> Manifests:
    return read_files([str(ROOT / folder)])


def objects(folder: str) -> list[dict[str, Any]]:
    """Return everything in a folder, as its kustomization makes it."""
    return [document.object for document in load([str(ROOT / folder)])]


def pod_specs(folder: str) -> list[dict[str, Any]]:
    given = [one["spec"] for one in objects(folder) if one["kind"] in {"Deployment", "Pod", "Job"}]
    return [spec.get("template", {}).get("spec", spec) for spec in given]


def templates(got: Manifests) -> list[PodTemplate]:
    return [workload.template for workload in got.workloads]


def only_container(folder: str) -> Container:
    return templates(manifests(folder))[0].containers[0]


@pytest.mark.parametrize("minor", VERSIONS)
@pytest.mark.parametrize("folder", FOLDERS + KUSTOMIZED)
def test_every_object_is_valid_by_the_published_schemas(folder: str, minor: int) -> None:
    for one in objects(folder):
        if one["kind"] not in NO_SCHEMA:
            kubernetes_validate.validate(one, f"1.{minor}", strict=True)


@pytest.mark.skipif(
    KUBECTL is None, reason="kubectl 1.21 or newer is not on this machine: kubernetes.io/docs/tasks/tools"
)
@pytest.mark.parametrize("folder", KUSTOMIZED)
def test_kubectl_makes_of_a_kustomization_what_is_checked_here(folder: str) -> None:
    made = subprocess.run([str(KUBECTL), "kustomize", ROOT / folder], capture_output=True, text=True, check=True)

    def by_name(value: Any) -> Any:
        """Return a value whose lists of named things are in the order of their names: kustomize puts new ones first."""
        if isinstance(value, list):
            return sorted(map(by_name, value), key=lambda one: one.get("name", "") if isinstance(one, dict) else "")
        return {key: by_name(one) for key, one in value.items()} if isinstance(value, dict) else value

    def by_kind(given: Iterable[dict[str, Any]]) -> dict[Any, Any]:
        return {(one["kind"], one["metadata"]["name"]): by_name(one) for one in given}

    assert made.stderr == ""
    assert by_kind(yaml.safe_load_all(made.stdout)) == by_kind(objects(folder))


@pytest.mark.parametrize("folder", LABS)
def test_every_lab_is_read_without_a_warning(folder: str) -> None:
    got = manifests(folder)

    assert got.warnings == ()
    assert got.services


@pytest.mark.parametrize("folder", FOLDERS + KUSTOMIZED)
def test_every_image_has_a_tag_and_is_not_pulled_again(folder: str) -> None:
    for spec in pod_specs(folder):
        for container in spec["containers"]:
            assert ":" in container["image"]
            assert not container["image"].endswith(":latest")
            assert container.get("imagePullPolicy", "IfNotPresent") == "IfNotPresent"


@pytest.mark.parametrize("folder", FOLDERS + KUSTOMIZED)
def test_every_pod_has_no_more_rights_than_it_needs(folder: str) -> None:
    for spec in pod_specs(folder):
        pod = spec["securityContext"]
        assert (pod["runAsNonRoot"], pod["runAsUser"], pod["seccompProfile"]) == (
            True,
            10001,
            {"type": "RuntimeDefault"},
        )
        assert spec["automountServiceAccountToken"] is False
        for container in spec["containers"]:
            assert container["securityContext"] == RIGHTS
            assert {"cpu", "memory"} == container["resources"]["requests"].keys()
            assert {"cpu", "memory"} == container["resources"]["limits"].keys()


@pytest.mark.parametrize("folder", FOLDERS + KUSTOMIZED)
def test_every_patient_knows_who_it_is_and_where_to_write(folder: str) -> None:
    fields = {
        "POD_NAME": "metadata.name",
        "POD_NAMESPACE": "metadata.namespace",
        "POD_IP": "status.podIP",
        "NODE_NAME": "spec.nodeName",
    }
    for spec in pod_specs(folder):
        serving = [c for c in spec["containers"] if is_patient(c["image"]) and not {"command", "args"} & c.keys()]
        for container in serving:
            env = [v for v in container["env"] if "valueFrom" in v and v["name"] != "PROBES"]
            assert {v["name"]: v["valueFrom"]["fieldRef"]["fieldPath"] for v in env} == fields
            assert {"name": "state", "mountPath": "/app"} in container["volumeMounts"]
        if serving:
            assert spec["volumes"] == [{"name": "state", "emptyDir": {"sizeLimit": "1Mi"}}]


def test_there_is_an_overlay_for_every_lesson() -> None:
    assert [name.removeprefix("lessons/") for name in KUSTOMIZED if name.startswith("lessons/")] == LESSONS


@pytest.mark.parametrize("lesson", LESSONS)
def test_an_overlay_has_the_probes_and_variables_of_its_lesson(lesson: str) -> None:
    def patient_env(given: list[dict[str, Any]]) -> list[Any]:
        """Return what a lesson is about: how many, which probes with which figures, which variables; no names."""
        reported = []
        for one in given:
            if one["kind"] not in {"Deployment", "Pod"}:
                continue
            spec = one["spec"].get("template", one)["spec"]
            for container in spec["containers"]:
                env = {v["name"]: v["value"] for v in container.get("env", ()) if "value" in v}
                env.pop("APP_START_DELAY", None) if env.get("APP_START_DELAY") == "0" else None
                probes = {key: container[key] for key in container if key.endswith("Probe")}
                if "redis" in container["image"]:  # how it is asked, and how often, differs: one has tini, one has not
                    probes = {key: probe["failureThreshold"] for key, probe in probes.items()}
                reported.append((one["spec"].get("replicas", 1), env, probes))
        return sorted(reported, key=repr)

    experiment = yaml.safe_load((EXPERIMENTS / f"{lesson}.yaml").read_text())
    wanted = patient_env(experiment["manifests"])
    if lesson.startswith("11b"):  # whose Redis is asked by nobody but the web pods
        wanted = sorted([*wanted[1:], *patient_env(objects("redis"))], key=repr)

    assert patient_env(objects(f"lessons/{lesson}")) == wanted


def test_crashy_app_is_the_liveness_lab() -> None:
    probe = only_container("crashy-app").liveness_probe
    (service,) = manifests("crashy-app").services

    assert {"CRASH_AFTER": "60"}.items() <= {v.name: v.value for v in only_container("crashy-app").env}.items()
    assert probe is not None
    assert (probe.period_seconds, probe.failure_threshold, probe.termination_grace_period_seconds) == (1, 3, 1)
    assert [(p.port, p.target_port, p.node_port) for p in service.ports] == [(80, 80, 30080)]


def test_webapp_is_two_pods_behind_one_service() -> None:
    got = manifests("webapp")
    (service,) = got.services

    assert [pod.name for pod in got.workloads] == ["simple-webapp-1", "simple-webapp-2"]
    assert all(service.selects(pod.template.labels) for pod in got.workloads)
    assert {c.name for t in templates(got) for c in t.containers} == {"simple-webapp"}
    assert (service.name, [(p.port, p.target_port, p.node_port) for p in service.ports]) == (
        "webapp-service",
        [(8080, 8080, 30080)],
    )


def test_a_webapp_is_never_killed_before_it_is_warm() -> None:
    for template in templates(manifests("webapp")):
        (container,) = template.containers
        warm_up = int({v.name: v.value for v in container.env}.get("APP_START_DELAY", "0"))
        assert container.liveness_probe is not None
        assert container.liveness_probe.initial_delay_seconds >= warm_up + 5


def test_healthcheck_tells_its_services_apart_and_they_reach_the_app() -> None:
    got = manifests("healthcheck")
    declared = {port.container_port for port in only_container("healthcheck").ports}

    assert [(s.name, s.type) for s in got.services] == [
        ("backendflask-healthcheck", "NodePort"),
        ("backendflask-healthcheck-internal", "ClusterIP"),
    ]
    assert {port.target_port for s in got.services for port in s.ports} == declared


def test_the_demo_recovers_within_seconds() -> None:
    got = manifests("demo")
    container = only_container("demo")
    readiness, liveness = container.readiness_probe, container.liveness_probe

    assert [(d.name, d.replicas) for d in got.workloads] == [("web", 3)]
    assert readiness is not None
    assert liveness is not None
    assert readiness.period_seconds * readiness.failure_threshold <= 2
    assert liveness.period_seconds * liveness.failure_threshold + (liveness.termination_grace_period_seconds or 30) <= 8


def test_what_the_demo_tells_its_patients_of_their_probes_is_so() -> None:
    (template,) = [one["spec"]["template"] for one in objects("demo") if one["kind"] == "Deployment"]
    (container,) = template["spec"]["containers"]
    (port,) = [port["containerPort"] for port in container["ports"] if port["name"] == "http"]
    probes = {name: value for name, value in container.items() if name.endswith("Probe")}
    for probe in probes.values():
        probe["httpGet"]["port"] = port

    assert json.loads(template["metadata"]["annotations"]["crashy/probes"]) == probes


def test_the_demo_runs_beside_the_labs() -> None:
    ports = {folder: {p.node_port for s in manifests(folder).services for p in s.ports} for folder in LABS}

    assert not ports["demo"] & (ports["crashy-app"] | ports["webapp"] | ports["healthcheck"])


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="needs /proc")
def test_the_sidecars_probe_finds_the_app_and_not_itself() -> None:
    deployment = yaml.safe_load((ROOT / "sidecar/deployment.yaml").read_text())
    script = deployment["spec"]["template"]["spec"]["containers"][1]["livenessProbe"]["exec"]["command"][-1]
    line = next(line for line in script.splitlines() if "grep" in line)
    found = line.partition(" && kill")[0].replace("[s]erve", "[s]erve-of-this-test") + "; echo $app"
    with subprocess.Popen(["sh", "-c", "read line", "serve-of-this-test"], stdin=subprocess.PIPE) as app:
        done = subprocess.run(["sh", "-c", found], capture_output=True, text=True, check=False)
        app.kill()

    assert done.stdout.split() == [str(app.pid)]

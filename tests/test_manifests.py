"""The manifests that are shipped hold on a cluster, in the lab, and to what their lessons promise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from crashy.kubelet.spec import Container, PodTemplate
from crashy.manifest.images import is_patient
from crashy.manifest.model import Manifests
from crashy.manifest.objects import read_files

ROOT = Path(__file__).parent.parent / "manifests"
FOLDERS = sorted(path.name for path in ROOT.iterdir() if path.is_dir())
FILES = sorted(str(path.relative_to(ROOT)) for path in ROOT.rglob("*.yaml"))
NEWEST = int(kubernetes_validate.latest_version().split(".")[1])
VERSIONS = sorted({29, (29 + NEWEST) // 2, NEWEST - 1, NEWEST})


def manifests(folder: str) -> Manifests:
    return read_files([str(ROOT / folder)])


def templates(got: Manifests) -> list[PodTemplate]:
    return [workload.template for workload in (*got.deployments, *got.pods)]


def only_container(folder: str) -> Container:
    return templates(manifests(folder))[0].containers[0]


@pytest.mark.parametrize("minor", VERSIONS)
@pytest.mark.parametrize("file", FILES)
def test_every_object_is_valid_by_the_published_schemas(file: str, minor: int) -> None:
    objects = [one for one in yaml.safe_load_all((ROOT / file).read_text()) if one]

    assert objects
    for one in objects:
        kubernetes_validate.validate(one, f"1.{minor}", strict=True)


def test_the_folders_are_those_of_the_lessons() -> None:
    assert {"crashy-app", "demo", "healthcheck", "webapp"} <= set(FOLDERS)


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_folder_is_read_without_a_warning(folder: str) -> None:
    got = manifests(folder)

    assert got.warnings == ()
    assert got.services
    assert all(is_patient(c.image) and ":1.0.0" in c.image for t in templates(got) for c in t.containers)
    assert {c.image_pull_policy for t in templates(got) for c in t.containers} == {"IfNotPresent"}


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_pod_has_no_more_rights_than_it_needs(folder: str) -> None:
    for template in templates(manifests(folder)):
        spec: dict[str, Any] = template.raw["spec"]
        pod = spec["securityContext"]
        assert (pod["runAsNonRoot"], pod["runAsUser"], pod["seccompProfile"]) == (
            True,
            10001,
            {"type": "RuntimeDefault"},
        )
        assert spec["automountServiceAccountToken"] is False
        for container in spec["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert (
                {"cpu", "memory"}
                == container["resources"]["requests"].keys()
                == container["resources"]["limits"].keys()
            )
            assert {"name": "state", "mountPath": "/app"} in container["volumeMounts"]
        assert [volume["name"] for volume in template.volumes if "emptyDir" in volume] == ["state"]


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_container_knows_who_it_is(folder: str) -> None:
    fields = {
        "POD_NAME": "metadata.name",
        "POD_NAMESPACE": "metadata.namespace",
        "POD_IP": "status.podIP",
        "NODE_NAME": "spec.nodeName",
    }
    for template in templates(manifests(folder)):
        for container in template.containers:
            given = {v.name: v.value_from["fieldRef"]["fieldPath"] for v in container.env if v.value_from}
            assert given == fields


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

    assert [pod.name for pod in got.pods] == ["simple-webapp-1", "simple-webapp-2"]
    assert all(service.selects(pod.template.labels) for pod in got.pods)
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

    assert [(d.name, d.replicas) for d in got.deployments] == [("web", 3)]
    assert readiness is not None
    assert liveness is not None
    assert readiness.period_seconds * readiness.failure_threshold <= 2
    assert liveness.period_seconds * liveness.failure_threshold + (liveness.termination_grace_period_seconds or 30) <= 8


def test_the_demo_runs_beside_the_labs() -> None:
    ports = {folder: {p.node_port for s in manifests(folder).services for p in s.ports} for folder in FOLDERS}

    assert not ports["demo"] & (ports["crashy-app"] | ports["webapp"] | ports["healthcheck"])

"""The well-known labs' own YAML, unchanged but for the image's name, is read as it stands."""

from __future__ import annotations

from pathlib import Path

from crashy.objects.pod import HTTPGet, Probe
from tests.manifest.conftest import complaints
from tests.manifest.reading import read_files

SEEDS = Path(__file__).parent / "seeds"


def test_the_crashy_app_lab() -> None:
    got = read_files([str(SEEDS / "crashy-deployment.yaml"), str(SEEDS / "crashy-service.yaml")])
    (container,) = got.workloads[0].template.containers

    assert got.warnings == ()
    assert [(v.name, v.value) for v in container.env] == [("CRASH_AFTER", "60")]
    assert container.liveness_probe == Probe(
        HTTPGet(80, "/health"), period_seconds=1, failure_threshold=3, termination_grace_period_seconds=1
    )
    assert [(s.type, [(p.port, p.target_port, p.node_port) for p in s.ports]) for s in got.services] == [
        ("NodePort", [(80, 80, 30080)])
    ]


def test_the_crashy_app_lab_before_it_has_a_probe() -> None:
    got = read_files([str(SEEDS / "crashy-deployment-unprobed.yaml")])

    assert got.workloads[0].template.containers[0].liveness_probe is None


def test_the_health_check_lab_has_two_services_of_one_name_that_point_past_its_app() -> None:
    file = SEEDS / "healthchecks.yaml"
    got = read_files([str(file)])
    (container,) = got.workloads[0].template.containers

    assert [service.type for service in got.services] == ["ClusterIP"]
    assert got.warnings == (
        f"{file}:70: document 3 (Service/backendflask-healthcheck): "
        f"replaces document 2 at {file}:57, as kubectl apply does: the later one wins",
        f"{file}:80: document 3 (Service/backendflask-healthcheck): spec.ports[0].targetPort: "
        "8080 is not a containerPort of the selected pods (they declare 5000)",
    )
    assert container.image_pull_policy == "Always"
    assert container.readiness_probe == Probe(
        HTTPGet(5000, "/readiness"), initial_delay_seconds=10, timeout_seconds=3, period_seconds=5, failure_threshold=1
    )


def test_the_pod_of_the_course() -> None:
    got = read_files([str(SEEDS / "pod-definition.yaml")])

    assert got.workloads[0].template.containers[0].readiness_probe == Probe(
        HTTPGet(8080, "/api/ready"), initial_delay_seconds=10, period_seconds=5, failure_threshold=8
    )


def test_a_deployment_that_a_tutorial_wrote_as_a_pod_is_refused_with_the_reason() -> None:
    text = "apiVersion: v1\nkind: Deployment \nmetadata:\n  name: liveness-exec\nspec:\n  containers: []\n"

    assert complaints(text) == [
        'm.yaml:1: document 1 (Deployment/liveness-exec): apiVersion: Invalid value: "v1": '
        'no matches for kind "Deployment" in version "v1": it is in apps/v1'
    ]

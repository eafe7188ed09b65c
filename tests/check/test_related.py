"""Services that select nothing, and budgets that allow no eviction."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from crashy.check import related
from crashy.check.files import read_sources
from crashy.manifest.walk import sources
from tests.check.targets import deployment, service

WEB = deployment({}, replicas=2)
OTHER = {"apiVersion": "example.org/v1", "kind": "Rollout", "metadata": {"name": "web"}, "spec": {}}
SCALER = {
    "apiVersion": "autoscaling/v2",
    "kind": "HorizontalPodAutoscaler",
    "metadata": {"name": "web"},
    "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "web"}, "minReplicas": 3, "maxReplicas": 5},
}


def budget(namespace: str = "default", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "web", "namespace": namespace},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, **spec},
    }


def selecting(namespace: str = "default", **labels: str) -> dict[str, Any]:
    one = service(selector=labels)
    return {**one, "metadata": {"name": "web", "namespace": namespace}}


def found(folder: Path, *files: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Return rule and message of what is found in files of one folder."""
    for index, objects in enumerate(files):
        (folder / f"{index}.yaml").write_text(yaml.safe_dump_all(objects))
    checked = read_sources(sources([str(folder)]))
    return [(one.trap.id, one.message) for one in checked.findings if one.trap in related.TRAPS]


@pytest.mark.parametrize(
    ("objects", "message"),
    [
        ([WEB, selecting(app="wbe")], "no pod has the labels app=wbe; those of Deployment/web have app=web"),
        (
            [WEB, selecting(app="web", tier="front")],
            "no pod has the labels app=web, tier=front; those of Deployment/web",
        ),
        ([WEB, selecting("prod", app="web")], "Deployment/web is in namespace default, it is in prod"),
        ([WEB, service(), selecting(app="wbe")], "no pod has the labels app=wbe"),  # the later one counts
    ],
)
def test_a_service_that_selects_nothing(objects: list[dict[str, Any]], message: str, tmp_path: Path) -> None:
    ((rule, text),) = found(tmp_path, objects)

    assert rule == "service-selects-nothing"
    assert text.startswith(message)


def test_a_service_in_a_file_beside_its_pods_selects_nothing(tmp_path: Path) -> None:
    assert [rule for rule, _ in found(tmp_path, [WEB], [selecting(app="wbe")])] == ["service-selects-nothing"]


@pytest.mark.parametrize(
    "files",
    [
        [[WEB, selecting(app="web")]],
        [[WEB], [selecting(app="web")]],
        [[selecting(app="wbe")]],  # its pods are elsewhere
        [[WEB, OTHER, selecting(app="wbe")]],  # an operator may make them
        [[WEB, service(selector={}, type="ExternalName", externalName="example.org")]],
        [[WEB, selecting(**{"app": "web", "statefulset.kubernetes.io/pod-name": "web-0"})]],
    ],
)
def test_other_services_are_spared(files: list[list[dict[str, Any]]], tmp_path: Path) -> None:
    assert found(tmp_path, *files) == []


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"minAvailable": 2}, "minAvailable 2 of 2 pods (Deployment/web) lets none be evicted"),
        ({"minAvailable": "100%"}, "minAvailable 100% of 2 pods (Deployment/web) lets none be evicted"),
        ({"minAvailable": "51%"}, "minAvailable 51% of 2 pods (Deployment/web) lets none be evicted"),
        ({"maxUnavailable": 0}, "maxUnavailable 0 of 2 pods (Deployment/web) lets none be evicted"),
        ({"maxUnavailable": "0%"}, "maxUnavailable 0% of 2 pods (Deployment/web) lets none be evicted"),
    ],
)
def test_a_budget_that_allows_nothing(spec: dict[str, Any], message: str, tmp_path: Path) -> None:
    assert found(tmp_path, [WEB, budget(**spec)]) == [("budget-allows-nothing", message)]


@pytest.mark.parametrize(
    "objects",
    [
        [WEB, budget(minAvailable=1)],
        [WEB, budget(maxUnavailable="1%")],  # rounded up
        [WEB, budget(minAvailable=2), SCALER],
        [WEB, budget("prod", minAvailable=2)],
        [budget(maxUnavailable=0)],
    ],
)
def test_other_budgets_are_spared(objects: list[dict[str, Any]], tmp_path: Path) -> None:
    assert found(tmp_path, objects) == []

"""ReplicaSets, ReplicationControllers, DaemonSets, budgets and autoscalers: defaults, and the API server's refusals.

kubernetes: pkg/apis/{apps,core,policy,autoscaling}/validation/validation_test.go.
"""

from __future__ import annotations

from typing import Any

import pytest

from crashy.errors import BadInput
from crashy.objects.daemonset import DaemonSet
from crashy.objects.document import Document
from crashy.objects.manifests import Manifests, read

LABELS = {"app": "web"}
TEMPLATE = {"metadata": {"labels": LABELS}, "spec": {"containers": [{"name": "c", "image": "crashy-app"}]}}
VERSIONS = {
    "ReplicationController": "v1",
    "PodDisruptionBudget": "policy/v1",
    "HorizontalPodAutoscaler": "autoscaling/v2",
}


def made(kind: str, spec: dict[str, Any], version: str = "") -> dict[str, Any]:
    version = version or VERSIONS.get(kind, "apps/v1")
    return {"apiVersion": version, "kind": kind, "metadata": {"name": "web"}, "spec": spec}


def workload(kind: str, **spec: Any) -> dict[str, Any]:
    selector = LABELS if kind == "ReplicationController" else {"matchLabels": LABELS}
    return made(kind, {"selector": selector, "template": TEMPLATE} | spec)


def manifests(*objects: dict[str, Any]) -> Manifests:
    return read([Document("m.yaml", i, 1, one) for i, one in enumerate(objects, 1)])


def refused(*objects: dict[str, Any]) -> list[str]:
    with pytest.raises(BadInput) as caught:
        manifests(*objects)
    return [line.partition("): ")[2] for line in caught.value.lines]


@pytest.mark.parametrize("kind", ["ReplicaSet", "ReplicationController", "DaemonSet"])
def test_defaults(kind: str) -> None:
    (one,) = manifests(workload(kind)).workloads

    assert (one.kind, one.replicas, one.object) == (kind, 1, f"{kind.lower()}/web")
    if isinstance(one, DaemonSet):
        assert (one.max_unavailable, one.max_surge, one.on_delete, one.surges) == (1, 0, False, False)
    else:
        assert not one.replicas_given


def test_a_replication_controllers_selector_is_its_templates_labels() -> None:
    """SetDefaults_ReplicationController."""
    (one,) = manifests(made("ReplicationController", {"template": TEMPLATE})).workloads

    assert one.selector
    assert one.selector.match_labels == LABELS


def strategy(**rolling: Any) -> dict[str, Any]:
    return {"updateStrategy": {"rollingUpdate": rolling}}


@pytest.mark.parametrize(
    ("made", "line"),
    [
        (workload("ReplicaSet", replicas=-1), "spec.replicas: Invalid value: -1: must be greater than or equal to 0"),
        (workload("ReplicaSet", selector=None), "spec.selector: Required value"),
        (
            workload("ReplicaSet", selector={"matchLabels": {"app": "x"}}),
            'spec.template.metadata.labels: Invalid value: {"app": "web"}: `selector` does not match template `labels`',
        ),
        (
            workload("ReplicationController", minReadySeconds=-1),
            "spec.minReadySeconds: Invalid value: -1: must be greater than or equal to 0",
        ),
        (
            workload("DaemonSet", selector={}),
            "spec.selector: Invalid value: {}: empty selector is invalid for daemonset",
        ),
        (
            workload("DaemonSet", updateStrategy={"type": "Recreate"}),
            'spec.updateStrategy.type: Unsupported value: "Recreate": supported values: "OnDelete", "RollingUpdate"',
        ),
        (
            workload("DaemonSet", **strategy(maxSurge=1)),
            "spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: 1: may not be set when maxUnavailable "
            "is non-zero",
        ),
        (
            workload("DaemonSet", **strategy(maxUnavailable="0%")),
            "spec.updateStrategy.rollingUpdate.maxUnavailable: Required value: cannot be 0 when maxSurge is 0",
        ),
        (
            workload("DaemonSet", **strategy(maxUnavailable="101%")),
            'spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: "101%": must not be greater than 100%',
        ),
        (
            workload("DaemonSet", **strategy(maxUnavailable="x")),
            'spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: "x": a valid percent string must be a '
            "numeric string followed by an ending '%' (e.g. '1%', or '93%', regex used for validation is '[0-9]+%')",
        ),
        (
            made("PodDisruptionBudget", {"minAvailable": 1, "maxUnavailable": 1}),
            'spec: Invalid value: {"minAvailable": 1, "maxUnavailable": 1}: minAvailable and maxUnavailable cannot be '
            "both set",
        ),
        (
            made("PodDisruptionBudget", {"minAvailable": -1}),
            "spec.minAvailable: Invalid value: -1: must be greater than or equal to 0",
        ),
        (
            made("PodDisruptionBudget", {"maxUnavailable": "101%"}),
            'spec.maxUnavailable: Invalid value: "101%": must not be greater than 100%',
        ),
        (
            made("PodDisruptionBudget", {"unhealthyPodEvictionPolicy": "Never"}),
            'spec.unhealthyPodEvictionPolicy: Unsupported value: "Never": supported values: "AlwaysAllow", '
            '"IfHealthyBudget"',
        ),
        (
            made("HorizontalPodAutoscaler", {"scaleTargetRef": {"kind": "Deployment"}, "maxReplicas": 1}),
            "spec.scaleTargetRef.name: Required value",
        ),
        (
            made(
                "HorizontalPodAutoscaler",
                {"scaleTargetRef": {"kind": "A", "name": "b"}, "maxReplicas": 1, "minReplicas": 2},
            ),
            "spec.maxReplicas: Invalid value: 1: must be greater than or equal to `minReplicas`",
        ),
    ],
)
def test_the_api_servers_refusals(made: dict[str, Any], line: str) -> None:
    assert refused(made) == [line]


@pytest.mark.parametrize("version", ["policy/v1", "policy/v1beta1"])
def test_a_budget_of_either_version(version: str) -> None:
    spec = {"selector": {"matchLabels": LABELS}, "maxUnavailable": "50%"}
    (budget,) = manifests(workload("ReplicaSet"), made("PodDisruptionBudget", spec, version)).budgets

    assert (budget.min_available, budget.max_unavailable, budget.always_allow) == (None, "50%", False)


@pytest.mark.parametrize("version", ["autoscaling/v1", "autoscaling/v2", "autoscaling/v2beta2"])
@pytest.mark.parametrize(
    ("spec", "replicas"), [({}, 3), ({"replicas": 2}, 3), ({"replicas": 5}, 5), ({"replicas": 0}, 0)]
)
def test_an_autoscaler_gives_its_target_its_least_replicas(version: str, spec: dict[str, int], replicas: int) -> None:
    """kubernetes: pkg/controller/podautoscaler/horizontal_test.go TestMinReplicas, TestZeroReplicas."""
    target = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web"}
    autoscaler = made(
        "HorizontalPodAutoscaler", {"scaleTargetRef": target, "minReplicas": 3, "maxReplicas": 9}, version
    )
    (one,) = manifests(workload("ReplicaSet", **spec), autoscaler).workloads

    assert one.replicas == replicas

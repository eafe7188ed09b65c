"""StatefulSets: defaults, claim templates, and the API server's refusals.

kubernetes: pkg/apis/apps/validation/validation_test.go TestValidateStatefulSet, pkg/apis/apps/v1/defaults_test.go
TestSetDefaultStatefulSet, pkg/controller/statefulset/stateful_set_utils_test.go TestUpdateStorage.
"""

from __future__ import annotations

from typing import Any

import pytest

from crashy.objects.statefulset import StatefulSet, with_claims
from tests.objects.test_workload_kinds import TEMPLATE, manifests, refused, workload


def stateful_set(**spec: Any) -> dict[str, Any]:
    return workload("StatefulSet", **spec)


def read(**spec: Any) -> StatefulSet:
    (one,) = manifests(stateful_set(**spec)).workloads
    assert isinstance(one, StatefulSet)
    return one


def claim(name: str) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"accessModes": ["ReadWriteOnce"]}}


def test_defaults() -> None:
    one = read()

    assert (one.replicas, one.replicas_given, one.start, one.ordered, one.on_delete) == (1, False, 0, True, False)
    assert (one.partition, one.min_ready_seconds, one.service_name, one.claims) == (0, 0, "", ())


def test_what_is_written_is_read() -> None:
    one = read(
        replicas=5,
        serviceName="peers",
        podManagementPolicy="Parallel",
        ordinals={"start": 3},
        minReadySeconds=7,
        updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"partition": 2, "maxUnavailable": "20%"}},
        volumeClaimTemplates=[claim("data"), claim("logs")],
        persistentVolumeClaimRetentionPolicy={"whenDeleted": "Delete", "whenScaled": "Retain"},
        revisionHistoryLimit=0,
    )

    assert (one.replicas, one.replicas_given, one.start, one.ordered, one.on_delete) == (5, True, 3, False, False)
    assert (one.partition, one.min_ready_seconds, one.service_name, one.claims) == (2, 7, "peers", ("data", "logs"))


def test_its_pods_may_mount_its_claims() -> None:
    container = {"name": "c", "image": "crashy-app", "volumeMounts": [{"name": "data", "mountPath": "/data"}]}
    template = TEMPLATE | {"spec": {"containers": [container]}}

    assert read(template=template, volumeClaimTemplates=[claim("data")]).claims == ("data",)


@pytest.mark.parametrize(("policy", "warned"), [("Delete", True), ("Retain", False)])
def test_that_claims_are_kept_is_warned_of(policy: str, warned: bool) -> None:
    found = manifests(stateful_set(persistentVolumeClaimRetentionPolicy={"whenScaled": policy})).warnings
    text = "spec.persistentVolumeClaimRetentionPolicy.whenScaled: the lab keeps claims until its end"

    assert any(line.endswith(text) for line in found) is warned


def test_a_claim_replaces_a_volume_of_its_name_and_no_other() -> None:
    volumes = [{"name": "data", "emptyDir": {}}, {"name": "tmp", "emptyDir": {}}]
    made = with_claims({"spec": {"volumes": volumes}}, {"data": "data-web-0"})

    assert made["spec"]["volumes"] == [
        {"name": "tmp", "emptyDir": {}},
        {"name": "data", "persistentVolumeClaim": {"claimName": "data-web-0"}},
    ]


@pytest.mark.parametrize(
    ("volumes", "path"), [([{"name": {}, "emptyDir": {}}], "volumes[0].name"), (-1, "volumes"), ("data", "volumes")]
)
def test_volumes_of_a_wrong_type_are_refused_and_not_searched_for_claims(volumes: Any, path: str) -> None:
    spec = TEMPLATE["spec"] | {"volumes": volumes}
    lines = refused(stateful_set(template=TEMPLATE | {"spec": spec}, volumeClaimTemplates=[claim("data")]))

    assert lines
    assert all(f"spec.template.spec.{path}: " in line for line in lines)


NEGATIVE = "must be greater than or equal to 0"


@pytest.mark.parametrize(
    ("spec", "line"),
    [
        ({"replicas": -1}, f"spec.replicas: Invalid value: -1: {NEGATIVE}"),
        ({"minReadySeconds": -1}, f"spec.minReadySeconds: Invalid value: -1: {NEGATIVE}"),
        ({"ordinals": {"start": -1}}, f"spec.ordinals.start: Invalid value: -1: {NEGATIVE}"),
        ({"revisionHistoryLimit": -1}, f"spec.revisionHistoryLimit: Invalid value: -1: {NEGATIVE}"),
        ({"selector": None}, "spec.selector: Required value"),
        ({"selector": {}}, "spec.selector: Invalid value: {}: empty selector is invalid for statefulset"),
        (
            {"selector": {"matchLabels": {"app": "x"}}},
            'spec.template.metadata.labels: Invalid value: {"app": "web"}: `selector` does not match template `labels`',
        ),
        (
            {"podManagementPolicy": "Random"},
            "spec.podManagementPolicy: Invalid value: \"Random\": must be 'OrderedReady' or 'Parallel'",
        ),
        (
            {"updateStrategy": {"type": "Recreate"}},
            "spec.updateStrategy: Invalid value: {\"type\": \"Recreate\"}: must be 'RollingUpdate' or 'OnDelete'",
        ),
        (
            {"updateStrategy": {"rollingUpdate": {"partition": -1}}},
            f"spec.updateStrategy.rollingUpdate.partition: Invalid value: -1: {NEGATIVE}",
        ),
        (
            {"updateStrategy": {"type": "OnDelete", "rollingUpdate": {"partition": 1}}},
            'spec.updateStrategy.rollingUpdate: Invalid value: {"partition": 1}: only allowed for updateStrategy '
            "'RollingUpdate'",
        ),
        (
            {"persistentVolumeClaimRetentionPolicy": {"whenScaled": "Keep"}},
            'spec.persistentVolumeClaimRetentionPolicy.whenScaled: Unsupported value: "Keep": supported values: '
            '"Delete", "Retain"',
        ),
        (
            {"template": TEMPLATE | {"spec": TEMPLATE["spec"] | {"restartPolicy": "OnFailure"}}},
            'spec.template.spec.restartPolicy: Unsupported value: "OnFailure": supported values: "Always"',
        ),
        ({"volumeClaimTemplates": [{}]}, "spec.volumeClaimTemplates[0].metadata.name: Required value"),
        (
            {"volumeClaimTemplates": [claim("data"), claim("data")]},
            'spec.volumeClaimTemplates[1].metadata.name: Duplicate value: "data"',
        ),
    ],
)
def test_the_api_servers_refusals(spec: dict[str, Any], line: str) -> None:
    assert refused(stateful_set(**spec)) == [line]


def test_a_volume_without_a_proper_name_is_refused_beside_claims() -> None:
    template = {**TEMPLATE, "spec": {**TEMPLATE["spec"], "volumes": [{"name": ["data"]}]}}

    assert 'spec.template.spec.volumes[0].name: Invalid value: ["data"]: must be a string' in refused(
        stateful_set(template=template, volumeClaimTemplates=[claim("data")])
    )

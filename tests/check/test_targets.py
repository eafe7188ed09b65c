"""What of manifests is checked, and what is known of it."""

from __future__ import annotations

from typing import Any

import pytest

from crashy.check.patient_env import PatientEnv
from crashy.check.targets import read_objects, targets_among
from crashy.errors import BadInput
from crashy.manifest.parse import parse
from crashy.objects.kinds import KINDS, Kind
from crashy.objects.pod import ProbeType
from tests.check.targets import controller, deployment, http, service, target, targets

POD = {"containers": [{"name": "a", "image": "any/image", "livenessProbe": http()}]}
WITH_PODS = [kind for kind in KINDS.values() if kind.template]


@pytest.mark.parametrize("kind", WITH_PODS, ids=lambda kind: kind.name)
def test_every_kind_with_a_pod_template_is_checked(kind: Kind) -> None:
    (one,) = targets(controller(kind, POD))

    assert one.title == f"{kind.name}/x, container a"
    assert one.path == f"{kind.template}.spec.containers[0]"
    assert one.pods == (None if kind.name == "DaemonSet" else 1)


@pytest.mark.parametrize("kind", WITH_PODS, ids=lambda kind: kind.name)
def test_a_mistake_in_a_template_is_told_with_its_whole_path(kind: Kind) -> None:
    spec = {"containers": [{"name": "a", "image": "i", "livenessProbe": {}}]}
    path = f"{kind.template}.spec.containers[0].livenessProbe"

    with pytest.raises(BadInput, match="must specify a handler type") as error:
        targets(controller(kind, spec))
    assert [path in line and line.startswith("m.yaml:") for line in error.value.lines] == [True]


@pytest.mark.parametrize("kind", WITH_PODS, ids=lambda kind: kind.name)
@pytest.mark.parametrize("spec", [None, [], {"template": 5}, {"jobTemplate": {"spec": []}}])
def test_a_kind_without_its_template_is_refused(kind: Kind, spec: Any) -> None:
    with pytest.raises(BadInput, match=r"Required value|must be an object"):
        targets({"apiVersion": kind.version, "kind": kind.name, "metadata": {"name": "x"}, "spec": spec})


def test_images_that_no_lab_could_run_are_checked() -> None:
    (one,) = targets({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": POD})

    assert one.env == PatientEnv()


def test_sidecars_are_checked_and_plain_init_containers_are_not() -> None:
    init = [
        {"name": "first", "image": "i"},
        {"name": "side", "image": "i", "restartPolicy": "Always", "startupProbe": http()},
    ]
    found = targets(
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {**POD, "initContainers": init}}
    )

    assert [(one.container.name, one.path) for one in found] == [
        ("side", "spec.initContainers[1]"),
        ("a", "spec.containers[0]"),
    ]


def test_pods_behind_one_service_share_their_work() -> None:
    other = deployment({}, name="other", replicas=2)
    other["spec"]["selector"]["matchLabels"] = other["spec"]["template"]["metadata"]["labels"] = {"app": "web"}
    found = targets(deployment({}, replicas=3), other, service())

    assert [one.pods for one in found] == [5, 5]
    assert [len(one.routes) for one in targets(deployment({}), service("else"))] == [0]


def test_unknown_kinds_are_passed_over_and_named_and_known_ones_in_silence() -> None:
    text = "apiVersion: x/v1\nkind: Rollout\nmetadata: {name: r}\n---\napiVersion: v1\nkind: Namespace\n"
    pod = "---\napiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: a, image: i}]}\n"
    documents, errors = parse((text + pod).encode(), "m.yaml")
    found = read_objects(documents)

    assert not errors
    assert [one.title for one in targets_among(found.objects)] == ["Pod/p, container a"]
    assert list(found.skipped) == ["Rollout"]


@pytest.mark.parametrize(
    "text",
    ["", "kind: Service", "apiVersion: v1\nkind: Deployment\n", "a: 1", "kind: [1]"],
)
def test_what_is_no_object_is_bad_input(text: str) -> None:
    with pytest.raises(BadInput):
        targets(text)


def test_a_later_object_of_the_same_name_replaces_the_earlier() -> None:
    assert [one.pods for one in targets(deployment({}), deployment({}, replicas=4))] == [4]


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({"APP_START_DELAY": "1m30s"}, {"starts": 90, "readies": 90}),
        ({"APP_START_DELAY": "5", "APP_START_DELAY_JITTER": "3"}, {"starts": 8, "readies": 8}),
        ({"READY_AFTER": "5"}, {"starts": 0, "readies": 5}),
        ({"READINESS_LATENCY": "2"}, {"latency": {ProbeType.READINESS: 2}}),
        ({"CRASH_AFTER": "0", "KILL_IN_SECONDS": ""}, {"failures": {"CRASH_AFTER": 0}}),
        ({"RNG_MODE": "blocking"}, {"serial": True}),
        ({"APP_START_DELAY": "soon"}, {"starts": 0}),
    ],
)
def test_the_patients_variables_are_read(env: dict[str, str], expected: dict[str, Any]) -> None:
    known = target({"env": env}).env

    assert {name: getattr(known, name) for name in expected} == expected
    assert target({"env": env, "image": "else"}).env == PatientEnv()


@pytest.mark.parametrize(("replicas", "pods"), [(1, 3), (5, 5), (0, 0)])
def test_an_autoscaler_keeps_its_least_number_of_pods(replicas: int, pods: int) -> None:
    autoscaler = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "minReplicas": 3,
            "maxReplicas": 9,
        },
    }
    (patient,) = targets(deployment({}, replicas=replicas), autoscaler)

    assert patient.pods == pods

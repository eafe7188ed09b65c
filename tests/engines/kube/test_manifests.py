"""An experiment's manifests as a cluster gets them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from crashy.engines.kube.manifests import apply, patient_image, prepared, replacement, unknown
from crashy.errors import BadInput
from crashy.objects.document import Document
from tests.engines.kube.fakes import FakeApi, refused

Object = dict[str, Any]


def document(kind: str, name: str, spec: Object | None = None, **meta: str) -> Document:
    return Document("x.yaml", 1, 1, {"kind": kind, "metadata": {"name": name, **meta}, "spec": spec or {}})


def deployment(image: str, **meta: str) -> Document:
    containers = [{"name": "web", "image": image}, {"name": "side", "image": "redis"}]
    return document("Deployment", "web", {"template": {"spec": {"containers": containers}}}, **meta)


def test_all_is_in_the_runs_namespace_and_what_pods_need_comes_first() -> None:
    given = [deployment("crashy-app:1.0.0"), document("Service", "web"), document("ConfigMap", "web")]

    made = prepared(given, "crashy-x")

    assert [one["kind"] for one in made] == ["ConfigMap", "Service", "Deployment"]
    assert {one["metadata"]["namespace"] for one in made} == {"crashy-x"}
    assert "namespace" not in given[0].object["metadata"]


def test_a_generated_name_is_the_one_that_every_engine_has() -> None:
    given = document("Pod", "", generateName="web-")
    (made,) = prepared([given], "crashy-x")

    assert made["metadata"]["name"] == given.name


def test_manifests_of_several_namespaces_are_refused() -> None:
    with pytest.raises(BadInput, match="name default, shop: a run has one namespace"):
        prepared([document("Service", "a"), document("Service", "b", namespace="shop")], "crashy-x")


def test_the_image_replaces_the_patients_alone() -> None:
    (made,) = prepared([deployment("example.org/crashy-app:1")], "x", "localhost/patient:2")

    assert [c["image"] for c in made["spec"]["template"]["spec"]["containers"]] == ["localhost/patient:2", "redis"]
    assert (
        patient_image([document("Service", "a"), deployment("example.org/crashy-app:1")]) == "example.org/crashy-app:1"
    )
    assert patient_image([deployment("nginx")]) == ""


@pytest.mark.parametrize(
    ("live", "wanted", "spec"),
    [
        (
            {"kind": "Deployment", "spec": {"replicas": 5, "paused": True}},
            {"kind": "Deployment", "spec": {"template": {}}},
            {"replicas": 5, "template": {}},
        ),
        (
            {"kind": "Deployment", "spec": {"replicas": 5}},
            {"kind": "Deployment", "spec": {"replicas": 2}},
            {"replicas": 2},
        ),
        (
            {"kind": "Service", "spec": {"clusterIP": "10.0.0.9", "ports": [{"port": 80, "nodePort": 31000}]}},
            {"kind": "Service", "spec": {"type": "NodePort", "ports": [{"port": 80}, {"port": 81}]}},
            {"type": "NodePort", "clusterIP": "10.0.0.9", "ports": [{"port": 80, "nodePort": 31000}, {"port": 81}]},
        ),
        (
            {
                "kind": "Job",
                "spec": {"parallelism": 1, "selector": {}, "template": {"metadata": {"labels": {"job-name": "j"}}}},
            },
            {"kind": "Job", "spec": {"parallelism": 2, "template": {"metadata": {"labels": {"a": "b"}}, "spec": {}}}},
            {
                "parallelism": 2,
                "selector": {},
                "template": {"metadata": {"labels": {"job-name": "j", "a": "b"}}, "spec": {}},
            },
        ),
        (
            {"kind": "Pod", "spec": {"nodeName": "n", "containers": [{"name": "a", "image": "x:1", "env": []}]}},
            {"kind": "Pod", "spec": {"containers": [{"name": "a", "image": "x:2"}]}},
            {"nodeName": "n", "containers": [{"name": "a", "image": "x:2", "env": []}]},
        ),
    ],
    ids=[
        "replicas stay",
        "replicas given",
        "a Service keeps its addresses",
        "a Job keeps its selector",
        "a Pod gets its images",
    ],
)
def test_what_is_there_is_replaced_by_what_is_written(live: Object, wanted: Object, spec: Object) -> None:
    live["metadata"] = {"name": "web", "resourceVersion": "7"}
    wanted["metadata"] = {"name": "web"}

    made = replacement(live, wanted)

    assert made["spec"] == spec
    assert made["metadata"]["resourceVersion"] == "7"


def test_applying_makes_an_object_or_replaces_it() -> None:
    one = prepared([document("Service", "web", {"ports": []})], "ns")[0]
    there = {"kind": "Service", "metadata": {"name": "web", "resourceVersion": "7"}, "spec": {}}
    path = "/api/v1/namespaces/ns/services"

    fresh = FakeApi(lambda *_: there)
    asyncio.run(apply(fresh, one))  # type: ignore[arg-type]
    again = FakeApi(lambda method, *_: refused(409) if method == "POST" else there)
    asyncio.run(apply(again, one))  # type: ignore[arg-type]

    assert fresh.requested == [("POST", path)]
    assert again.requested == [("POST", path), ("GET", f"{path}/web"), ("PUT", f"{path}/web")]


@pytest.mark.parametrize(
    ("sent", "stored", "lost"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, []),
        ({"a": {"b": 1}}, {"a": {}}, ["a.b"]),
        ({"l": [{"x": 1}, {"y": {"z": 5}}]}, {"l": [{"x": 1}, {"y": {}}]}, ["l.y.z"]),
        ({"empty": "", "no": False, "stringData": {"k": "v"}}, {}, []),
    ],
)
def test_fields_that_the_cluster_does_not_know_are_found(sent: Object, stored: Object, lost: list[str]) -> None:
    assert list(unknown(sent, stored)) == lost

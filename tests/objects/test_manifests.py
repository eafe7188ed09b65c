"""Manifests applied on top of others."""

from __future__ import annotations

from typing import Any

import pytest

from crashy.objects.document import Document
from crashy.objects.manifests import chosen, key_of, merged, read

SPEC = {"containers": [{"name": "web", "image": "crashy-app:1"}]}


def document(name: str, kind: str = "Pod", file: str = "a.yaml", **more: Any) -> Document:
    metadata = {"name": name, "labels": {"app": "web"}}
    return Document(file, 1, 1, {"apiVersion": "v1", "kind": kind, "metadata": metadata, **more})


@pytest.mark.parametrize(
    ("raw", "key"),
    [
        ({"kind": "Pod", "metadata": {"name": "web"}}, ("Pod", "default", "web")),
        ({"kind": "Pod", "metadata": {"name": "web", "namespace": "demo"}}, ("Pod", "demo", "web")),
        ({"kind": "Pod", "metadata": []}, ("Pod", "default", "None")),
        ({}, ("None", "default", "None")),
    ],
)
def test_a_key_is_found_whatever_the_object_is(raw: dict[str, Any], key: tuple[str, str, str]) -> None:
    assert key_of(Document("a.yaml", 1, 1, raw)) == key


def test_what_is_given_anew_takes_the_place_of_what_was_there() -> None:
    before = [document("one"), document("two")]
    after = [document("two", file="b.yaml"), document("three", file="b.yaml")]

    assert merged(before, after) == [before[0], *after]


def test_only_what_was_given_is_chosen_and_what_it_may_refer_to() -> None:
    service = document("web", "Service", spec={"selector": {"app": "web"}, "ports": [{"port": 80}]})
    data = document("data", "ConfigMap", data={"a": "b"})
    manifests = read([document("one", spec=SPEC), document("two", spec=SPEC), service, data])
    some = chosen(manifests, {("Pod", "default", "two")})

    assert [pod.name for pod in some.workloads] == ["two"]
    assert some.services == ()
    assert some.config_maps == manifests.config_maps

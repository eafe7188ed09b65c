"""What selects a resource, and by which of its names."""

from __future__ import annotations

from typing import Any

import pytest

from crashy.manifest.resource import Resource, id_of, parse_selector, select
from crashy.objects.document import Document

WEB = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "labels": {"app": "web", "tier": "a"}, "annotations": {"note": "hi"}},
}


def resource(**changes: str) -> Resource:
    made = Resource.of(Document("all.yaml", 1, 1, WEB))
    for key, value in changes.items():
        made.change(key, value)
    return made


@pytest.mark.parametrize(
    ("target", "selected"),
    [
        ({}, True),
        ({"kind": "Deployment"}, True),
        ({"kind": "Deploy"}, False),
        ({"kind": "Deploy.*|StatefulSet"}, True),
        ({"group": "apps", "version": "v1"}, True),
        ({"group": "batch"}, False),
        ({"name": "web"}, True),
        ({"name": "p-web"}, True),
        ({"name": "p"}, False),
        ({"namespace": "default"}, True),
        ({"namespace": "shop"}, True),
        ({"namespace": "other"}, False),
        ({"labelSelector": "app=web,tier in (a, b),!old,tier!=c,app"}, True),
        ({"labelSelector": "tier notin (a)"}, False),
        ({"labelSelector": "old"}, False),
        ({"annotationSelector": "note==hi"}, True),
        ({"annotationSelector": "note!=hi"}, False),
    ],
)
def test_a_target_selects_by_every_name_that_a_resource_has_had(target: dict[str, Any], selected: bool) -> None:
    one = resource(namespace="shop", name="p-web")

    assert select([one], target) == ([one] if selected else [])


@pytest.mark.parametrize("text", ["a b", "=", "a in b", "a=b,,", "a in (b"])
def test_what_is_no_selector_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no label selector"):
        parse_selector(text)


def test_a_change_to_the_same_name_is_none() -> None:
    one = resource(name="web")

    assert one.former == []
    assert str(one.id) == "apps/v1 Deployment/web"


@pytest.mark.parametrize("value", [None, [], {}, {"metadata": 1, "kind": [], "apiVersion": 2}])
def test_what_an_object_lacks_is_empty_in_its_id(value: Any) -> None:
    assert set(id_of(value)) == {""}

"""An object's name, where its manifest gives only how it begins."""

from __future__ import annotations

import re
from typing import Any

import pytest

from crashy.objects.document import Document
from crashy.objects.manifests import read

POD = {"containers": [{"name": "c", "image": "crashy-app"}]}


def document(metadata: dict[str, Any], index: int = 1, file: str = "m.yaml") -> Document:
    return Document(file, index, 1, {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": POD})


def test_a_generated_name_is_the_same_each_time_and_another_for_each_object() -> None:
    names = [document({"generateName": "web-"}, index, file).name for file in ("a", "b") for index in (1, 2)]

    assert all(re.fullmatch(r"web-[bcdfghjklmnpqrstvwxz2456789]{5}", name) for name in names)
    assert len(set(names)) == 4
    assert document({"generateName": "web-"}, 1, "a").name == names[0]


@pytest.mark.parametrize(
    ("metadata", "name"),
    [({"name": "web", "generateName": "x-"}, "web"), ({}, ""), ({"generateName": 5}, ""), ("web", "")],
)
def test_other_names(metadata: Any, name: str) -> None:
    assert document(metadata).name == name


def test_a_long_beginning_is_cut() -> None:
    """apiserver: pkg/storage/names/generate_test.go TestSimpleNameGenerator."""
    assert len(document({"generateName": "x" * 70}).name) == 63


def test_an_object_of_a_generated_name_is_read() -> None:
    first, second = read([document({"generateName": "web-"}, index) for index in (1, 2)]).workloads

    assert first.name != second.name
    assert first.name.startswith("web-")

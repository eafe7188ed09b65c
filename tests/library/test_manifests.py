"""What a lab is made of, in every way that it can be written."""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any

import pytest

from crashy.library.manifests import read_manifests, without_node_ports

SPEC = {"containers": [{"name": "web", "image": "crashy-app"}]}
POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": SPEC}
YAML = """
    apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec: {containers: [{name: web, image: crashy-app}]}
"""
FLOW = "{apiVersion: v1, kind: Pod, metadata: {name: web}, spec: {containers: [{name: web, image: crashy-app}]}}"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("pod.yaml", "kind: Pod", "-"):
        (tmp_path / name).write_text(YAML)
    return tmp_path


@pytest.mark.parametrize(
    "one",
    [
        POD,
        MappingProxyType({**POD, "spec": MappingProxyType(SPEC)}),
        YAML,
        FLOW,
        json.dumps(POD),
        json.dumps({**POD, "metadata": {"name": "web", "annotations": {"long": "x" * 5000}}}),
        json.dumps(POD, indent=1),
        "pod.yaml",
        "./pod.yaml",
        PurePosixPath("pod.yaml"),
        "kind: Pod",
        "-",
        Path("-"),
    ],
    ids=lambda one: str(one)[:30],
)
def test_it_is_read_however_it_is_written(one: Any) -> None:
    assert [pod.name for pod in read_manifests([one]).workloads] == ["web"]


@pytest.mark.parametrize(
    ("one", "reported"),
    [
        ("nowhere", "nowhere: no such file or directory; and as YAML, manifest 1:1: document 1: is a single value"),
        ("kind:Pod", "kind:Pod: no such file or directory; and as YAML, manifest 1:1: document 1: is a single value"),
        ("[1, 2]", "[1, 2]: no such file or directory; and as YAML, manifest 1:1: document 1: is a list"),
        ("{kind: Pod", "{kind: Pod: no such file or directory; and as YAML, manifest 1:2:1: not YAML: "),
        ("x" * 5000, "x" * 77 + "...: no such file or directory; and as YAML, "),
        ("a\0b", r"'a\x00b': no such file or directory; and as YAML, manifest 1: is not text: a NUL byte"),
        ("\ud800", r"'\ud800': no such file or directory; and as YAML, manifest 1: is not UTF-8"),
        ("apiVersion: v2", "manifest 1:1: document 1"),
        ("- 1\n- 2", "manifest 1:1: document 1: is a list"),
        (Path("nowhere"), "nowhere: No such file or directory"),
        (" ", "manifest 1: ' ': must be a file, a folder, YAML written out or an object"),
        ("\n", r"manifest 1: '\n': must be a file, a folder, YAML written out or an object"),
    ],
    ids=lambda one: str(one)[:30].encode("ascii", "backslashreplace").decode(),
)
def test_a_text_that_is_neither_a_path_nor_a_manifest_is_reported_as_both(one: Any, reported: str) -> None:
    with pytest.raises(ValueError, match=r".") as refused:
        read_manifests([one])
    assert str(refused.value).lower().startswith(reported.lower())


def test_an_object_that_no_manifest_can_hold_is_reported() -> None:
    with pytest.raises(TypeError, match=r"manifest 1: holds <object .*>, which is not text, a number, a list"):
        read_manifests([{"kind": object()}])
    circle: dict[str, Any] = {}
    circle["circle"] = circle
    with pytest.raises(ValueError, match="manifest 1: Circular reference detected"):
        read_manifests([circle])


def test_of_a_service_the_node_port_is_left_out() -> None:
    ports = [{"port": 80, "nodePort": 30093}]
    spec = {"type": "NodePort", "ports": ports}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": spec}

    made = json.loads(without_node_ports(read_manifests([service, POD]).documents).partition(b"\n---\n")[0])

    assert made["spec"]["ports"] == [{"port": 80}]

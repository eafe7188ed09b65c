"""Whatever a file holds, it is read or refused with printable lines: no input makes a traceback."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crashy.errors import BadInput
from crashy.manifest.kustomize import build
from crashy.manifest.parse import parse
from crashy.objects.document import Document
from crashy.objects.manifests import read
from tests.manifest.conftest import CONFIG_MAP, DEPLOYMENT, POD, SERVICE

GOOD = list(yaml.safe_load_all(f"{DEPLOYMENT}---\n{SERVICE}---\n{POD}---\n{CONFIG_MAP}"))
GOOD[0]["spec"]["template"]["spec"]["containers"][0] |= {
    "env": [
        {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "color"}}},
        {"name": "B", "value": "b"},
    ],
    "envFrom": [{"configMapRef": {"name": "settings"}}],
    "livenessProbe": {"httpGet": {"path": "/", "port": 80, "httpHeaders": [{"name": "a", "value": "b"}]}},
    "readinessProbe": {"exec": {"command": ["true"]}},
    "startupProbe": {"grpc": {"port": 1}},
    "lifecycle": {"preStop": {"sleep": {"seconds": 1}}, "postStart": {"tcpSocket": {"port": 1}}},
    "resources": {"limits": {"cpu": "1", "memory": "1Mi"}, "requests": {"cpu": 0.5}},
    "volumeMounts": [{"name": "v", "mountPath": "/v"}],
}
GOOD[0]["spec"]["template"]["spec"]["volumes"] = [{"name": "v", "configMap": {"name": "settings"}}]
GOOD[0]["spec"]["strategy"] = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "1%", "maxUnavailable": 0}}
GOOD[0]["spec"]["selector"]["matchExpressions"] = [{"key": "app", "operator": "In", "values": ["web"]}]

# How long one example takes is the machine's business, not the parser's.
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=200)

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["", "-", "1%", "a.b", "$(A)"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
WORDS = st.sampled_from(
    [*"[]{}:,-?&*!|>'\"#%@`\n\t \\", "a", "&a", "*a", "<<", ": ", "- ", "---\n", "!!str", "\x85", "é", "0"]
)


def settle(data: bytes) -> None:
    """Read a file's bytes and hold every line of a refusal to being one printable line."""
    lines = refusal(*parse(data, "m.yaml"))
    assert all(line.isprintable() and line.startswith("m.yaml") for line in lines)


def refusal(documents: Sequence[Document], errors: Sequence[str]) -> tuple[str, ...]:
    """Return the lines with which documents are refused; anything but BadInput is let through."""
    try:
        read(documents, errors)
    except BadInput as refused:
        return refused.lines
    return ()


@PATIENT
@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes(data: bytes) -> None:
    settle(data)


@PATIENT
@given(st.lists(WORDS, max_size=40).map("".join))
def test_anything_that_looks_like_yaml(text: str) -> None:
    settle(text.encode())


@PATIENT
@given(st.data())
def test_any_part_of_a_right_manifest_replaced_by_anything(data: st.DataObject) -> None:
    objects = copy.deepcopy(GOOD)
    for _ in range(data.draw(st.integers(1, 3))):
        mutate(objects, data)
    settle("\n---\n".join(json.dumps(one) for one in objects).encode())


@PATIENT
@given(st.data())
def test_any_kustomization(data: st.DataObject) -> None:
    fields: dict[str, Any] = {
        "resources": ["all.yaml"],
        "namespace": "n",
        "namePrefix": "a-",
        "labels": [{"pairs": {"a": "b"}, "includeSelectors": True}],
        "commonAnnotations": {"a": "b"},
        "images": [{"name": "crashy-app", "newTag": "2"}],
        "replicas": [{"name": "web", "count": 2}],
        "patches": [{"patch": json.dumps([{"op": "add", "path": "/a", "value": 1}]), "target": {"kind": "Pod"}}],
        "patchesJson6902": [
            {"patch": json.dumps([{"op": "copy", "from": "/spec", "path": "/b"}]), "target": {"name": "w"}}
        ],
        "patchesStrategicMerge": [json.dumps({"kind": "Service", "metadata": {"name": "web"}, "spec": {"ports": []}})],
        "configMapGenerator": [
            {"name": "c", "literals": ["a=b"], "options": {"labels": {"a": "b"}, "immutable": True}}
        ],
        "secretGenerator": [{"name": "settings", "behavior": "create", "type": "t"}],
        "replacements": [
            {
                "source": {
                    "kind": "Service",
                    "fieldPath": "spec.ports.0.port",
                    "options": {"delimiter": "8", "index": 0},
                },
                "targets": [
                    {"select": {"kind": "Pod"}, "reject": [{"name": "b"}], "fieldPaths": ["metadata.x.[a=b].c"]}
                    | {"options": {"create": True}}
                ],
            }
        ],
        "vars": [{"name": "A", "objref": {"kind": "Service", "name": "web"}, "fieldref": {"fieldpath": "spec"}}],
    }
    objects = copy.deepcopy(GOOD)
    mutate([fields], data)
    mutate(objects, data)
    files = {"kustomization.yaml": [fields], "all.yaml": objects}

    def read_file(path: Path) -> Any:
        return parse("\n---\n".join(json.dumps(one) for one in files[path.name]).encode(), path.name)

    here = Path(__file__).parent / "kustomization"
    refusal(*build(here, read_file))


def mutate(objects: Any, data: st.DataObject) -> None:
    """Replace, remove or add one part somewhere below."""
    places = list(walk(objects))
    holder, key = data.draw(st.sampled_from(places))
    action = data.draw(st.sampled_from(["replace", "replace", "remove", "add"]))
    if action == "remove":
        del holder[key]
    elif action == "replace":
        holder[key] = data.draw(VALUES)
    elif isinstance(holder, dict):
        holder[data.draw(st.text(max_size=5))] = data.draw(VALUES)
    else:
        holder.append(data.draw(VALUES))


def walk(value: Any) -> Any:
    """Return each (holder, key) below a value."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from walk(value[key])

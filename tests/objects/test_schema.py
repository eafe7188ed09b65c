"""What strict decoding refuses: unknown fields and values of a wrong type, told with all the rules' errors."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crashy.objects.fields import SpecError
from crashy.objects.pod import parse_pod_template


def errors(manifest: Any, path: str = "") -> list[str]:
    try:
        parse_pod_template(manifest, path)
    except SpecError as error:
        return [str(e) for e in error.errors]
    return []


C = "spec.containers[0]"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"livenessProb": {}}, [f'unknown field "{C}.livenessProb" (did you mean "livenessProbe"?)']),
        ({"LIVENESSPROBE": {}}, [f'unknown field "{C}.LIVENESSPROBE" (did you mean "livenessProbe"?)']),
        ({"zzz": 1}, [f'unknown field "{C}.zzz"']),
        ({1: 1}, [f'unknown field "{C}.1"']),
        (
            {"ports": [{"containerPort": "80"}]},
            [f'{C}.ports[0].containerPort: Invalid value: "80": must be an integer'],
        ),
        (
            {"ports": [{"containerPort": True}]},
            [f"{C}.ports[0].containerPort: Invalid value: true: must be an integer"],
        ),
        (
            {"ports": [{"containerPort": 80.5}]},
            [f"{C}.ports[0].containerPort: Invalid value: 80.5: must be an integer"],
        ),
        (
            {"ports": [{"containerPort": 2**31}]},
            [f"{C}.ports[0].containerPort: Invalid value: 2147483648: must be an integer of 32 bits"],
        ),
        ({"ports": {"containerPort": 80}}, [f'{C}.ports: Invalid value: {{"containerPort": 80}}: must be a list']),
        ({"ports": [80]}, [f"{C}.ports[0]: Invalid value: 80: must be an object"]),
        ({"env": [{"name": "A", "value": 60}]}, [f"{C}.env[0].value: Invalid value: 60: must be a string"]),
        ({"env": [{"name": "A", "value": True}]}, [f"{C}.env[0].value: Invalid value: true: must be a string"]),
        ({"command": "sleep 5"}, [f'{C}.command: Invalid value: "sleep 5": must be a list']),
        ({"command": ["sleep", 5]}, [f"{C}.command[1]: Invalid value: 5: must be a string"]),
        ({"livenessProbe": "no"}, [f'{C}.livenessProbe: Invalid value: "no": must be an object']),
        ({"livenessProbe": {"httpGet": 80}}, [f"{C}.livenessProbe.httpGet: Invalid value: 80: must be an object"]),
        (
            {"livenessProbe": {"tcpSocket": {"port": [80]}}},
            [f"{C}.livenessProbe.tcpSocket.port: Invalid value: [80]: must be an integer or a port's name"],
        ),
        ({"tty": "yes"}, [f'{C}.tty: Invalid value: "yes": must be true or false']),
        (
            {"resources": {"limits": {"cpu": ["1"]}}},
            [f'{C}.resources.limits[cpu]: Invalid value: ["1"]: must be a quantity'],
        ),
        ({"resources": {"limits": "1"}}, [f'{C}.resources.limits: Invalid value: "1": must be an object']),
        ({"name": 1}, [f"{C}.name: Invalid value: 1: must be a string"]),
        ({"image": ["x"]}, [f'{C}.image: Invalid value: ["x"]: must be a string']),
    ],
)
def test_a_container(fields: dict[Any, Any], expected: list[str]) -> None:
    assert errors({"spec": {"containers": [{"name": "app", "image": "x", **fields}]}}) == expected


@pytest.mark.parametrize(
    ("manifest", "path", "expected"),
    [
        (
            {"spec": {"contaners": []}},
            "",
            ['unknown field "spec.contaners" (did you mean "containers"?)', "spec.containers: Required value"],
        ),
        ({"spec": {"containers": None}}, "", ["spec.containers: Required value"]),
        ({"spec": {"containers": [None]}}, "", [f"{C}.name: Required value", f"{C}.image: Required value"]),
        ({"spec": None}, "spec.template", ["spec.template.spec.containers: Required value"]),
        ({"spec": []}, "spec.template", ["spec.template.spec: Invalid value: []: must be an object"]),
        ([], "spec.template", ["spec.template: Invalid value: []: must be an object"]),
        (
            {"kind": "Pod", "spec": {"containers": [{"name": "a", "image": "x"}]}},
            "spec.template",
            ['unknown field "spec.template.kind"'],
        ),
        (
            {"metadata": {"labels": {"version": 1}}, "spec": {"containers": [{"name": "a", "image": "x"}]}},
            "",
            ["metadata.labels[version]: Invalid value: 1: must be a string"],
        ),
    ],
)
def test_a_manifest(manifest: Any, path: str, expected: list[str]) -> None:
    assert errors(manifest, path) == expected


@pytest.mark.parametrize(("field", "bits"), [("initialDelaySeconds", 32), ("terminationGracePeriodSeconds", 64)])
def test_integers_have_as_many_bits_as_kubernetes_gives_them(field: str, bits: int) -> None:
    def wrong(value: int) -> list[str]:
        probe = {"tcpSocket": {"port": 1}, field: value}
        found = errors({"spec": {"containers": [{"name": "a", "image": "x", "livenessProbe": probe}]}})
        return [text for text in found if "bits" in text]

    most, least = 2 ** (bits - 1) - 1, -(2 ** (bits - 1))
    assert wrong(most) == wrong(least) == []
    for value in (most + 1, most + 2, least - 1):
        assert wrong(value) == [f"{C}.livenessProbe.{field}: Invalid value: {value}: must be an integer of {bits} bits"]


def test_the_closest_name_is_meant() -> None:
    probe = {"tcpSocket": {"port": 1}, "successThreshol": 1}
    found = errors({"spec": {"containers": [{"name": "a", "image": "x", "livenessProbe": probe}]}})
    assert found == [f'unknown field "{C}.livenessProbe.successThreshol" (did you mean "successThreshold"?)']
    probe = {"tcpSocket": {"port": 1}, "sureThreshold": 1}
    found = errors({"spec": {"containers": [{"name": "a", "image": "x", "livenessProbe": probe}]}})
    assert found[0].endswith('(did you mean "successThreshold"?)')


def test_a_hundred_guesses_are_made_and_no_more() -> None:
    many = {f"command{i}": 1 for i in range(150)}
    found = errors({"spec": {"containers": [{"name": "a", "image": "x", **many}]}})
    assert ["did you mean" in text for text in found] == [True] * 100 + [False] * 50


def test_nulls_are_absent() -> None:
    nulls = {"livenessProbe": None, "ports": None, "command": None, "resources": {"limits": {"cpu": None}}}
    assert errors({"spec": {"containers": [{"name": "a", "image": "x", **nulls}]}}) == []


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 2**33) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
_PROBE_FIELDS = ("exec", "httpGet", "tcpSocket", "grpc", "periodSeconds", "successThreshold", "x")
_PROBE = st.dictionaries(
    st.sampled_from(_PROBE_FIELDS), _JSON | st.fixed_dictionaries({"port": _JSON, "path": _JSON, "command": _JSON})
)
_FIELDS = st.dictionaries(
    st.sampled_from(
        ("name", "image", "command", "env", "ports", "resources", "lifecycle", "restartPolicy", "volumeMounts")
    ),
    _JSON,
)
_CONTAINER = st.tuples(_FIELDS, st.dictionaries(st.sampled_from(("livenessProbe", "readinessProbe")), _PROBE | _JSON))


@given(st.lists(_CONTAINER, max_size=2), _JSON, st.sampled_from(["", "spec.template"]))
def test_anything_at_all_is_read_or_refused(
    parts: list[tuple[dict[str, Any], dict[str, Any]]], other: Any, path: str
) -> None:
    containers = [{**fields, **probes} for fields, probes in parts]
    manifest = {"metadata": other, "spec": {"containers": containers, "initContainers": other, "volumes": other}}
    assert all(text.startswith((path, "unknown field")) for text in errors(manifest, path))

"""Patches follow Kubernetes' strategic merge and RFC 6902."""

from __future__ import annotations

from typing import Any

import pytest

from crashy.manifest.patch import PatchError, merge, operate

ENV = {"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]}


@pytest.mark.parametrize(
    ("base", "patch", "result"),
    [
        ({"a": 1, "b": 2}, {"b": 3, "c": 4}, {"a": 1, "b": 3, "c": 4}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"c": None}}, {"a": {"b": 1}}),
        ({"a": 1}, {"a": {"b": 1}}, {"a": {"b": 1}}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        (
            ENV,
            {"env": [{"name": "B", "value": "3"}]},
            {"env": [{"name": "B", "value": "3"}, {"name": "A", "value": "1"}]},
        ),
        (ENV, {"env": [{"name": "C"}]}, {"env": [{"name": "C"}, *ENV["env"]]}),
        (
            ENV,
            {"env": [{"name": "A", "$patch": "delete"}, {"name": "Z", "$patch": "delete"}]},
            {"env": [ENV["env"][1]]},
        ),
        (ENV, {"env": [{"name": "C"}, {"$patch": "replace"}]}, {"env": [{"name": "C"}]}),
        (
            {"ports": [{"containerPort": 1}]},
            {"ports": [{"containerPort": 1, "name": "a"}]},
            {"ports": [{"containerPort": 1, "name": "a"}]},
        ),
        ({"ports": [{"port": 1}]}, {"ports": [{"port": 2}]}, {"ports": [{"port": 2}, {"port": 1}]}),
        ({"a": {"b": 1}}, {"a": {"$patch": "delete"}}, {}),
        ({"a": {"b": 1}}, {"a": {"$patch": "replace", "c": 2}}, {"a": {"c": 2}}),
        ({"a": 1}, {"$patch": "delete"}, {}),
        (
            {"ports": [{"containerPort": 1, "protocol": "TCP"}]},
            {"ports": [{"containerPort": 1, "protocol": "UDP"}, {"containerPort": 1, "name": "lost"}]},
            {"ports": [{"containerPort": 1, "protocol": "UDP"}, {"containerPort": 1, "protocol": "TCP"}]},
        ),
        ({"finalizers": ["a"]}, {"finalizers": ["b", "a"]}, {"finalizers": ["b", "a"]}),
        (
            {"a": 1},
            {"$setElementOrder/a": [], "b": {"c": [{"d": 1}, {"$patch": "delete"}]}},
            {"a": 1, "b": {"c": [{"d": 1}]}},
        ),
    ],
)
def test_a_strategic_merge(base: dict[str, Any], patch: dict[str, Any], result: dict[str, Any]) -> None:
    assert merge(base, patch) == result


@pytest.mark.parametrize("patch", [{"$patch": "burn"}, {"env": [{"value": "x"}]}, {"env": ["x"]}])
def test_a_merge_that_makes_no_sense_is_refused(patch: dict[str, Any]) -> None:
    with pytest.raises(PatchError):
        merge(ENV, patch)


@pytest.mark.parametrize(
    ("operation", "result"),
    [
        ({"op": "add", "path": "/c", "value": 3}, {"a": [1, 2], "b": {"x/y~z": 1}, "c": 3}),
        ({"op": "add", "path": "/a/-", "value": 3}, {"a": [1, 2, 3], "b": {"x/y~z": 1}}),
        ({"op": "add", "path": "/a/0", "value": 3}, {"a": [3, 1, 2], "b": {"x/y~z": 1}}),
        ({"op": "replace", "path": "/a/1", "value": 3}, {"a": [1, 3], "b": {"x/y~z": 1}}),
        ({"op": "replace", "path": "/b/x~1y~0z", "value": 3}, {"a": [1, 2], "b": {"x/y~z": 3}}),
        ({"op": "remove", "path": "/a/0"}, {"a": [2], "b": {"x/y~z": 1}}),
        ({"op": "remove", "path": "/b"}, {"a": [1, 2]}),
        ({"op": "remove", "path": "/a/-1"}, {"a": [1], "b": {"x/y~z": 1}}),
        ({"op": "replace", "path": "/q", "value": 1}, {"a": [1, 2], "b": {"x/y~z": 1}, "q": 1}),
        ({"op": "copy", "from": "/a", "path": "/b/c"}, {"a": [1, 2], "b": {"x/y~z": 1, "c": [1, 2]}}),
        ({"op": "move", "from": "/b/x~1y~0z", "path": "/a/1"}, {"a": [1, 1, 2], "b": {}}),
        ({"op": "test", "path": "/a/0", "value": 1}, {"a": [1, 2], "b": {"x/y~z": 1}}),
    ],
)
def test_an_operation(operation: dict[str, Any], result: dict[str, Any]) -> None:
    assert operate({"a": [1, 2], "b": {"x/y~z": 1}}, [operation]) == result


@pytest.mark.parametrize(
    ("operation", "text"),
    [
        ("add", "operation 0: must be a mapping with op and path"),
        ({"op": "add"}, "operation 0: must be a mapping with op and path"),
        ({"op": "add", "path": "/c"}, "operation 0: add /c: needs value"),
        ({"op": "add", "path": "/a/9", "value": 1}, "operation 0: path /a/9: there is no 9 in a list of 2"),
        ({"op": "add", "path": "/q/r", "value": 1}, "operation 0: path /q/r: there is no q"),
        ({"op": "replace", "path": "/a/0/z", "value": 1}, "operation 0: path /a/0/z: there is no z"),
        ({"op": "remove", "path": "/a/-"}, "operation 0: path /a/-: there is no - in a list of 2"),
        ({"op": "test", "path": "/a/0", "value": 2}, "operation 0: test /a/0: is something else"),
        ({"op": "move", "path": "/a"}, "operation 0: move /a: needs from"),
        ({"op": "move", "path": "/a", "from": "/q"}, "operation 0: path /q: there is no q"),
        ({"op": "burn", "path": "/a"}, "operation 0: op burn: must be add, replace, remove, copy, move or test"),
        ({"op": "add", "path": "a", "value": 1}, "operation 0: path a: must begin with /"),
        ({"op": "replace", "path": "", "value": 1}, "leaves no object"),
    ],
)
def test_an_operation_that_cannot_be_done_is_refused(operation: Any, text: str) -> None:
    with pytest.raises(PatchError) as refused:
        operate({"a": [1, 2]}, [operation])
    assert str(refused.value) == text

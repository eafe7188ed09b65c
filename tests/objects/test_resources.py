"""A pod's class of service, and which changes of resources the API server allows in place."""

from __future__ import annotations

from typing import Any

import pytest

from crashy.objects.resources import qos_class, resize_errors


def container(limits: dict[str, str] | None = None, requests: dict[str, str] | None = None) -> dict[str, Any]:
    return {"name": "app", "resources": {"limits": limits or {}, "requests": requests or {}}}


BOTH = {"cpu": "1", "memory": "1Gi"}
CHANGED = "Pod QOS Class may not change as a result of resizing"


@pytest.mark.parametrize(
    ("containers", "expected"),
    [
        ([{"name": "app"}], "BestEffort"),
        ([container()], "BestEffort"),
        ([container({"cpu": "0"})], "BestEffort"),
        ([container(BOTH)], "Guaranteed"),
        ([container(BOTH, {"cpu": "1000m"})], "Guaranteed"),
        ([container(BOTH, {"cpu": "0.5"})], "Burstable"),
        ([container({"cpu": "1"})], "Burstable"),
        ([container(None, BOTH)], "Burstable"),
        ([container(BOTH), container()], "Burstable"),
    ],
)
def test_the_class_of_service(containers: list[dict[str, Any]], expected: str) -> None:
    """kubernetes: pkg/apis/core/helper/qos/qos_test.go."""
    assert qos_class(containers) == expected


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (container(BOTH), container({"cpu": "2", "memory": "2Gi"}), []),
        (container({"cpu": "1"}), container({"cpu": "2"}, {"cpu": "1"}), []),
        (container(BOTH), container(BOTH, {"cpu": "0.5"}), [f'spec: Invalid value: "Burstable": {CHANGED}']),
        (container(), container({"cpu": "1"}), [f'spec: Invalid value: "Burstable": {CHANGED}']),
        (
            container(BOTH, {"cpu": "0.5"}),
            container({"cpu": "1"}, {"cpu": "0.5", "memory": "1Gi"}),
            ["spec.containers[0].resources.limits: Forbidden: resource limits cannot be removed"],
        ),
    ],
)
def test_what_forbids_a_resize(before: dict[str, Any], after: dict[str, Any], expected: list[str]) -> None:
    """kubernetes: test/e2e/common/node/pod_resize.go doPodResizeErrorTests."""
    assert [str(e) for e in resize_errors({"containers": [before]}, {"containers": [after]})] == expected

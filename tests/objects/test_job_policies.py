"""A Job's policies, as the API server reads and refuses them.

kubernetes: pkg/apis/batch/validation/validation_test.go TestValidateJob.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from crashy.objects.job_policies import SuccessRule, parse_indexes
from tests.controllers.jobs import job, pod_spec
from tests.objects.test_workload_kinds import made, refused

AT = "spec.podFailurePolicy.rules[0]"
INDEXED = {"completionMode": "Indexed", "completions": 5}


def spec(kind: str, *rules: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"template": {"spec": pod_spec()}, kind: {"rules": [*rules]}} | more


def codes(*values: int, operator: str = "In", **more: Any) -> dict[str, Any]:
    return {"action": "FailJob", "onExitCodes": {"operator": operator, "values": [*values], **more}}


@pytest.mark.parametrize(
    ("rule", "line"),
    [
        (
            {"onExitCodes": {"operator": "In", "values": [1]}},
            f'{AT}.action: Required value: valid values: ["Count" "FailIndex" "FailJob" "Ignore"]',
        ),
        (
            codes(1) | {"action": "Stop"},
            f'{AT}.action: Unsupported value: "Stop": supported values: "Count", "FailIndex", "FailJob", "Ignore"',
        ),
        (
            codes(1) | {"action": "FailIndex"},
            f'{AT}.action: Invalid value: "FailIndex": requires the backoffLimitPerIndex to be set',
        ),
        (
            codes(1, operator="Is"),
            f'{AT}.onExitCodes.operator: Unsupported value: "Is": supported values: "In", "NotIn"',
        ),
        (codes(), f"{AT}.onExitCodes.values: Invalid value: []: at least one value is required"),
        (codes(0, 1), f"{AT}.onExitCodes.values[0]: Invalid value: 0: must not be 0 for the In operator"),
        (codes(1, 1), f"{AT}.onExitCodes.values[1]: Duplicate value: 1"),
        (codes(2, 1), f"{AT}.onExitCodes.values: Invalid value: [2, 1]: must be ordered"),
        (
            codes(*range(1, 257)),
            f"{AT}.onExitCodes.values: Too many: 256: must have at most 255 items",
        ),
        (
            codes(1, containerName="x"),
            f'{AT}.onExitCodes.containerName: Invalid value: "x": must be one of the container or initContainer names '
            "in the pod template",
        ),
        (
            {"action": "Ignore", "onPodConditions": [{"status": "True"}]},
            f"{AT}.onPodConditions[0].type: Required value: name part must be non-empty",
        ),
        (
            {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "Maybe"}]},
            f'{AT}.onPodConditions[0].status: Unsupported value: "Maybe": supported values: "False", "True", "Unknown"',
        ),
        (
            codes(1) | {"onPodConditions": [{"type": "DisruptionTarget"}]},
            f"{AT}: Invalid value: specifying both OnExitCodes and OnPodConditions is not supported",
        ),
        (
            {"action": "Ignore"},
            f"{AT}: Invalid value: specifying one of OnExitCodes and OnPodConditions is required",
        ),
    ],
)
def test_wrong_failure_rules(rule: dict[str, Any], line: str) -> None:
    assert refused(made("Job", spec("podFailurePolicy", rule), "batch/v1")) == [line]


def test_too_many_rules() -> None:
    given = made("Job", spec("podFailurePolicy", *[codes(1)] * 21), "batch/v1")

    assert refused(given) == ["spec.podFailurePolicy.rules: Too many: 21: must have at most 20 items"]


RULE = "spec.successPolicy.rules[0]"


@pytest.mark.parametrize(
    ("rules", "line"),
    [
        (
            [],
            "spec.successPolicy.rules: Required value: at least one rules must be specified when the successPolicy is "
            "specified",
        ),
        ([{}], f"{RULE}: Required value: at least one of succeededCount or succeededIndexes must be specified"),
        ([{"succeededCount": -1}], f"{RULE}.succeededCount: Invalid value: -1: must be greater than or equal to 0"),
        (
            [{"succeededCount": 6}],
            f"{RULE}.succeededCount: Invalid value: 6: must be less than or equal to 5 (the number of specified "
            "completions)",
        ),
        (
            [{"succeededCount": 3, "succeededIndexes": "1,2"}],
            f"{RULE}.succeededCount: Invalid value: 3: must be less than or equal to 2 (the number of indexes in the "
            "specified succeededIndexes field)",
        ),
        (
            [{"succeededIndexes": "0-7"}],
            f'{RULE}.succeededIndexes: Invalid value: "0-7": error parsing succeededIndexes: too large index: "7"',
        ),
    ],
)
def test_wrong_success_rules(rules: list[dict[str, Any]], line: str) -> None:
    assert refused(made("Job", spec("successPolicy", *rules, **INDEXED), "batch/v1")) == [line]


def test_a_success_policy_needs_indexes() -> None:
    given = {"rules": [{"succeededCount": 1}]}
    (line,) = refused(made("Job", spec("successPolicy", *given["rules"]), "batch/v1"))

    assert line.startswith("spec.successPolicy: Invalid value: ")
    assert line.endswith(": requires indexed completion mode")


def test_right_success_rules() -> None:
    rules = [{"succeededIndexes": "0,2-3", "succeededCount": 2}, {"succeededCount": 4}]
    one = job(successPolicy={"rules": rules}, **INDEXED)

    assert one.success_policy == (SuccessRule(frozenset({0, 2, 3}), 2), SuccessRule(None, 4))


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("1-2-3", 'the fragment "1-2-3" violates the requirement that an index interval can have at most two parts'),
        ("x", 'cannot convert string to integer for index: "x"'),
        ("3,1", "non-increasing order, previous: 3, current: 1"),
        ("4-2", "non-increasing order, previous: 4, current: 2"),
        ("2-2", "non-increasing order, previous: 2, current: 2"),
    ],
)
def test_wrong_indexes(text: str, error: str) -> None:
    """kubernetes: pkg/apis/batch/validation/validation_test.go TestValidateIndexesString."""
    with pytest.raises(ValueError, match=f"^{re.escape(error)}"):
        parse_indexes(text, 10)

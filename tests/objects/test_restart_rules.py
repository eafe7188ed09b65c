"""Containers' own restart policies and rules: what the API server of 1.36 accepts, and its texts for the rest."""

from __future__ import annotations

from typing import Any

import pytest

from crashy.objects.fields import SpecError
from crashy.objects.pod import parse_pod_template
from crashy.objects.restart_rules import RestartRule, matching_action

IN_42 = {"operator": "In", "values": [42]}
RESTART = {"action": "Restart", "exitCodes": IN_42}


def pod(**container: Any) -> dict[str, Any]:
    return {"spec": {"containers": [{"name": "app", "image": "app", **container}]}}


def rules(*given: Any, policy: str = "Never") -> dict[str, Any]:
    return pod(restartPolicy=policy, restartPolicyRules=[*given])


def errors(manifest: dict[str, Any]) -> list[str]:
    try:
        parse_pod_template(manifest, path="")
    except SpecError as error:
        return [str(one).removeprefix("spec.containers[0].") for one in error.errors]
    return []


@pytest.mark.parametrize(
    "manifest",
    [
        *(pod(restartPolicy=policy) for policy in ("Always", "OnFailure", "Never")),
        *(rules(RESTART, policy=policy) for policy in ("Always", "OnFailure", "Never")),
        rules(RESTART, RESTART),
        rules({"action": "RestartAllContainers", "exitCodes": {"operator": "NotIn", "values": [0]}}),
        rules({"action": "Restart", "exitCodes": {"operator": "In", "values": []}}),
        rules({"action": "Restart", "exitCodes": {"operator": "NotIn", "values": [-1, 300]}}),
        pod(restartPolicyRules=[]),
    ],
)
def test_accepted(manifest: dict[str, Any]) -> None:
    assert errors(manifest) == []


@pytest.mark.parametrize(
    ("manifest", "expected"),
    [
        (
            pod(restartPolicyRules=[RESTART]),
            ["restartPolicy: Required value: must specify restartPolicy when restart rules are used"],
        ),
        (
            pod(restartPolicy="Sometimes"),
            ['restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "Never", "OnFailure"'],
        ),
        (rules({"action": "Restart"}), ["restartPolicyRules[0].exitCodes: Required value: must be specified"]),
        (
            rules(RESTART, RESTART | {"action": "DoNotRestart"}),
            [
                'restartPolicyRules[1].action: Unsupported value: "DoNotRestart": supported values: "Restart", '
                '"RestartAllContainers"'
            ],
        ),
        (
            rules({"exitCodes": {"values": [1]}}),
            [
                'restartPolicyRules[0].action: Unsupported value: "": supported values: "Restart", '
                '"RestartAllContainers"',
                'restartPolicyRules[0].exitCodes.operator: Unsupported value: "": supported values: "In", "NotIn"',
            ],
        ),
        (rules(*[RESTART] * 21), ["restartPolicyRules: Too many: 21: must have at most 20 items"]),
        (
            rules({"action": "Restart", "exitCodes": {"operator": "In", "values": [*range(256)]}}),
            ["restartPolicyRules[0].exitCodes.values: Too many: 256: must have at most 255 items"],
        ),
        (
            rules(RESTART | {"when": "now"}),
            ['unknown field "spec.containers[0].restartPolicyRules[0].when"'],
        ),
    ],
)
def test_refused(manifest: dict[str, Any], expected: list[str]) -> None:
    assert errors(manifest) == expected


def test_an_init_container_may_have_a_policy_and_rules_of_its_own() -> None:
    init = {"name": "init", "image": "app", "restartPolicy": "Never", "restartPolicyRules": [RESTART]}
    manifest = pod()
    manifest["spec"]["initContainers"] = [init]
    read = parse_pod_template(manifest, path="").init_containers[0]

    assert (read.restart_policy, read.restart_policy_rules) == ("Never", (RestartRule("Restart", "In", (42,)),))


def test_the_first_rule_that_matches_is_the_one() -> None:
    both = RestartRule("RestartAllContainers", "In", (1,)), RestartRule("Restart", "NotIn", (0,))
    assert [matching_action(both, code) for code in (0, 1, 2)] == ["", "RestartAllContainers", "Restart"]


def test_no_values_are_those_of_no_exit_code() -> None:
    assert not RestartRule("Restart", "In").matches(1)
    assert RestartRule("Restart", "NotIn").matches(1)

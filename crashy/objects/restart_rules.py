"""A container's own restart policy and its rules by exit code, which precede its pod's restartPolicy.

Source: kubernetes: pkg/apis/core/validation/validation.go validateContainerRestartPolicy, pkg/api/v1/pod/util.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from crashy.objects.fields import FieldError, required, too_many, unsupported

_ACTIONS = ("Restart", "RestartAllContainers")
_OPERATORS = ("In", "NotIn")
_POLICIES = ("Always", "Never", "OnFailure")
_MOST_RULES, _MOST_VALUES = 20, 255


@dataclass(frozen=True, slots=True)
class RestartRule:
    """What to do when a container exits with one of these codes (`In`), or with any other one (`NotIn`)."""

    action: str
    operator: str
    values: tuple[int, ...] = ()

    def matches(self, exit_code: int) -> bool:
        """Return whether the rule is about this exit code."""
        return (exit_code in self.values) == (self.operator == "In")


def matching_action(rules: Iterable[RestartRule], exit_code: int) -> str:
    """Return the action of the first rule that matches, `Restart` or `RestartAllContainers`; empty if none does.

    >>> rules = RestartRule("Restart", "In", (42,)), RestartRule("RestartAllContainers", "NotIn", (0, 1))
    >>> matching_action(rules, 42), matching_action(rules, 7), matching_action(rules, 1)
    ('Restart', 'RestartAllContainers', '')
    """
    return next((rule.action for rule in rules if rule.matches(exit_code)), "")


def read_rules(raw: Iterable[Mapping[str, Any]]) -> tuple[RestartRule, ...]:
    """Read a container's restartPolicyRules, which are valid."""
    return tuple(
        RestartRule(rule["action"], rule["exitCodes"]["operator"], tuple(rule["exitCodes"].get("values", ())))
        for rule in raw
    )


def validate_restart_policy(container: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    """Check the restartPolicy and restartPolicyRules of a container at `path`, an ordinary or an init one."""
    rules, policy = container.get("restartPolicyRules", ()), container.get("restartPolicy")
    if policy is None and rules:
        yield required(f"{path}.restartPolicy", "must specify restartPolicy when restart rules are used")
    elif policy is not None and policy not in _POLICIES:
        yield unsupported(f"{path}.restartPolicy", policy, _POLICIES)
    yield from too_many(f"{path}.restartPolicyRules", rules, _MOST_RULES)
    for i, rule in enumerate(rules):
        at = f"{path}.restartPolicyRules[{i}]"
        if rule.get("action") not in _ACTIONS:
            yield unsupported(f"{at}.action", rule.get("action", ""), _ACTIONS)
        codes = rule.get("exitCodes")
        if codes is None:
            yield required(f"{at}.exitCodes", "must be specified")
            continue
        if codes.get("operator") not in _OPERATORS:
            yield unsupported(f"{at}.exitCodes.operator", codes.get("operator", ""), _OPERATORS)
        yield from too_many(f"{at}.exitCodes.values", codes.get("values", ()), _MOST_VALUES)

"""A Job's podFailurePolicy and successPolicy, by the API server's rules and in its texts.

Source: kubernetes: pkg/apis/batch/validation/validation.go.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from crashy.objects.fields import FieldError, duplicate, invalid, required, too_many, unsupported
from crashy.objects.reading import at_least

_ACTIONS = ("Count", "FailIndex", "FailJob", "Ignore")
_OPERATORS = ("In", "NotIn")
_STATUSES = ("False", "True", "Unknown")
_MOST_RULES = 20


@dataclass(frozen=True, slots=True)
class FailureRule:
    """What a failed pod means: by the exit code of a container (`container` empty: of any), or by a condition.

    `operator` is In or NotIn `codes`, or empty where `conditions` (type and status) are looked at.
    """

    action: str
    container: str = ""
    operator: str = ""
    codes: tuple[int, ...] = ()
    conditions: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class SuccessRule:
    """Which indexes have to succeed (all of those, where `count` is None, or so many of them or of any)."""

    indexes: frozenset[int] | None = None
    count: int | None = None


def failure_rules(spec: Mapping[str, Any]) -> tuple[FailureRule, ...]:
    """Return the rules of a valid podFailurePolicy."""

    def rule(raw: Mapping[str, Any]) -> FailureRule:
        codes = raw.get("onExitCodes") or {}
        conditions = tuple((c["type"], c.get("status", "True")) for c in raw.get("onPodConditions", ()))
        name, operator = codes.get("containerName", ""), codes.get("operator", "")
        return FailureRule(raw["action"], name, operator, tuple(codes.get("values", ())), conditions)

    return tuple(map(rule, spec.get("podFailurePolicy", {}).get("rules", ())))


def success_rules(spec: Mapping[str, Any]) -> tuple[SuccessRule, ...]:
    """Return the rules of a valid successPolicy."""

    def rule(raw: Mapping[str, Any]) -> SuccessRule:
        indexes = raw.get("succeededIndexes")
        chosen = None if indexes is None else frozenset(parse_indexes(indexes, spec.get("completions", 1)))
        return SuccessRule(chosen, raw.get("succeededCount"))

    return tuple(map(rule, spec.get("successPolicy", {}).get("rules", ())))


def policy_rules(spec: Mapping[str, Any], path: str, containers: Collection[str]) -> Iterator[FieldError]:
    """Check both policies; `containers` are the names of the template's."""
    if "podFailurePolicy" in spec:
        at = f"{path}.podFailurePolicy.rules"
        rules = spec["podFailurePolicy"].get("rules", ())
        yield from too_many(at, rules, _MOST_RULES)
        for i, rule in enumerate(rules):
            yield from _failure_rule(spec, rule, f"{at}[{i}]", containers)
    if "successPolicy" in spec and spec.get("completionMode") == "Indexed":
        at = f"{path}.successPolicy.rules"
        rules = spec["successPolicy"].get("rules", ())
        if not rules:
            yield required(at, "at least one rules must be specified when the successPolicy is specified")
        yield from too_many(at, rules, _MOST_RULES)
        for i, rule in enumerate(rules):
            yield from _success_rule(rule, f"{at}[{i}]", spec.get("completions", 0))


def _failure_rule(
    spec: Mapping[str, Any], rule: Mapping[str, Any], path: str, containers: Collection[str]
) -> Iterator[FieldError]:
    action = rule.get("action")
    if action == "FailIndex" and "backoffLimitPerIndex" not in spec:
        yield invalid(f"{path}.action", action, "requires the backoffLimitPerIndex to be set")
    yield from _choice(f"{path}.action", action, _ACTIONS)
    codes, conditions = rule.get("onExitCodes"), rule.get("onPodConditions")
    if codes is not None:
        yield from _exit_codes(codes, f"{path}.onExitCodes", containers)
    for i, condition in enumerate(conditions or ()):
        at = f"{path}.onPodConditions[{i}]"
        if not condition.get("type"):
            yield required(f"{at}.type", "name part must be non-empty")
        yield from _choice(f"{at}.status", condition.get("status", "True"), _STATUSES)
    if codes is not None and conditions:
        text = "specifying both OnExitCodes and OnPodConditions is not supported"
        yield FieldError(path, "Invalid value", text)
    if codes is None and not conditions:
        yield FieldError(path, "Invalid value", "specifying one of OnExitCodes and OnPodConditions is required")


def _exit_codes(codes: Mapping[str, Any], path: str, containers: Collection[str]) -> Iterator[FieldError]:
    yield from _choice(f"{path}.operator", codes.get("operator"), _OPERATORS)
    if (name := codes.get("containerName")) is not None and name not in containers:
        text = "must be one of the container or initContainer names in the pod template"
        yield invalid(f"{path}.containerName", name, text)
    values = codes.get("values", [])
    if not values:
        yield invalid(f"{path}.values", values, "at least one value is required")
    yield from too_many(f"{path}.values", values, 255)
    for i, value in enumerate(values):
        if value == 0 and codes.get("operator") == "In":
            yield invalid(f"{path}.values[{i}]", value, "must not be 0 for the In operator")
        if value in values[:i]:
            yield duplicate(f"{path}.values[{i}]", value)
    if values != sorted(values):
        yield invalid(f"{path}.values", values, "must be ordered")


def _success_rule(rule: Mapping[str, Any], path: str, completions: int) -> Iterator[FieldError]:
    indexes, count = rule.get("succeededIndexes"), rule.get("succeededCount")
    if indexes is None and count is None:
        yield required(path, "at least one of succeededCount or succeededIndexes must be specified")
    total = None
    if indexes is not None:
        try:
            total = len(parse_indexes(indexes, completions))
        except ValueError as error:
            yield invalid(f"{path}.succeededIndexes", indexes, f"error parsing succeededIndexes: {error}")
    if count is None:
        return
    at = f"{path}.succeededCount"
    yield from at_least(at, count, 0)
    if count > completions:
        yield invalid(at, count, f"must be less than or equal to {completions} (the number of specified completions)")
    if total is not None and count > total:
        text = f"must be less than or equal to {total} (the number of indexes in the specified succeededIndexes field)"
        yield invalid(at, count, text)


def parse_indexes(text: str, completions: int) -> list[int]:
    """Return the indexes of `1,3-5,7`; raises ValueError in the API server's words."""
    found: list[int] = []
    for interval in text.split(",") if text else ():
        limits = interval.split("-")
        if len(limits) > 2:
            text = "violates the requirement that an index interval can have at most two parts separated by '-'"
            raise ValueError(f'the fragment "{interval}" {text}')
        numbers = []
        for limit in limits:
            if not (limit.isascii() and limit.isdigit()):
                raise ValueError(f'cannot convert string to integer for index: "{limit}"')
            if int(limit) >= completions:
                raise ValueError(f'too large index: "{limit}"')
            numbers.append(int(limit))
        if found and numbers[0] <= found[-1]:
            raise ValueError(f"non-increasing order, previous: {found[-1]}, current: {numbers[0]}")
        if len(numbers) > 1 and numbers[0] >= numbers[1]:
            raise ValueError(f"non-increasing order, previous: {numbers[0]}, current: {numbers[1]}")
        found += range(numbers[0], numbers[-1] + 1)
    return found


def _choice(path: str, value: Any, allowed: tuple[str, ...]) -> Iterator[FieldError]:
    if not value:
        quoted = " ".join(f'"{one}"' for one in allowed)
        yield required(path, f"valid values: [{quoted}]")
    elif value not in allowed:
        yield unsupported(path, value, allowed)

"""Label selectors: `matchLabels` and `matchExpressions`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from crashy.objects.fields import FieldError, forbidden, invalid, required, unsupported
from crashy.objects.pod import PodTemplate
from crashy.objects.reading import label_rules


@dataclass(frozen=True, slots=True)
class Requirement:
    """One of a selector's `matchExpressions`; `operator` is In, NotIn, Exists or DoesNotExist."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Return whether `labels` match it; NotIn also matches labels without the key."""
        match self.operator:
            case "In":
                return self.key in labels and labels[self.key] in self.values
            case "NotIn":
                return labels.get(self.key) not in self.values
            case "Exists":
                return self.key in labels
            case _:
                return self.key not in labels


@dataclass(frozen=True, slots=True)
class LabelSelector:
    """A Deployment's selector: labels and requirements, all of which must match."""

    match_labels: Mapping[str, str] = field(default_factory=dict)
    match_expressions: tuple[Requirement, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Return whether `labels` are selected."""
        return self.match_labels.items() <= labels.items() and all(r.matches(labels) for r in self.match_expressions)


_OPERATORS = ("DoesNotExist", "Exists", "In", "NotIn")


def selector_of(raw: dict[str, Any]) -> LabelSelector:
    """Return the selector of a decoded `spec.selector`."""
    expressions = raw.get("matchExpressions", ())
    requirements = (
        Requirement(e.get("key", ""), e.get("operator", ""), tuple(e.get("values", ()))) for e in expressions
    )
    return LabelSelector(raw.get("matchLabels", {}), tuple(requirements))


def selector_rules(raw: dict[str, Any] | None, kind: str = "deployment") -> Iterator[FieldError]:
    """Check a decoded `spec.selector` of what makes pods; None where there is none."""
    if raw is None:
        yield required("spec.selector")
        return
    if not raw.get("matchLabels") and not raw.get("matchExpressions"):
        yield invalid("spec.selector", raw, f"empty selector is invalid for {kind}")
    yield from requirement_rules(raw)


def template_rules(selector: LabelSelector, template: PodTemplate) -> Iterator[FieldError]:
    """Check that a workload selects the pods that it makes."""
    if not selector.matches(template.labels):
        text = "`selector` does not match template `labels`"
        yield invalid("spec.template.metadata.labels", dict(template.labels), text)


def requirement_rules(raw: dict[str, Any]) -> Iterator[FieldError]:
    """Check the labels and expressions of a decoded `spec.selector`, which may be empty."""
    selector = selector_of(raw)
    yield from label_rules("spec.selector.matchLabels", dict(selector.match_labels))
    for index, requirement in enumerate(selector.match_expressions):
        path = f"spec.selector.matchExpressions[{index}]"
        yield from label_rules(f"{path}.key", {requirement.key: ""})
        if requirement.operator not in _OPERATORS:
            yield unsupported(f"{path}.operator", requirement.operator, _OPERATORS)
        elif requirement.operator in ("In", "NotIn") and not requirement.values:
            yield required(f"{path}.values", "must be specified when `operator` is 'In' or 'NotIn'")
        elif requirement.operator in ("Exists", "DoesNotExist") and requirement.values:
            yield forbidden(f"{path}.values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")

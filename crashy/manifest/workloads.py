"""Deployments and bare Pods, by the API server's rules and in its texts.

Source: kubernetes: pkg/apis/apps/validation/validation.go, staging/.../metav1/validation/validation.go.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from crashy.kubelet.fields import FieldError, SpecError, forbidden, invalid, required, unsupported
from crashy.kubelet.names import is_dns_subdomain
from crashy.kubelet.spec import PodTemplate, parse_pod_template
from crashy.manifest.model import BarePod, Deployment, LabelSelector, Requirement, Strategy
from crashy.manifest.reading import Reading, at_least, label_rules, name_rules

_OPERATORS = ("DoesNotExist", "Exists", "In", "NotIn")
_TEMPLATE = "spec.template"


def read_deployment(reading: Reading) -> Deployment | None:
    """Give the Deployment, or None when something is wrong with it."""
    spec = reading.spec
    reading.check(name_rules(reading, is_dns_subdomain))
    replicas, ready = spec.get("replicas", 1), spec.get("minReadySeconds", 0)
    deadline, history = spec.get("progressDeadlineSeconds", 600), spec.get("revisionHistoryLimit", 10)
    selector = _selector(spec.get("selector", {}))
    reading.check(at_least("spec.replicas", replicas, 0))
    reading.check(_selector_rules(spec.get("selector")))
    reading.check(_strategy_rules(spec.get("strategy", {})))
    reading.check(at_least("spec.minReadySeconds", ready, 0))
    reading.check(at_least("spec.revisionHistoryLimit", history, 0))
    reading.check(at_least("spec.progressDeadlineSeconds", deadline, 0))
    if 0 <= deadline <= ready:
        reading.check([invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds")])
    template = _template(reading, spec.get("template", {}))
    if template is None or reading.errors:
        return None
    reading.check(_template_rules(selector, template))
    rolling = spec.get("strategy", {}).get("rollingUpdate", {})
    return Deployment(
        name=reading.name,
        namespace=reading.namespace,
        labels=reading.labels,
        replicas=replicas,
        selector=selector,
        template=template,
        strategy=Strategy(
            spec.get("strategy", {}).get("type") or "RollingUpdate",
            rolling.get("maxSurge", "25%"),
            rolling.get("maxUnavailable", "25%"),
        ),
        min_ready_seconds=ready,
        progress_deadline_seconds=deadline,
        source=reading.document.source,
        replicas_given="replicas" in spec,
        revision_history_limit=history,
    )


def read_pod(reading: Reading) -> BarePod | None:
    """Give the Pod, or None when something is wrong with it. Its labels are checked with the rest of it."""
    reading.check(error for error in name_rules(reading, is_dns_subdomain) if error.path != "metadata.labels")
    template = _template(reading, reading.document.object, path="")
    if template is None or reading.errors:
        return None
    return BarePod(reading.name, reading.namespace, template, reading.document.source)


def _template(reading: Reading, manifest: Any, path: str = _TEMPLATE) -> PodTemplate | None:
    if not isinstance(manifest, dict):
        reading.check([invalid(path, manifest, "must be an object")])
        return None
    try:
        return parse_pod_template(manifest, path)
    except SpecError as error:
        reading.check(error.errors)
        return None


def _template_rules(selector: LabelSelector, template: PodTemplate) -> Iterator[FieldError]:
    if not selector.matches(template.labels):
        text = "`selector` does not match template `labels`"
        yield invalid(f"{_TEMPLATE}.metadata.labels", dict(template.labels), text)


def _selector(raw: dict[str, Any]) -> LabelSelector:
    expressions = raw.get("matchExpressions", ())
    requirements = (
        Requirement(e.get("key", ""), e.get("operator", ""), tuple(e.get("values", ()))) for e in expressions
    )
    return LabelSelector(raw.get("matchLabels", {}), tuple(requirements))


def _selector_rules(raw: dict[str, Any] | None) -> Iterator[FieldError]:
    if raw is None:
        yield required("spec.selector")
        return
    selector = _selector(raw)
    if not selector.match_labels and not selector.match_expressions:
        yield invalid("spec.selector", raw, "empty selector is invalid for deployment")
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


def _strategy_rules(raw: dict[str, Any]) -> Iterator[FieldError]:
    path = "spec.strategy"
    kind = raw.get("type") or "RollingUpdate"
    if kind not in ("Recreate", "RollingUpdate"):
        yield unsupported(f"{path}.type", kind, ("Recreate", "RollingUpdate"))
    rolling = raw.get("rollingUpdate")
    if rolling is None:
        return
    if kind == "Recreate":
        yield forbidden(f"{path}.rollingUpdate", "may not be specified when strategy `type` is 'Recreate'")
        return
    surge, unavailable = rolling.get("maxSurge", "25%"), rolling.get("maxUnavailable", "25%")
    yield from _share_rules(f"{path}.rollingUpdate.maxSurge", surge)
    yield from _share_rules(f"{path}.rollingUpdate.maxUnavailable", unavailable)
    if isinstance(unavailable, str) and unavailable.endswith("%") and _percent(unavailable) > 100:
        yield invalid(f"{path}.rollingUpdate.maxUnavailable", unavailable, "must not be greater than 100%")
    if _is_nothing(surge) and _is_nothing(unavailable):
        yield invalid(f"{path}.rollingUpdate.maxUnavailable", unavailable, "may not be 0 when `maxSurge` is 0")


def _share_rules(path: str, value: int | str) -> Iterator[FieldError]:
    if isinstance(value, int):
        yield from at_least(path, value, 0)
    elif not re.fullmatch("[0-9]{1,9}%", value):
        text = "a valid percent string must be a numeric string followed by an ending '%'"
        yield invalid(path, value, f"{text} (e.g. '1%', or '93%', regex used for validation is '[0-9]+%')")


def _percent(value: str) -> int:
    return int(value[:-1]) if re.fullmatch("[0-9]{1,9}%", value) else 0


def _is_nothing(value: int | str) -> bool:
    return value == 0 or (isinstance(value, str) and re.fullmatch("0+%", value) is not None)

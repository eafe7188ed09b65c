"""DaemonSets, by the API server's rules and in its texts.

Source: kubernetes: pkg/apis/apps/validation/validation.go ValidateDaemonSetSpec, ValidateRollingUpdateDaemonSet.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from crashy.objects.fields import FieldError, invalid, required, unsupported
from crashy.objects.names import is_dns_subdomain
from crashy.objects.reading import Reader, Reading, at_least, name_rules, read_template
from crashy.objects.schema import LABEL_SELECTOR, OBJECT, Type
from crashy.objects.selector import selector_of, selector_rules, template_rules
from crashy.objects.shares import ceiling_rules, is_nothing, share_rules
from crashy.objects.workload import Workload

_DAEMON_SET: Type = {
    **OBJECT,
    "spec": {
        "selector": LABEL_SELECTOR,
        "template": "any",
        "updateStrategy": {"type": "string", "rollingUpdate": {"maxSurge": "port", "maxUnavailable": "port"}},
        "minReadySeconds": "int32",
        "revisionHistoryLimit": "int32",
        "templateGeneration": "int64",
    },
}
_STRATEGIES = ("OnDelete", "RollingUpdate")


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonSet(Workload):
    """A pod on each node, of which there is one; `max_surge` and `max_unavailable` are pods or a share as written."""

    kind: ClassVar[str] = "DaemonSet"
    on_delete: bool = False
    max_surge: int | str = 0
    max_unavailable: int | str = 1
    min_ready_seconds: int = 0

    @property
    def surges(self) -> bool:
        """Return whether a new pod comes before the old one goes: any share of one node is that node."""
        return not self.on_delete and not is_nothing(self.max_surge)


def read_daemon_set(reading: Reading) -> DaemonSet | None:
    """Return the DaemonSet, or None when something is wrong with it."""
    spec = reading.spec
    selector, strategy = selector_of(spec.get("selector", {})), spec.get("updateStrategy", {})
    rolling = strategy.get("rollingUpdate", {})
    surge, unavailable = rolling.get("maxSurge", 0), rolling.get("maxUnavailable", 1)
    reading.check(name_rules(reading, is_dns_subdomain))
    reading.check(selector_rules(spec.get("selector"), "daemonset"))
    reading.check(at_least("spec.minReadySeconds", spec.get("minReadySeconds", 0), 0))
    reading.check(_strategy_rules(strategy, surge, unavailable))
    reading.check(at_least("spec.revisionHistoryLimit", spec.get("revisionHistoryLimit", 10), 0))
    template = read_template(reading, spec.get("template", {}))
    if template is None or reading.errors:
        return None
    reading.check(template_rules(selector, template))
    return DaemonSet(
        name=reading.name,
        namespace=reading.namespace,
        selector=selector,
        template=template,
        on_delete=strategy.get("type") == "OnDelete",
        max_surge=surge,
        max_unavailable=unavailable,
        min_ready_seconds=spec.get("minReadySeconds", 0),
        source=reading.document.source,
    )


def _strategy_rules(raw: dict[str, Any], surge: int | str, unavailable: int | str) -> Iterator[FieldError]:
    kind, path = raw.get("type") or "RollingUpdate", "spec.updateStrategy.rollingUpdate"
    if kind not in _STRATEGIES:
        yield unsupported("spec.updateStrategy.type", kind, _STRATEGIES)
    if kind != "RollingUpdate":
        return
    for field, value in (("maxUnavailable", unavailable), ("maxSurge", surge)):
        yield from share_rules(f"{path}.{field}", value)
        yield from ceiling_rules(f"{path}.{field}", value)
    if not is_nothing(unavailable) and not is_nothing(surge):
        yield invalid(f"{path}.maxSurge", surge, "may not be set when maxUnavailable is non-zero")
    elif is_nothing(unavailable) and is_nothing(surge):
        yield required(f"{path}.maxUnavailable", "cannot be 0 when maxSurge is 0")


DAEMON_SET = Reader(_DAEMON_SET, read_daemon_set)

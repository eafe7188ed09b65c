"""The PodDisruptionBudgets' controllers: what each allows at this moment.

kubernetes: pkg/controller/disruption/disruption.go
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from crashy.controllers.apply import Verb
from crashy.controllers.base import PodView, Views
from crashy.controllers.eviction import BudgetStatus, budget_status, check_eviction, counts_scale
from crashy.kubelet.runtime import Pod
from crashy.objects.kinds import KINDS
from crashy.objects.poddisruptionbudget import PodDisruptionBudget
from crashy.objects.selector import LabelSelector
from crashy.objects.workload import Workload
from crashy.timeline import kinds
from crashy.timeline.kinds import Emit

_SOURCE = "controllermanager"
_UNMANAGED = (
    "Pods selected by this PodDisruptionBudget (selector: {}) were found to be unmanaged. As a result, the status of "
    "the PDB cannot be calculated correctly, which may result in undefined behavior. To account for these pods please "
    'set ".spec.minAvailable" field of the PDB to an integer value.'
)


class BudgetController:
    """Counts the pods that a budget selects; `owner` returns the workload that a pod belongs to."""

    def __init__(self, budget: PodDisruptionBudget, emit: Emit, owner: Callable[[Pod], Workload | None]) -> None:
        self.budget = budget
        self.created_at = asyncio.get_running_loop().time()
        self._emit = emit
        self._owner = owner
        self._pods = Views()
        self._changed = True
        self._reason = ""

    def apply(self, budget: PodDisruptionBudget, pods: list[PodView]) -> None:
        """Replace the budget, and select among all existing pods again."""
        self.budget = budget
        self._pods.clear()
        self._changed = True
        for view in pods:
            self.put(view)
        self.sync()

    def selects(self, pod: Pod) -> bool:
        """Return whether it selects a pod."""
        selector = self.budget.selector
        return selector is not None and pod.namespace == self.budget.namespace and selector.matches(pod.template.labels)

    def put(self, view: PodView) -> None:
        """Record a pod that was created or has changed."""
        if self.selects(view.pod):
            self._pods.put(view)
            self._changed = True
        else:
            self.drop(view.pod.uid)

    def drop(self, uid: str) -> None:
        """Remove a pod that is gone."""
        if uid in self._pods:
            self._pods.drop(uid)
            self._changed = True

    def current(self) -> BudgetStatus:
        """Return its status at this moment."""
        healthy = sum(view.status.ready and not view.status.deleting for view in self._pods.values())
        scale, failure = self._scale() if counts_scale(self.budget) else (0, "")
        return budget_status(self.budget, pods=len(self._pods), healthy=healthy, scale=scale, failure=failure)

    def _scale(self) -> tuple[int, str]:
        """Return how many replicas the pods' owners want, and why that is unknown, if it is."""
        owners = {owner.key: owner for owner in self._owners() if owner}
        for one in owners.values():
            kind = KINDS[one.kind]
            if not kind.scalable:
                group, _, version = kind.version.rpartition("/")
                resource = f"{group}/{version}, Resource={kind.plural}"
                return 0, f"{resource} does not implement the scale subresource"
        return sum(one.replicas for one in owners.values()), ""

    def _owners(self) -> Iterator[Workload | None]:
        return (self._owner(view.pod) for view in self._pods.values())

    def sync(self) -> None:
        """Report its condition and its errors, if its pods have changed."""
        if not self._changed:
            return
        self._changed = False
        now = self.current()
        if not self._pods:
            self._event("Normal", "NoPods", "No matching pods found")
        elif now.failure:
            text = f"Failed to calculate the number of expected pods: {now.failure}"
            self._event("Warning", "CalculateExpectedPodCountFailed", text)
        elif counts_scale(self.budget) and None in self._owners():
            self._event("Warning", "UnmanagedPods", _UNMANAGED.format(_written(self.budget.selector)))
        if now.reason != self._reason:
            self._reason = now.reason
            data: kinds.Condition = {
                "type": "Normal",
                "condition": "DisruptionAllowed",
                "status": str(bool(now.allowed)),
                "namespace": self.budget.namespace,
            }
            kinds.CONDITION.add(self._emit, _SOURCE, self._object, now.reason, now.failure, data=data)

    def status(self) -> dict[str, Any]:
        """Return its status in the API's fields."""
        now = self.current()
        return {
            "disruptionsAllowed": now.allowed,
            "currentHealthy": now.healthy,
            "desiredHealthy": now.desired,
            "expectedPods": now.expected,
        }

    @property
    def _object(self) -> str:
        return f"poddisruptionbudget/{self.budget.name}"

    def _event(self, kind: str, reason: str, message: str) -> None:
        data: kinds.KubernetesEvent = {"type": kind, "namespace": self.budget.namespace}
        kinds.EVENT.add(self._emit, _SOURCE, self._object, reason, message, data=data)


class BudgetControllers:
    """All budgets' controllers, by their names."""

    def __init__(self, emit: Emit, owner: Callable[[Pod], Workload | None]) -> None:
        self._emit = emit
        self._owner = owner
        self._all: dict[tuple[str, str], BudgetController] = {}  # by namespace and name

    def __iter__(self) -> Iterator[BudgetController]:
        """Iterate over them in the order of their creation."""
        return iter(self._all.values())

    def apply(self, budget: PodDisruptionBudget, pods: list[PodView]) -> Verb:
        """Create or replace a budget, and return which; `pods` are all existing pods."""
        key = (budget.namespace, budget.name)
        known = self._all.get(key)
        if known and replace(budget, source=known.budget.source) == known.budget:
            return "unchanged"
        made = self._all[key] = known or BudgetController(budget, self._emit, self._owner)
        made.apply(budget, pods)
        return "configured" if known else "created"

    def check_eviction(self, view: PodView) -> None:
        """Raise EvictionRefusedError where the budgets do not allow to evict a pod."""
        selecting = [one for one in self if one.selects(view.pod)]
        check_eviction(view.status, [(one.budget, one.current()) for one in selecting])

    def put(self, view: PodView) -> None:
        """Record a pod that was created or has changed."""
        for one in self:
            one.put(view)

    def drop(self, uid: str) -> None:
        """Remove a pod that is gone."""
        for one in self:
            one.drop(uid)

    def sync(self) -> None:
        """Sync those whose pods have changed."""
        for one in self:
            one.sync()


def _written(selector: LabelSelector | None) -> str:
    """Write a selector as Go does (apimachinery: pkg/apis/meta/v1/generated.pb.go String)."""
    if selector is None:
        return "nil"
    labels = "".join(f"{key}: {value}," for key, value in sorted(selector.match_labels.items()))
    requirements = "".join(
        f"LabelSelectorRequirement{{Key:{r.key},Operator:{r.operator},Values:[{' '.join(r.values)}],}},"
        for r in selector.match_expressions
    )
    return (
        f"&LabelSelector{{MatchLabels:map[string]string{{{labels}}},"
        f"MatchExpressions:[]LabelSelectorRequirement{{{requirements}}},}}"
    )

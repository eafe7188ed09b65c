"""How many pods a budget allows to evict, and whether a pod may be. Pure.

Sources: kubernetes: pkg/controller/disruption/disruption.go getExpectedPodCount, countHealthyPods, updatePdbStatus;
pkg/registry/core/pod/storage/eviction.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from crashy.objects.poddisruptionbudget import PodDisruptionBudget
from crashy.objects.shares import pods_of
from crashy.objects.status import PodStatus

TOO_MANY_REQUESTS = 429
_INTERNAL_ERROR = 500


class EvictionRefusedError(Exception):
    """The API server does not evict a pod: its status code, its message, and the budget's own reason, if any."""

    def __init__(self, code: int, message: str, cause: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.cause = cause

    @property
    def retriable(self) -> bool:
        """Return whether to try again later may help."""
        return self.code == TOO_MANY_REQUESTS

    def text(self) -> str:
        """Return all of it on one line."""
        return f"{self.code}: {self}" + (f" {self.cause}" if self.cause else "")


@dataclass(frozen=True, slots=True)
class BudgetStatus:
    """A budget's status: pods that are healthy, that have to be, that there should be; `failure` why it is unknown."""

    healthy: int = 0
    desired: int = 0
    expected: int = 0
    failure: str = ""

    @property
    def allowed(self) -> int:
        """Return how many pods may be evicted now."""
        spare = self.healthy - self.desired
        return spare if self.expected > 0 and spare > 0 and not self.failure else 0

    @property
    def reason(self) -> str:
        """Return the reason of its condition DisruptionAllowed."""
        if self.failure:
            return "SyncFailed"
        return "SufficientPods" if self.allowed else "InsufficientPods"


def counts_scale(budget: PodDisruptionBudget) -> bool:
    """Return whether a budget counts the replicas that the pods' owners want, and not the pods that are there."""
    return budget.max_unavailable is not None or isinstance(budget.min_available, str)


def budget_status(
    budget: PodDisruptionBudget, *, pods: int, healthy: int, scale: int, failure: str = ""
) -> BudgetStatus:
    """Return a budget's status from the pods that it selects, and the replicas that their owners want (`scale`)."""
    if failure:
        return BudgetStatus(failure=failure)
    expected = scale if counts_scale(budget) else pods
    if budget.max_unavailable is not None:
        desired = max(0, expected - ceil(pods_of(budget.max_unavailable, expected)))
    elif budget.min_available is not None:
        desired = ceil(pods_of(budget.min_available, expected))
    else:
        desired = expected = 0
    return BudgetStatus(healthy, desired, expected)


def check_eviction(status: PodStatus, budgets: Sequence[tuple[PodDisruptionBudget, BudgetStatus]]) -> None:
    """Raise EvictionRefusedError if a pod may not be evicted; `budgets` are those that select it."""
    if status.deleting or status.phase in {"Pending", "Succeeded", "Failed"} or not budgets:
        return
    if len(budgets) > 1:
        text = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
        raise EvictionRefusedError(_INTERNAL_ERROR, text)
    ((budget, now),) = budgets
    if not status.ready and (budget.always_allow or (now.healthy >= now.desired > 0)):
        return
    if not now.allowed:
        text = "Cannot evict pod as it would violate the pod's disruption budget."
        raise EvictionRefusedError(TOO_MANY_REQUESTS, text, _cause(budget.name, now))


def _cause(name: str, now: BudgetStatus) -> str:
    if now.failure:
        return (
            f"The disruption budget {name} does not allow evicting pods currently because it failed sync: {now.failure}"
        )
    if now.healthy <= now.desired:
        return f"The disruption budget {name} needs {now.desired} healthy pods and has {now.healthy} currently"
    return f"The disruption budget {name} does not allow evicting pods currently"

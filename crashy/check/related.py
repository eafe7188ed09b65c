"""Findings in objects that belong together: Services without pods, and budgets that allow no eviction."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from crashy.check.model import Finding, Hit, Severity, Trap, finding_in
from crashy.check.targets import Found, Workload, latest, places
from crashy.controllers.eviction import budget_status
from crashy.objects.document import Document
from crashy.objects.horizontalpodautoscaler import HorizontalPodAutoscaler, least_replicas
from crashy.objects.kinds import KINDS
from crashy.objects.manifests import Object
from crashy.objects.poddisruptionbudget import PodDisruptionBudget
from crashy.objects.service import Service

SELECTS_NOTHING = Trap(
    "service-selects-nothing", Severity.WARNING, "A Service selects no pods",
    "It has no endpoints: connections to it are refused, however well the pods do that it is meant for. No probe and "
    "no event says so.",
    "A selector whose labels all stand in the pod template's metadata.labels, in the same namespace.",
)  # fmt: skip
NO_EVICTION = Trap(
    "budget-allows-nothing", Severity.WARNING, "A PodDisruptionBudget allows no eviction",
    "With all pods healthy none may be evicted: a drain of their node never ends, nor does an upgrade of the cluster.",
    "maxUnavailable: 1, with two replicas or more; or no budget, if one replica is enough.",
)  # fmt: skip
TRAPS = (SELECTS_NOTHING, NO_EVICTION)

# Labels that controllers put on their pods, beside those of the template.
_BY_CONTROLLERS = frozenset(
    {
        *("apps.kubernetes.io/pod-index", "statefulset.kubernetes.io/pod-name", "pod-template-hash"),
        *("batch.kubernetes.io/job-completion-index", "batch.kubernetes.io/job-name", "job-name"),
        *("batch.kubernetes.io/controller-uid", "controller-revision-hash", "controller-uid"),
    }
)  # fmt: skip


def related_findings(found: Sequence[tuple[Document, Object | Workload]], others: Collection[str]) -> Iterator[Finding]:
    """Find Services and budgets among objects that are applied together.

    `others` are the files with objects of unknown kinds: an operator may make pods for the Services there.
    """
    objects = latest(found)
    workloads = [one for _, one in objects if isinstance(one, Workload)]
    near: dict[str, list[Workload]] = {}
    labelled: dict[tuple[str, str], list[Workload]] = {}
    for workload in workloads:
        for place in places(workload.document.file):
            near.setdefault(place, []).append(workload)
        for label in workload.template.labels.items():
            labelled.setdefault(label, []).append(workload)
    autoscalers = [one for _, one in objects if isinstance(one, HorizontalPodAutoscaler)]
    for document, one in objects:
        if isinstance(one, Service) and one.selector and document.file not in others:
            yield from _service(document, one, near, labelled)
        elif isinstance(one, PodDisruptionBudget) and document.file not in others:
            yield from _budget(document, one, near, autoscalers)


def _service(
    document: Document,
    service: Service,
    near: Mapping[str, list[Workload]],
    labelled: Mapping[tuple[str, str], list[Workload]],
) -> Iterator[Finding]:
    selector = {key: value for key, value in service.selector.items() if key not in _BY_CONTROLLERS}
    if not selector:
        return

    def fits(one: Workload) -> bool:
        return selector.items() <= one.template.labels.items()

    fewest = min((labelled.get(label, []) for label in selector.items()), key=len)
    if any(one.namespace == service.namespace and fits(one) for one in fewest):
        return
    file, folder = [*places(document.file)][:2]
    beside = near.get(file) or near.get(folder) or []
    if not beside:  # its pods may well be made by what is not here
        return
    written = ", ".join(f"{key}={value}" for key, value in service.selector.items())
    if elsewhere := next(filter(fits, beside), None):
        text = f"{elsewhere.kind}/{elsewhere.name} is in namespace {elsewhere.namespace}, it is in {service.namespace}"
    else:
        text = f"no pod has the labels {written}{_closest(selector, beside)}"
    yield finding_in(document, SELECTS_NOTHING, Hit("spec.selector", text))


def _closest(selector: Mapping[str, str], workloads: Iterable[Workload]) -> str:
    """Return the labels of the pods that match most of the selector."""

    def shared(one: Workload) -> tuple[int, int]:
        labels = one.template.labels
        return len(selector.items() & labels.items()), len(selector.keys() & labels.keys())

    one = max(workloads, key=shared)
    has = ", ".join(f"{key}={one.template.labels[key]}" for key in selector if key in one.template.labels)
    return f"; those of {one.kind}/{one.name} have {has}" if has else ""


def _budget(
    document: Document,
    budget: PodDisruptionBudget,
    near: Mapping[str, list[Workload]],
    autoscalers: Sequence[HorizontalPodAutoscaler],
) -> Iterator[Finding]:
    selector = budget.selector
    if selector is None or (budget.min_available is None and budget.max_unavailable is None):
        return
    for place in places(document.file):
        mine = [
            one
            for one in near.get(place, ())
            if one.namespace == budget.namespace and selector.matches(one.template.labels) and not KINDS[one.kind].ends
        ]
        if mine:
            break
    else:
        return
    if any(one.replicas is None for one in mine):
        return
    keys = [((one.kind, one.namespace, one.name), one.replicas or 0) for one in mine]
    replicas = sum(least_replicas(key, count, autoscalers) for key, count in keys)
    now = budget_status(budget, pods=replicas, healthy=replicas, scale=replicas)
    if replicas and not now.allowed:
        field = "maxUnavailable" if budget.max_unavailable is not None else "minAvailable"
        given = budget.max_unavailable if budget.max_unavailable is not None else budget.min_available
        names = ", ".join(f"{one.kind}/{one.name}" for one in mine)
        text = f"{field} {given} of {replicas} pod{'' if replicas == 1 else 's'} ({names}) lets none be evicted"
        yield finding_in(document, NO_EVICTION, Hit(f"spec.{field}", text))


def files_with_others(found: Found, documents: Iterable[Document]) -> set[str]:
    """Return the files that hold objects of a kind that is not known, if any were found there."""
    return {document.file for document in documents if str(document.object.get("kind")) in found.skipped}

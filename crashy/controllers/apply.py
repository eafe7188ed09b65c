"""Applying manifests again: which changes are allowed, and what happens to each object."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Literal, TypeVar

from crashy.kubelet import admission
from crashy.kubelet.versions import NEWEST, Profile
from crashy.objects.defaults import complete_pod
from crashy.objects.fields import FieldError, forbidden, invalid
from crashy.objects.job import Job
from crashy.objects.kinds import KINDS
from crashy.objects.pod import PodTemplate
from crashy.objects.resources import RESIZABLE, requirements, resize_errors
from crashy.objects.selector import LabelSelector
from crashy.objects.service import Service
from crashy.objects.statefulset import StatefulSet
from crashy.objects.workload import Workload

Verb = Literal["created", "configured", "unchanged"]

_T = TypeVar("_T", Workload, Service)
_CHANGEABLE = (  # kubernetes: pkg/apis/core/validation/validation.go updatablePodSpecFieldsNoResources
    "`spec.containers[*].image`",
    "`spec.initContainers[*].image`",
    "`spec.activeDeadlineSeconds`",
    "`spec.tolerations` (only additions to existing tolerations)",
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
)


def same(one: _T, other: _T) -> bool:
    """Return whether two manifests describe the same object, wherever they were written."""
    templates = [completed(o.template) if isinstance(o, Workload) else None for o in (one, other)]
    return replace(one, source=other.source) == other and templates[0] == templates[1]


def completed(template: PodTemplate) -> dict[str, Any]:
    """Return a pod template with all defaults, so that writing a default out is no change."""
    whole: dict[str, Any] = _without_nulls(template.raw)
    complete_pod(whole["spec"])
    return {"metadata": whole.get("metadata", {}), "spec": whole["spec"]}


def _without_nulls(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_nulls(one) for key, one in value.items() if one is not None}
    return [_without_nulls(one) for one in value] if isinstance(value, list) else value


_JOB_FIXED = (  # kubernetes: pkg/apis/batch/validation/validation.go ValidateJobSpecUpdate
    *(("completions", "completions"), ("completionMode", "indexed"), ("podFailurePolicy", "failure_policy")),
    *(("backoffLimitPerIndex", "limit_per_index"), ("successPolicy", "success_policy"), ("managedBy", "managed_by")),
)


_STATEFUL_SET_FIXED = ("selector", "service_name", "ordered", "claims")
_STATEFUL_SET_TEXT = (  # kubernetes: pkg/apis/apps/validation/validation.go ValidateStatefulSetUpdate
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', "
    "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
)


def refusals(before: Workload, after: Workload) -> Iterator[str]:
    """Return a line for each field that changes and can't: a selector, and most of a Job and of a StatefulSet."""
    if isinstance(before, StatefulSet) and isinstance(after, StatefulSet):
        if any(getattr(before, name) != getattr(after, name) for name in _STATEFUL_SET_FIXED):
            yield f"{after.source}: StatefulSet/{after.name}: {forbidden('spec', _STATEFUL_SET_TEXT)}"
        return
    if isinstance(before, Job) and isinstance(after, Job):
        changed = [field for field, name in _JOB_FIXED if getattr(before, name) != getattr(after, name)]
        changed += ["template"] if completed(before.template) != completed(after.template) else []
        if changed[:1] == ["completions"] and before.indexed and after.completions == after.replicas:
            del changed[0]  # both together
        for field in changed:
            error: FieldError = FieldError(f"spec.{field}", "Invalid value", "field is immutable")
            yield f"{after.source}: Job/{after.name}: {error}; delete the job first"
    if after.selector and before.selector != after.selector:
        error = invalid("spec.selector", _shown(after.selector), "field is immutable")
        yield f"{after.source}: {after.kind}/{after.name}: {error}"


def admission_refusals(workload: Workload, profile: Profile) -> Iterator[str]:
    """Return a line for each field of a workload's pods that the version's API server refuses."""
    for error in admission.refusals(workload.template, KINDS[workload.kind].template or "", profile):
        yield f"{workload.source}: {workload.kind}/{workload.name}: {error}"


def pod_refusals(before: PodTemplate, after: Workload, profile: Profile = NEWEST) -> Iterator[str]:
    """Return a line for each change of a Pod's specification that is not allowed.

    Resources change by another way on a cluster, its subresource `resize`; here it is applied too.
    """
    errors: Iterable[FieldError] = ()
    if _fixed(before, profile) != _fixed(after.template, profile):
        errors = [forbidden("spec", f"pod updates may not change fields other than {','.join(_CHANGEABLE)}")]
    elif profile.resizes_in_place:
        errors = resize_errors(completed(before)["spec"], completed(after.template)["spec"])
    for error in errors:
        yield f"{after.source}: Pod/{after.name}: {error}; delete the pod first"


def _shown(selector: LabelSelector) -> dict[str, Any]:
    expressions = [
        {"key": r.key, "operator": r.operator} | ({"values": list(r.values)} if r.values else {})
        for r in selector.match_expressions
    ]
    shown = {"matchLabels": dict(selector.match_labels), "matchExpressions": expressions}
    return {key: value for key, value in shown.items() if value}


def _fixed(template: PodTemplate, profile: Profile) -> dict[str, Any]:
    """Return the immutable part of a Pod's specification; the pull policy follows from the image's tag."""

    def container(raw: Mapping[str, Any], field: str) -> dict[str, Any]:
        kept = {key: value for key, value in raw.items() if key not in {"image", "imagePullPolicy"}}
        if profile.resizes_in_place and (field == "containers" or raw.get("restartPolicy") == "Always"):
            amounts = requirements(kept)
            others = {kind: {n: a for n, a in of.items() if n not in RESIZABLE} for kind, of in amounts.items()}
            kept["resources"] = {kind: left for kind, left in others.items() if left}
        return kept

    spec = {k: v for k, v in completed(template)["spec"].items() if k not in {"activeDeadlineSeconds", "tolerations"}}
    for field in ("containers", "initContainers"):
        spec[field] = [container(raw, field) for raw in spec.get(field, ())]
    return spec

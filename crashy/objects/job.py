"""Jobs, by the API server's rules and in its texts.

Source: kubernetes: pkg/apis/batch/validation/validation.go, pkg/apis/batch/v1/defaults.go.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from crashy.objects.fields import FieldError, invalid, required, unsupported
from crashy.objects.job_policies import FailureRule, SuccessRule, failure_rules, policy_rules, success_rules
from crashy.objects.names import is_dns_label, is_dns_subdomain
from crashy.objects.pod import PodTemplate
from crashy.objects.reading import Reader, Reading, at_least, name_rules, read_template
from crashy.objects.schema import LABEL_SELECTOR, OBJECT, Type
from crashy.objects.selector import LabelSelector, selector_of
from crashy.objects.workload import Workload

JOB_SPEC: Type = {
    "activeDeadlineSeconds": "int64",
    "backoffLimit": "int32",
    "backoffLimitPerIndex": "int32",
    "completionMode": "string",
    "completions": "int32",
    "managedBy": "string",
    "manualSelector": "bool",
    "maxFailedIndexes": "int32",
    "parallelism": "int32",
    "podFailurePolicy": {
        "rules": [
            {
                "action": "string",
                "onExitCodes": {"containerName": "string", "operator": "string", "values": ["int32"]},
                "onPodConditions": [{"type": "string", "status": "string"}],
            }
        ]
    },
    "podReplacementPolicy": "string",
    "selector": LABEL_SELECTOR,
    "successPolicy": {"rules": [{"succeededIndexes": "string", "succeededCount": "int32"}]},
    "suspend": "bool",
    "template": "any",
    "ttlSecondsAfterFinished": "int32",
}

NEVER = 2**31 - 1
"""The backoffLimit of a Job that has a limit for each index: none."""
_NOT_NEGATIVE = (
    *("parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished"),
    *("backoffLimitPerIndex", "maxFailedIndexes"),
)
CONTROLLER = "kubernetes.io/job-controller"
_MODES = ("NonIndexed", "Indexed")
_MOST_PARALLEL = 100_000  # pods of an indexed Job at a time; it is the limit of its failed indexes too


@dataclass(frozen=True, slots=True, kw_only=True)
class Job(Workload):
    """Pods that run until so many of them have succeeded; its `replicas` is its parallelism.

    `completions` None is a work queue: the first success ends it. `limit_per_index` and `max_failed_indexes` are None
    where they aren't set. `replaces_terminating` is podReplacementPolicy TerminatingOrFailed. `managed_by` is the name
    of its controller; a lab has the usual one alone.
    """

    kind: ClassVar[str] = "Job"
    completions: int | None = 1
    indexed: bool = False
    backoff_limit: int = 6
    limit_per_index: int | None = None
    max_failed_indexes: int | None = None
    active_deadline_seconds: int | None = None
    ttl_seconds_after_finished: int | None = None
    suspend: bool = False
    failure_policy: tuple[FailureRule, ...] = ()
    success_policy: tuple[SuccessRule, ...] = ()
    replaces_terminating: bool = True
    managed_by: str = CONTROLLER


def read_job(reading: Reading) -> Job | None:
    """Return the Job, or None when something is wrong with it."""
    reading.check(name_rules(reading, is_dns_subdomain))
    return job_of(reading, reading.spec, "spec", reading.name)


def job_of(reading: Reading, spec: dict[str, Any], path: str, name: str) -> Job | None:
    """Return the Job of a specification at `path`, or None when something is wrong with it."""
    reading.check(_rules(spec, path))
    reading.check(_index_rules(spec, path, name))
    template = read_template(reading, spec.get("template", {}), f"{path}.template", ends=True)
    if template is None:
        return None
    reading.check(_policy_rules(spec, path, template))
    reading.check(_selector_rules(spec, path, template))
    if reading.errors:
        return None
    per_index = spec.get("backoffLimitPerIndex")
    only_parallel = "parallelism" in spec and "completions" not in spec
    selects = spec.get("manualSelector") and spec.get("selector")
    return Job(
        name=name,
        namespace=reading.namespace,
        replicas=spec.get("parallelism", 1),
        replicas_given="parallelism" in spec,
        selector=_selector(spec) if selects else None,
        template=template,
        source=reading.document.source,
        completions=None if only_parallel else spec.get("completions", 1),
        indexed=spec.get("completionMode") == "Indexed",
        backoff_limit=spec.get("backoffLimit", 6 if per_index is None else NEVER),
        limit_per_index=per_index,
        max_failed_indexes=spec.get("maxFailedIndexes"),
        active_deadline_seconds=spec.get("activeDeadlineSeconds"),
        ttl_seconds_after_finished=spec.get("ttlSecondsAfterFinished"),
        suspend=spec.get("suspend", False),
        failure_policy=failure_rules(spec),
        success_policy=success_rules(spec),
        managed_by=spec.get("managedBy", CONTROLLER),
        replaces_terminating=spec.get("podReplacementPolicy", _replacement(spec)) == "TerminatingOrFailed",
    )


def _replacement(spec: Mapping[str, Any]) -> str:
    return "Failed" if "podFailurePolicy" in spec else "TerminatingOrFailed"


def _selector(spec: Mapping[str, Any]) -> LabelSelector:
    return selector_of(spec.get("selector", {}))


def _rules(spec: Mapping[str, Any], path: str) -> Iterator[FieldError]:
    for field in _NOT_NEGATIVE:
        yield from at_least(f"{path}.{field}", spec.get(field, 0), 0)
    if "maxFailedIndexes" in spec and "backoffLimitPerIndex" not in spec:
        yield required(f"{path}.backoffLimitPerIndex", "when maxFailedIndexes is specified")
    mode = spec.get("completionMode", "NonIndexed")
    if mode not in _MODES:
        yield unsupported(f"{path}.completionMode", mode, _MODES)
    if mode == "NonIndexed":
        for field in ("backoffLimitPerIndex", "maxFailedIndexes", "successPolicy"):
            if field in spec:
                yield invalid(f"{path}.{field}", spec[field], "requires indexed completion mode")


def _index_rules(spec: Mapping[str, Any], path: str, name: str) -> Iterator[FieldError]:
    if spec.get("completionMode") != "Indexed":
        return
    completions, failed, parallel = spec.get("completions"), spec.get("maxFailedIndexes"), spec.get("parallelism", 0)
    if completions is None:
        yield required(f"{path}.completions", "when completion mode is Indexed")
    if parallel > _MOST_PARALLEL:
        text = f"must be less than or equal to {_MOST_PARALLEL} when completion mode is Indexed"
        yield invalid(f"{path}.parallelism", parallel, text)
    if failed is not None and completions is not None and failed > completions:
        yield invalid(f"{path}.maxFailedIndexes", failed, "must be less than or equal to completions")
    if completions and path == "spec" and is_dns_label(f"{name}-{completions - 1}"):
        text = f"will not able to create pod with invalid DNS label: {name}-{completions - 1}"
        yield invalid("metadata.name", name, text)


def _policy_rules(spec: Mapping[str, Any], path: str, template: PodTemplate) -> Iterator[FieldError]:
    names = [one.name for one in (*template.containers, *template.init_containers)]
    yield from policy_rules(spec, path, names)
    replacement = spec.get("podReplacementPolicy", "Failed")
    allowed = ("Failed",) if "podFailurePolicy" in spec else ("Failed", "TerminatingOrFailed")
    if replacement not in allowed:
        yield unsupported(f"{path}.podReplacementPolicy", replacement, allowed)
    if "podFailurePolicy" in spec and template.restart_policy == "OnFailure":
        text = 'only "Never" is supported when podFailurePolicy is specified'
        yield invalid(f"{path}.template.spec.restartPolicy", template.restart_policy, text)


def _selector_rules(spec: Mapping[str, Any], path: str, template: PodTemplate) -> Iterator[FieldError]:
    """Check the selector, which the API server makes itself, unless manualSelector says otherwise."""
    if path != "spec":
        if "selector" in spec:
            yield invalid(f"{path}.selector", spec["selector"], "`selector` will be auto-generated")
        if spec.get("manualSelector"):
            yield unsupported(f"{path}.manualSelector", value=True, allowed=("nil", "false"))
    elif not spec.get("manualSelector"):
        if "selector" in spec:
            yield invalid("spec.selector", spec["selector"], "`selector` not auto-generated")
    elif "selector" not in spec:
        yield required("spec.selector")
    elif not _selector(spec).matches(template.labels):
        text = "`selector` does not match template `labels`"
        yield invalid("spec.template.metadata.labels", dict(template.labels), text)


JOB = Reader({**OBJECT, "spec": JOB_SPEC}, read_job)

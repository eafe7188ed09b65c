"""CronJobs, by the API server's rules and in its texts.

Source: kubernetes: pkg/apis/batch/validation/validation.go, pkg/apis/batch/v1/defaults.go.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from crashy.objects.fields import FieldError, invalid, required, unsupported
from crashy.objects.job import JOB_SPEC, Job, job_of
from crashy.objects.names import is_dns_subdomain
from crashy.objects.reading import Reader, Reading, at_least, label_rules, name_rules
from crashy.objects.schedule import schedule_rules
from crashy.objects.schema import OBJECT, Type
from crashy.objects.workload import Workload

_CRON_JOB: Type = {
    **OBJECT,
    "spec": {
        "concurrencyPolicy": "string",
        "failedJobsHistoryLimit": "int32",
        "jobTemplate": {"metadata": OBJECT["metadata"], "spec": JOB_SPEC},
        "schedule": "string",
        "startingDeadlineSeconds": "int64",
        "successfulJobsHistoryLimit": "int32",
        "suspend": "bool",
        "timeZone": "string",
    },
}
_POLICIES = ("Allow", "Forbid", "Replace")
_LONGEST = 52  # a Job's name has 11 characters more


@dataclass(frozen=True, slots=True, kw_only=True)
class CronJob(Workload):
    """Jobs made of `job` by a schedule; its `replicas` are one Job's pods. The limits are of the Jobs that are kept."""

    kind: ClassVar[str] = "CronJob"
    job: Job
    schedule: str
    time_zone: str | None = None
    concurrency: str = "Allow"
    starting_deadline_seconds: int | None = None
    suspend: bool = False
    successful_limit: int = 3
    failed_limit: int = 1


def read_cron_job(reading: Reading) -> CronJob | None:
    """Return the CronJob, or None when something is wrong with it."""
    spec = reading.spec
    reading.check(name_rules(reading, is_dns_subdomain))
    reading.check(_rules(spec, reading.name))
    metadata = spec.get("jobTemplate", {}).get("metadata", {})
    reading.check(label_rules("spec.jobTemplate.metadata.labels", metadata.get("labels", {})))
    job_spec = spec.get("jobTemplate", {}).get("spec", {})
    job = job_of(reading, job_spec, "spec.jobTemplate.spec", reading.name)
    if job is None or reading.errors:
        return None
    return CronJob(
        name=reading.name,
        namespace=reading.namespace,
        replicas=job.replicas,
        replicas_given=job.replicas_given,
        template=job.template,
        source=reading.document.source,
        job=job,
        schedule=spec["schedule"],
        time_zone=spec.get("timeZone"),
        concurrency=spec.get("concurrencyPolicy") or "Allow",
        starting_deadline_seconds=spec.get("startingDeadlineSeconds"),
        suspend=spec.get("suspend", False),
        successful_limit=spec.get("successfulJobsHistoryLimit", 3),
        failed_limit=spec.get("failedJobsHistoryLimit", 1),
    )


def _rules(spec: Mapping[str, Any], name: str) -> Iterator[FieldError]:
    if not spec.get("schedule"):
        yield required("spec.schedule")
    else:
        yield from schedule_rules(spec["schedule"], spec.get("timeZone"), "spec")
    for field in ("startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit"):
        yield from at_least(f"spec.{field}", spec.get(field, 0), 0)
    policy = spec.get("concurrencyPolicy") or "Allow"
    if policy not in _POLICIES:
        yield unsupported("spec.concurrencyPolicy", policy, _POLICIES)
    if len(name) > _LONGEST:
        yield invalid("metadata.name", name, f"must be no more than {_LONGEST} characters")


CRON_JOB = Reader(_CRON_JOB, read_cron_job)

"""CronJobs: defaults, and the API server's refusals; those of schedules and zones are in `test_schedule.py`.

kubernetes: pkg/apis/batch/validation/validation_test.go TestValidateCronJob, pkg/apis/batch/v1/defaults_test.go.
"""

from __future__ import annotations

from typing import Any

import pytest

from crashy.objects.cronjob import CronJob
from tests.controllers.jobs import cron_job_object, job_object
from tests.objects.test_workload_kinds import manifests, refused


def test_defaults() -> None:
    """SetDefaults_CronJob."""
    (one,) = manifests(cron_job_object()).workloads

    assert isinstance(one, CronJob)
    assert (one.concurrency, one.suspend, one.time_zone) == ("Allow", False, None)
    assert (one.successful_limit, one.failed_limit, one.starting_deadline_seconds) == (3, 1, None)
    assert (one.job.completions, one.job.template) == (1, one.template)


def test_one_of_before_1_21() -> None:
    (one,) = manifests(cron_job_object() | {"apiVersion": "batch/v1beta1"}).workloads

    assert one.object == "cronjob/cj"


AT = "spec.jobTemplate.spec"


def of_job(**spec: Any) -> dict[str, Any]:
    return cron_job_object("* * * * *", job_object(**spec)["spec"])


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (cron_job_object(""), "spec.schedule: Required value"),
        (
            cron_job_object(startingDeadlineSeconds=-1),
            "spec.startingDeadlineSeconds: Invalid value: -1: must be greater than or equal to 0",
        ),
        (
            cron_job_object(successfulJobsHistoryLimit=-1),
            "spec.successfulJobsHistoryLimit: Invalid value: -1: must be greater than or equal to 0",
        ),
        (
            cron_job_object(failedJobsHistoryLimit=-1),
            "spec.failedJobsHistoryLimit: Invalid value: -1: must be greater than or equal to 0",
        ),
        (
            cron_job_object(concurrencyPolicy="Maybe"),
            'spec.concurrencyPolicy: Unsupported value: "Maybe": supported values: "Allow", "Forbid", "Replace"',
        ),
        (of_job(completions=-1), f"{AT}.completions: Invalid value: -1: must be greater than or equal to 0"),
        (
            of_job(manualSelector=True),
            f'{AT}.manualSelector: Unsupported value: true: supported values: "nil", "false"',
        ),
        (
            of_job(selector={"matchLabels": {"a": "b"}}),
            f'{AT}.selector: Invalid value: {{"matchLabels": {{"a": "b"}}}}: `selector` will be auto-generated',
        ),
        (
            cron_job_object("* * * * *", job_object("Always")["spec"]),
            f'{AT}.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"',
        ),
        (
            cron_job_object() | {"metadata": {"name": "x" * 53}},
            f'metadata.name: Invalid value: "{"x" * 53}": must be no more than 52 characters',
        ),
    ],
)
def test_the_api_servers_refusals(given: dict[str, Any], line: str) -> None:
    assert refused(given) == [line]

"""Jobs and CronJobs as manifests and as objects, for the tests of their controllers."""

from __future__ import annotations

from typing import Any

from crashy.objects.job import Job
from tests.controllers.worlds import manifests


def pod_spec(policy: str = "Never", **container: Any) -> dict[str, Any]:
    """Return a pod's specification with one container, `c`."""
    containers = [{"name": "c", "image": "crashy-app", **container}]
    return {"restartPolicy": policy, "terminationGracePeriodSeconds": 1, "containers": containers}


def job_object(policy: str = "Never", /, **spec: Any) -> dict[str, Any]:
    """Return a Job's manifest, `j`."""
    spec = {"template": {"spec": pod_spec(policy)}} | spec
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j"}, "spec": spec}


def cron_job_object(schedule: str = "* * * * *", job: dict[str, Any] | None = None, /, **spec: Any) -> dict[str, Any]:
    """Return a CronJob's manifest, `cj`, of a Job's specification."""
    template = {"spec": job or job_object()["spec"]}
    spec = {"schedule": schedule, "jobTemplate": template} | spec
    return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "cj"}, "spec": spec}


def job(policy: str = "Never", /, **spec: Any) -> Job:
    """Return a Job as it was read."""
    (one,) = manifests(job_object(policy, **spec)).workloads
    assert isinstance(one, Job)
    return one

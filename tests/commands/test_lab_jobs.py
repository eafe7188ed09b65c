"""Jobs and CronJobs in a real lab: real processes that end, and the commands that are about them."""

from __future__ import annotations

import re
from typing import Any

from tests.commands.labs import event
from tests.commands.test_lab_ctl import Ctl, a_lab
from tests.controllers.jobs import cron_job_object, job_object, pod_spec

NEVER_SOON = "0 0 29 2 *"


def job(command: str, policy: str = "Never", **spec: Any) -> dict[str, Any]:
    return job_object(policy, template={"spec": pod_spec(policy, command=["sh", "-c", command])}, **spec)


def names(ctl: Ctl) -> list[str]:
    return sorted(name.rpartition("-")[0] for name in ctl.pods())


def test_an_indexed_job_of_real_processes() -> None:
    given = job(
        'echo "I am $JOB_COMPLETION_INDEX"; test $JOB_COMPLETION_INDEX = 0',
        completions=2,
        parallelism=2,
        completionMode="Indexed",
        backoffLimit=0,
    )
    with a_lab(given) as ctl:
        ctl.lab.wait(event("BackoffLimitExceeded", "Job has reached the specified backoff limit"))
        (row,) = ctl("get", "jobs").splitlines()[1:]
        assert row.split()[:3] == ["j", "Failed", "1/2"]
        assert names(ctl) == ["j-0", "j-1"]
        zero = next(name for name in ctl.pods() if name.startswith("j-0-"))
        assert ctl("logs", zero) == "I am 0\n"
        assert re.search(rf"{zero} +0/1 +Completed +0 ", ctl("get", "pods"))
        assert re.search(r"j-1-\w{5} +0/1 +Error +0 ", ctl("get", "pods"))


def test_a_job_whose_containers_restart_is_ended_at_its_limit() -> None:
    with a_lab(job("sleep 0.3; exit 1", "OnFailure", backoffLimit=1)) as ctl:
        ctl.lab.wait(event("BackoffLimitExceeded"))
        ctl.lab.wait(lambda e: e["kind"] == "pod" and e["reason"] == "Deleted")
        assert ctl.pods() == []


def test_a_job_that_is_changed_has_to_be_deleted_first() -> None:
    with a_lab(job("sleep 600")) as ctl:
        changed = ctl.write("new.yaml", job("exit 0"))
        refusal = ctl("apply", changed, code=1)
        assert refusal.endswith("spec.template: Invalid value: field is immutable; delete the job first\n")
        assert ctl("delete", "job/j") == 'job.batch "j" deleted\n'
        ctl.lab.wait(lambda e: e["kind"] == "pod" and e["reason"] == "Deleted")
        assert ctl("apply", changed) == "job.batch/j created\n"
        ctl.lab.wait(event("Completed", "Job completed"))


def test_a_cron_jobs_job_is_run_now_and_goes_with_it() -> None:
    given = cron_job_object(NEVER_SOON, job("echo done")["spec"])
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "other"},
        "spec": job("sleep 600")["spec"]["template"]["spec"],
    }
    with a_lab(given, pod) as ctl:
        assert ctl("get", "cronjobs").splitlines()[1].split()[:5] == ["cj", "0", "0", "29", "2"]
        assert ctl("create", "job", "now", "--from=cronjob/cj") == "job.batch/now created\n"
        ctl.lab.wait(event("Completed", "Job completed"))
        assert names(ctl) == ["", "now"]
        again = ctl("create", "job", "now", "--from=cronjob/cj", code=1)
        assert again == 'error: failed to create job: jobs.batch "now" already exists\n'
        unnamed = ctl("create", "job", "No", "--from=cronjob/cj", code=1)
        assert unnamed.startswith(
            'error: failed to create job: Job.batch "No" is invalid: metadata.name: Invalid value: "No": '
        )
        missing = ctl("create", "job", "more", "--from=cronjob/x", code=1)
        assert missing == 'Error from server (NotFound): cronjobs.batch "x" not found\n'
        assert ctl("delete", "cronjob", "cj") == 'cronjob.batch "cj" deleted\n'
        ctl.lab.wait(lambda e: e["kind"] == "pod" and e["reason"] == "Deleted")
        assert ctl.pods() == ["other"]
        assert ctl("get", "jobs") == "No resources found\n"


def test_a_cron_job_runs_by_the_wall_clock() -> None:
    given = cron_job_object("@every 2s", job("exit 0", "OnFailure")["spec"], concurrencyPolicy="Forbid")
    with a_lab(given) as ctl:
        ctl.lab.wait(event("SawCompletedJob", "condition: Complete"))
        (row,) = ctl("get", "cj").splitlines()[1:]
        assert re.fullmatch(r"cj +@every 2s +<none> +False +[01] +\ds +\d+s", row)
        (name,) = {line.split()[0] for line in ctl("get", "jobs").splitlines()[1:2]}
        assert re.fullmatch(r"cj-\d{8}", name)


def test_an_unknown_source_of_a_job() -> None:
    with a_lab(job("exit 0")) as ctl:
        wrong = ctl("create", "job", "now", "--from=job/j", code=2)
        assert wrong == "crashy lab: ctl: 'job/j': must be cronjob/NAME or cronjob NAME\n"

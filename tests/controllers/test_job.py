"""Jobs over modelled containers, in virtual time; what is compared are 05a to 05k of the recordings of 1.36.2.

What one sync decides is in `test_job_sync.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from crashy.clock import START_DATE, run_virtual
from crashy.controllers.job import JobController
from crashy.errors import BadInput
from crashy.kubelet.runtime import Pod
from crashy.objects.pod import Container
from crashy.timeline import kinds
from tests.controllers.jobs import job_object, pod_spec
from tests.controllers.worlds import World, manifests, world
from tests.kubelet.scripted import Life

INDEX = "batch.kubernetes.io/job-completion-index"


class Script:
    """Lives that end by themselves after so many seconds, with the codes in turn; the last code goes on.

    `by_index`: the codes of a Job's indexes instead, again in turn.
    """

    def __init__(
        self, *codes: int, seconds: float = 1.0, by_index: Mapping[str, Sequence[int]] | None = None, term: float = 0.0
    ) -> None:
        self._codes = {"": list(codes)} if by_index is None else {key: list(value) for key, value in by_index.items()}
        self._seconds = seconds
        self._term = term

    def __call__(self, pod: Pod, _container: Container, _attempt: int) -> Life:
        codes = self._codes["" if "" in self._codes else pod.template.labels[INDEX]]
        code = codes.pop(0) if len(codes) > 1 else codes[0]
        return Life(exits_at=self._seconds, exit_code=code, term_seconds=self._term)


ENDLESS = Script(0, seconds=10_000)


@asynccontextmanager
async def job_world(
    script: Script, policy: str = "Never", /, *, seconds: float = 60, **spec: Any
) -> AsyncIterator[World]:
    async with world(job_object(policy, **spec), seconds=seconds, script=script) as made:
        yield made


def controller(w: World) -> JobController:
    (one,) = w.cluster.controllers(JobController)
    return one


def moments(w: World, *reasons: str) -> list[float]:
    return [event.t for event in w.events(*reasons) if event.object == "job/j"]


def reasons(w: World) -> list[str]:
    events = [event for event in w.timeline.since() if event.object == "job/j"]
    return [event.data.get("condition") or event.reason for event in events]


def test_a_job_that_succeeds() -> None:
    """05a: its conditions come one after the other, its pod stays."""

    async def main() -> None:
        async with job_world(Script(0)) as w:
            status = controller(w).status()
            finished = status.pop("completionTime")

            assert reasons(w) == ["SuccessfulCreate", "SuccessCriteriaMet", "Complete", "Completed"]
            assert [one["type"] for one in status.pop("conditions")] == ["SuccessCriteriaMet", "Complete"]
            assert status == {"startTime": START_DATE, "succeeded": 1, "terminating": 0, "ready": 0}
            assert 2 < finished - START_DATE < 6
            assert [view.status.phase for view in w.cluster.pods()] == ["Succeeded"]

    run_virtual(main())


def test_failed_pods_are_replaced_after_10_20_and_40_seconds_and_stay() -> None:
    """05b: pods at 0, 10.9, 31.9 and 72.9 s."""

    async def main() -> None:
        async with job_world(Script(1), seconds=100, backoffLimit=3) as w:
            created = moments(w, "SuccessfulCreate")

            assert created == pytest.approx([0, 10.9, 31.9, 72.9], abs=1.1)
            assert reasons(w)[-3:] == ["FailureTarget", "Failed", "BackoffLimitExceeded"]
            assert controller(w).state.failed == 4
            assert [view.status.phase for view in w.cluster.pods()] == ["Failed"] * 4

    run_virtual(main())


def test_the_backoff_counts_from_the_last_success() -> None:
    """kubernetes: pkg/controller/job/job_controller_test.go, `failed + succeed pods: reset backoff delay`."""

    async def main() -> None:
        async with job_world(Script(1, 0, 1, 0), completions=2) as w:
            first, second, third, fourth = moments(w, "SuccessfulCreate")

            assert second - first == pytest.approx(11, abs=1.1)
            assert third - second < 5
            assert fourth - third == pytest.approx(11, abs=1.1)

    run_virtual(main())


def test_on_failure_its_containers_restart_until_the_limit_is_reached() -> None:
    """05c: the Job deletes the pod while its third restart runs, and it is gone."""

    async def main() -> None:
        async with job_world(Script(1, seconds=2, term=0.5), "OnFailure", seconds=90, backoffLimit=3) as w:
            assert len([event for event in w.events("Started") if event.kind == kinds.EVENT]) == 4
            assert reasons(w) == [
                *("SuccessfulCreate", "SuccessfulDelete", "FailureTarget", "Failed", "BackoffLimitExceeded")
            ]
            assert controller(w).state.failed == 1
            assert w.names() == []

    run_virtual(main())


def test_no_more_pods_at_a_time_than_its_parallelism() -> None:
    """05d: completions 5, parallelism 2: two, two and one."""

    async def main() -> None:
        async with job_world(Script(0), completions=5, parallelism=2) as w:
            created = moments(w, "SuccessfulCreate")

            assert [round(time) for time in created] == sorted(round(time) for time in created)
            assert [created[i + 1] - created[i] < 0.1 for i in range(4)] == [True, False, True, False]
            assert controller(w).state.succeeded == 5

    run_virtual(main())


def test_a_deadline_ends_it_and_waits_for_its_pods() -> None:
    """05e: the pod is deleted at startTime + 8 s; Failed comes when it is gone."""

    async def main() -> None:
        async with job_world(ENDLESS, seconds=8.5, activeDeadlineSeconds=8) as w:
            assert moments(w, "SuccessfulDelete") == pytest.approx([8], abs=0.1)
            assert controller(w).state.condition("FailureTarget")
            assert controller(w).state.finished is None
            await asyncio.sleep(5)

            (finished,) = [one for one in controller(w).state.conditions if one.type == "Failed"]
            assert finished.reason == "DeadlineExceeded"
            assert w.names() == []

    run_virtual(main())


def test_a_time_to_live_deletes_it_with_its_pods() -> None:
    """05f: 5 s after its completion."""

    async def main() -> None:
        async with job_world(Script(0), seconds=6, ttlSecondsAfterFinished=5) as w:
            ended = moments(w, "Completed")[0]
            assert w.cluster.controllers(JobController)
            await asyncio.sleep(ended)

            assert not w.cluster.controllers(JobController)
            assert w.names() == []
            (gone,) = [event.t for event in w.timeline.since() if event.kind == "pod" and event.reason == "Deleted"]
            assert 4 < gone - ended < 5.2

    run_virtual(main())


def test_an_indexed_job_tries_each_index_so_often() -> None:
    """05g: index 1 once more after 10 s; then the Job fails, though maxFailedIndexes is not exceeded."""
    codes = {"0": [0], "1": [1], "2": [0]}
    spec: dict[str, Any] = {"completionMode": "Indexed", "completions": 3, "parallelism": 3, "backoffLimitPerIndex": 1}

    async def main() -> None:
        async with job_world(Script(by_index=codes), maxFailedIndexes=3, **spec) as w:
            names = [event.message.split(": ")[1].rpartition("-")[0] for event in w.events("SuccessfulCreate")]
            pods = [view.pod for view in w.cluster.pods()]

            assert sorted(names[:3]) == ["j-0", "j-1", "j-2"]
            assert names[3:] == ["j-1"]
            assert controller(w).state.finished
            assert controller(w).status()["failedIndexes"] == "1"
            assert controller(w).status()["completedIndexes"] == "0,2"
            assert reasons(w)[-1] == "FailedIndexes"
            assert {pod.template.containers[0].env[-1].name for pod in pods} == {"JOB_COMPLETION_INDEX"}
            assert {pod.template.labels[INDEX] for pod in pods} == {"0", "1", "2"}

    run_virtual(main())


def test_a_failure_policy_ends_it_at_the_first_failure() -> None:
    """05h: at once after the pod's phase says Failed."""
    rules = [{"action": "FailJob", "onExitCodes": {"operator": "In", "values": [42]}}]

    async def main() -> None:
        async with job_world(Script(42), seconds=10, podFailurePolicy={"rules": rules}) as w:
            assert reasons(w) == ["SuccessfulCreate", "FailureTarget", "Failed", "PodFailurePolicy"]
            assert (
                "failed with exit code 42 matching FailJob rule at index 0" in w.events("PodFailurePolicy")[0].message
            )

    run_virtual(main())


def test_suspended_and_resumed() -> None:
    """05j: its pod is deleted and not counted as failed; resumed it starts anew."""

    async def main() -> None:
        async with job_world(ENDLESS, seconds=3) as w:
            w.cluster.apply(manifests(job_object(suspend=True)))
            await asyncio.sleep(5)
            status = controller(w).status()
            assert [(one["type"], one["status"]) for one in status.pop("conditions")] == [("Suspended", "True")]
            assert status == {"terminating": 0, "ready": 0}
            w.cluster.apply(manifests(job_object()))
            await asyncio.sleep(2)

            status = controller(w).status()
            assert [(one["reason"], one["status"]) for one in status["conditions"]] == [("JobResumed", "False")]
            assert (status["startTime"], status["active"]) == (START_DATE + 8, 1)
            assert reasons(w).count("SuccessfulCreate") == 2
            assert "failed" not in status

    run_virtual(main())


def test_a_job_that_is_created_suspended_has_no_pods() -> None:
    async def main() -> None:
        async with job_world(ENDLESS, suspend=True) as w:
            assert w.names() == []
            assert "startTime" not in controller(w).status()

    run_virtual(main())


def test_a_job_of_another_controllers_is_left_alone() -> None:
    """kubernetes: pkg/controller/job/job_controller_test.go, `managed by another controller`."""

    async def main() -> None:
        async with job_world(ENDLESS, managedBy="example.com/queue") as w:
            assert w.names() == []
            assert controller(w).status() == {"terminating": 0, "ready": 0}

    run_virtual(main())


def test_terminating_pods_are_replaced_at_once_or_waited_for() -> None:
    async def main(policy: str) -> int:
        slow = Script(0, seconds=10_000, term=20)
        template = {"spec": pod_spec() | {"terminationGracePeriodSeconds": 30}}
        async with job_world(slow, seconds=3, podReplacementPolicy=policy, template=template) as w:
            w.cluster.delete(w.cluster.pods()[0].pod)
            await asyncio.sleep(15)
            return len(w.names())

    assert run_virtual(main("TerminatingOrFailed")) == 2
    assert run_virtual(main("Failed")) == 1


def test_its_pods_have_its_labels() -> None:
    async def main() -> None:
        async with job_world(ENDLESS, seconds=1) as w:
            (view,) = w.cluster.pods()
            labels = view.pod.template.labels

            assert labels["job-name"] == labels["batch.kubernetes.io/job-name"] == "j"
            assert labels["controller-uid"] == labels["batch.kubernetes.io/controller-uid"]
            owner = w.cluster.owner(view.pod)
            assert owner
            assert owner.object == "job/j"

    run_virtual(main())


def test_its_parallelism_can_be_changed_and_its_template_can_not() -> None:
    async def main() -> None:
        async with job_world(ENDLESS, seconds=2, completions=4) as w:
            w.cluster.apply(manifests(job_object(completions=4, parallelism=3)))
            await asyncio.sleep(2)
            assert len(w.names()) == 3
            changed = {"spec": pod_spec(command=["true"])}
            with pytest.raises(BadInput) as caught:
                w.cluster.apply(manifests(job_object(completions=5, parallelism=3, template=changed)))

            fields = [line.partition(": ")[2].partition(": ")[2] for line in caught.value.lines]
            fixed = "Invalid value: field is immutable; delete the job first"
            assert fields == [f"spec.completions: {fixed}", f"spec.template: {fixed}"]

    run_virtual(main())


def test_an_indexed_jobs_completions_change_together_with_its_parallelism() -> None:
    """kubernetes: pkg/apis/batch/validation/validation.go validateCompletions; the pods of no index go."""

    def elastic(count: int) -> dict[str, Any]:
        return job_object(completionMode="Indexed", completions=count, parallelism=count)

    async def main() -> None:
        async with world(elastic(3), seconds=2, script=ENDLESS) as w:
            w.cluster.apply(manifests(elastic(2)))
            await asyncio.sleep(5)

            assert sorted(name.rpartition("-")[0] for name in w.names()) == ["j-0", "j-1"]

    run_virtual(main())

"""What holds for every Job, whatever its specification says and however its pods end; in virtual time."""

from __future__ import annotations

import asyncio
import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from crashy.clock import run_virtual
from crashy.controllers.job import JobController
from crashy.kubelet.runtime import Pod
from crashy.objects.job import NEVER, Job
from crashy.objects.pod import Container
from tests.controllers.jobs import job_object
from tests.controllers.worlds import World, world
from tests.kubelet.scripted import Life

HOURS = 6 * 3600.0


@st.composite
def specs(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a Job's specification that an API server accepts."""
    spec: dict[str, Any] = {
        "completions": draw(st.integers(0, 5)),
        "parallelism": draw(st.integers(1, 4)),
        "backoffLimit": draw(st.integers(0, 4)),
        "podReplacementPolicy": draw(st.sampled_from(["Failed", "TerminatingOrFailed"])),
    }
    if draw(st.booleans()):
        spec["activeDeadlineSeconds"] = draw(st.integers(1, 90))
    kind = draw(st.sampled_from(["plain", "queue", "indexed", "per index"]))
    if kind == "queue":
        del spec["completions"]
    elif kind != "plain":
        spec["completionMode"] = "Indexed"
    if kind == "per index":
        del spec["backoffLimit"]
        spec["backoffLimitPerIndex"] = draw(st.integers(0, 2))
        if draw(st.booleans()):
            spec["maxFailedIndexes"] = draw(st.integers(0, spec["completions"]))
    if kind == "indexed" and draw(st.booleans()):
        spec["successPolicy"] = {"rules": [{"succeededCount": draw(st.integers(0, spec["completions"]))}]}
    return spec


def active(w: World) -> int:
    return sum(one.status.phase in {"Pending", "Running"} and not one.status.deleting for one in w.cluster.pods())


def check(job: Job, one: JobController, w: World) -> None:
    state, finished = one.state, one.state.finished
    assert finished, "it has not ended within hours"
    assert active(w) == 0
    assert (state.active, state.ready, state.terminating) == (0, 0, 0)
    if finished.type == "Failed":
        assert finished.reason in {
            *("BackoffLimitExceeded", "DeadlineExceeded", "FailedIndexes", "MaxFailedIndexesExceeded"),
        }
        if finished.reason == "BackoffLimitExceeded" and job.template.restart_policy == "Never":
            assert state.failed > job.backoff_limit
    elif finished.reason == "CompletionsReached":
        assert state.succeeded >= (1 if job.completions is None else job.completions)
        assert job.backoff_limit == NEVER or state.failed <= job.backoff_limit
    if job.indexed:
        assert state.succeeded == len(state.succeeded_indexes)
        assert not state.succeeded_indexes & (state.failed_indexes or frozenset())
        assert all(0 <= index < (job.completions or 0) for index in state.succeeded_indexes)


@given(specs(), st.sampled_from(["Never", "OnFailure"]), st.sampled_from([0.0, 0.3, 0.7, 1.0]), st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_it_ends_with_no_pod_too_many_and_its_counts_agree(
    spec: dict[str, Any], policy: str, failing: float, seed: int
) -> None:
    if "backoffLimitPerIndex" in spec:
        policy = "Never"  # with OnFailure nothing ends it
    chance = random.Random(seed)
    most = 0

    def script(_pod: Pod, _container: Container, _attempt: int) -> Life:
        code = int(chance.random() < failing)
        return Life(exits_at=chance.uniform(0.1, 30), exit_code=code, term_seconds=chance.uniform(0, 3))

    async def main() -> None:
        nonlocal most
        async with world(job_object(policy, **spec), seconds=0, seed=seed, script=script) as w:
            (one,) = w.cluster.controllers(JobController)

            def look(_: object) -> None:
                nonlocal most
                most = max(most, active(w))

            w.timeline.subscribe(look)
            await asyncio.sleep(HOURS)
            assert most <= one.workload.replicas
            check(one.workload, one, w)

    run_virtual(main())

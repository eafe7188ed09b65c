"""The probes of a pod as tasks. kubelet: pkg/kubelet/prober/prober_manager_test.go, worker_test.go."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from inspect import signature
from typing import Any

import pytest

from crashy.clock import run_virtual
from crashy.kubelet.handlers.prober import Prober
from crashy.kubelet.handlers.probing import Probing
from crashy.kubelet.outcome import Outcome, Result, Stored
from crashy.kubelet.recorder import Recorder
from crashy.kubelet.runtime import Pod
from crashy.kubelet.versions import NEWEST
from crashy.kubelet.worker import ContainerView, Decision, Worker
from crashy.objects.pod import Container, Exec, PodTemplate, Probe, ProbeType
from crashy.objects.status import ContainerStatus, PodStatus
from crashy.timeline import Timeline
from tests.kubelet.cases import Expect, Means, case

LIVENESS, READINESS, STARTUP = ProbeType.LIVENESS, ProbeType.READINESS, ProbeType.STARTUP
PROBE = Probe(Exec(("true",)), period_seconds=1, failure_threshold=1)
GOOD, BAD = Outcome(Result.SUCCESS), Outcome(Result.FAILURE)


def container(name: str, *kinds: str) -> Container:
    return Container(name, **{f"{kind}_probe": PROBE for kind in kinds})


@dataclass
class Manager:
    """The probes of one pod whose containers all run, and what came of them; `answer` is what every handler gives."""

    pod: Pod
    started: bool = True
    state: str = "running"
    phase: str = "Running"
    answer: Outcome = GOOD
    changes: list[tuple[float, ProbeType, Stored | None]] = field(default_factory=list)
    probing: Probing = field(init=False)

    def __post_init__(self) -> None:
        loop = asyncio.get_running_loop()

        def changed(kind: ProbeType, decision: Decision) -> None:
            self.changes.append((loop.time(), kind, decision.stored))

        recorder = Recorder(self.pod, Timeline(loop.time).add, NEWEST, loop.time)
        self.probing = Probing(
            self.pod, self, recorder, status=self.status, changed=changed, profile=NEWEST, rng=random.Random(0)
        )  # type: ignore[arg-type]

    def status(self) -> PodStatus:
        containers = (*self.pod.template.init_containers, *self.pod.template.containers)
        states = (ContainerStatus(c.name, c.name, self.state, started=self.started) for c in containers)  # type: ignore[arg-type]
        return PodStatus(self.phase, tuple(states))  # type: ignore[arg-type]

    async def probe(self, *_: object) -> Outcome:
        return self.answer

    @property
    def workers(self) -> list[str]:
        """Name the workers that go on."""
        pairs = zip(self.probing._probers, self.probing._tasks, strict=True)
        return [f"{name}/{kind}" for (name, kind), task in pairs if not task.done()]


def pod(*containers: Container, policy: str = "Always") -> Pod:
    return Pod("web", "default", "uid", "10.0.0.1", PodTemplate(containers, restart_policy=policy))  # type: ignore[arg-type]


@asynccontextmanager
async def tasks() -> AsyncIterator[asyncio.TaskGroup]:
    """A group that is ended with the block."""

    class OverError(Exception):
        pass

    try:
        async with asyncio.TaskGroup() as group:
            yield group
            raise OverError
    except* OverError:
        pass


def virtual(test: Callable[..., Awaitable[None]]) -> Callable[[Expect], None]:
    """Run a test in virtual time."""
    compares = "expect" in signature(test).parameters

    def run(expect: Expect) -> None:
        run_virtual(test(expect) if compares else test())  # type: ignore[arg-type]

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


@pytest.mark.case("manager.add.continues-after-existing", "manager.dynamic.add-container")
@virtual
async def test_adding_a_pod_again_adds_what_is_missing_and_keeps_what_is_there(expect: Expect) -> None:
    """TestAddPodContinuesAfterExistingWorker, TestAddPodDynamicContainers."""
    async with tasks() as group:
        manager = Manager(pod(container("a", "readiness")))
        manager.probing.start(group)
        first = manager.probing._tasks[0]
        manager.probing._pod = pod(container("a", "readiness"), container("b", "readiness"))
        for _ in range(2):
            manager.probing.start(group)
        assert manager.workers == ["a/readiness", "b/readiness"]
        assert manager.probing._tasks[0] is first
        expect("manager.add.continues-after-existing", workers=manager.workers)
        same = [worker.replace("a/", "c1/").replace("b/", "c2/") for worker in manager.workers]
        expect("manager.dynamic.add-container", workers=same)


@pytest.mark.case("manager.stop-liveness-startup-only")
@virtual
async def test_liveness_and_startup_can_be_stopped_apart_from_readiness(expect: Expect) -> None:
    """prober_manager.go StopLivenessAndStartup."""
    async with tasks() as group:
        manager = Manager(pod(container("a", "liveness", "readiness", "startup")))
        manager.probing.start(group)
        await asyncio.sleep(0.5)
        assert manager.workers == ["a/startup", "a/readiness", "a/liveness"]
        before = [kind for _, kind in manager.probing._probers]
        manager.probing.stop(LIVENESS, STARTUP)
        await asyncio.sleep(0.1)
        assert manager.workers == ["a/readiness"]
        after = [kind for _, kind in manager.probing._probers]
        expect(stopped=sorted(set(before) - set(after)), still_running=after)


@pytest.mark.case(
    "manager.remove.unprobed-pod",
    "manager.remove.probed-pod",
    "manager.remove.twice",
    "manager.cleanup.keeps-desired",
)
@virtual
async def test_a_pod_that_is_removed_takes_its_own_workers_with_it_and_no_others(expect: Expect) -> None:
    """TestAddRemovePods, TestCleanupPods."""
    async with tasks() as group:
        three = container("a", "liveness", "readiness", "startup")
        unprobed, removed, kept = Manager(pod(container("a"))), Manager(pod(three)), Manager(pod(three))
        for manager in (unprobed, removed, kept):
            manager.probing.start(group)
        assert (len(unprobed.workers), len(removed.workers), len(kept.workers)) == (0, 3, 3)
        unprobed.probing.stop(*ProbeType)
        await asyncio.sleep(0.5)
        assert (len(removed.workers), len(kept.workers)) == (3, 3)
        expect(
            "manager.remove.unprobed-pod", other_workers_unchanged=(len(removed.workers), len(kept.workers)) == (3, 3)
        )
        states = []
        for _ in range(2):
            removed.probing.stop(*ProbeType)
            await asyncio.sleep(0.5)
            assert (len(removed.workers), len(kept.workers)) == (0, 3)
            states.append((removed.workers, kept.workers, removed.probing._probers))
        expect("manager.remove.probed-pod", workers_exit=not removed.probing._tasks, workers=list(states[0][2]))
        expect("manager.remove.twice", no_op=states[0] == states[1])
        expect(
            "manager.cleanup.keeps-desired",
            workers_of_cleanup_exit=not removed.workers,
            workers_of_keep_remain=len(kept.workers),
        )
        assert [results.get("a") for results in removed.probing.results.values()] == [None] * 3


@pytest.mark.case("manager.cleanup.repeated")
@virtual
async def test_many_pods_may_be_removed_again_and_again(expect: Expect) -> None:
    """TestCleanupRepeated."""
    async with tasks() as group:
        managers = [Manager(pod(container("a", "liveness", "readiness", "startup"))) for _ in range(100)]
        for manager in managers:
            manager.probing.start(group)
        for _ in range(10):
            for manager in managers:
                manager.probing.stop(*ProbeType)
                manager.probing.close()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert [manager.workers for manager in managers] == [[]] * 100
        ended = all(not manager.probing._probers for manager in managers)
        expect(no_deadlock=ended, no_error=ended)


@pytest.mark.case("manager.update-readiness-flow")
@virtual
async def test_what_readiness_finds_is_reported(expect: Expect) -> None:
    """TestUpdateReadiness."""
    async with tasks() as group:
        manager = Manager(pod(container("a", "readiness")))
        manager.probing.start(group)
        await asyncio.sleep(0.5)
        manager.answer = BAD
        await asyncio.sleep(1)
        assert manager.changes == [
            (0.0, READINESS, Stored.FAILURE),
            (0.0, READINESS, Stored.SUCCESS),
            (1.0, READINESS, Stored.FAILURE),
        ]
        became = [f"becomes {str(stored is Stored.SUCCESS).lower()}" for _, _, stored in manager.changes[1:]]
        path = "results update -> status manager SetContainerReadiness"
        expect(pod_status_ready=became, path=Means(path, [kind for _, kind, _ in manager.changes] == [READINESS] * 3))


@virtual
async def test_a_trigger_asks_at_once_and_ends_once_all_is_ready() -> None:
    """prober_manager.go UpdatePodStatus."""
    async with tasks() as group:
        manager = Manager(pod(container("a", "readiness"), container("b", "liveness")), answer=BAD)
        manager.probing.start(group)
        await asyncio.sleep(0.3)
        manager.answer = GOOD
        manager.probing.trigger_readiness()
        await asyncio.sleep(0.1)
        assert (0.3, READINESS, Stored.SUCCESS) in manager.changes
        manager.started = False
        manager.answer = BAD
        manager.probing.trigger_readiness()
        await asyncio.sleep(0.1)
        assert manager.changes[-1] == (0.3, READINESS, Stored.SUCCESS)


class One:
    """One worker's task, over a container that runs; `answers` are what its handler gives, the last one for ever."""

    def __init__(self, *answers: Outcome | Exception, kind: ProbeType = READINESS, delay: float = 0.0) -> None:
        self.answers = list(answers)
        self.worker = Worker(kind, replace(PROBE, failure_threshold=3))
        self.judged: list[Outcome] = []
        self.requested: list[float] = []
        self.prober = Prober(
            self.worker,
            profile=NEWEST,
            delay=delay,
            view=lambda: ContainerView("A", "running", started=kind is not STARTUP),
            call=self.ask,
            judged=lambda _, outcome: self.judged.append(outcome),
            changed=lambda *_: None,
        )

    async def ask(self, *_: Any) -> Outcome:
        self.requested.append(asyncio.get_running_loop().time())
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.mark.case("worker.handler-panic")
@virtual
async def test_a_handler_that_crashes_leaves_the_result_and_the_probing_as_they_are(expect: Expect) -> None:
    """TestHandleCrash."""
    async with tasks() as group:
        one = One(GOOD, RuntimeError("boom"), GOOD)
        group.create_task(one.prober.run())
        await asyncio.sleep(2.5)
        assert one.requested == [0, 1, 2]
        assert one.judged == [GOOD, Outcome(Result.UNKNOWN, error="panic: RuntimeError('boom')"), GOOD]
        assert one.worker.results.get("A") is Stored.SUCCESS
        expect(keep_going=[True] * (len(one.requested) - 1))


@pytest.mark.case("run.jitter-after-agent-restart")
@virtual
async def test_the_ticks_begin_after_the_first_sleep(expect: Expect) -> None:
    """worker.go run."""
    async with tasks() as group:
        one = One(GOOD, delay=0.25)
        group.create_task(one.prober.run())
        await asyncio.sleep(2.5)
        assert one.requested == [0.25, 1.25, 2.25]
        expect(ticker_starts=Means("after that sleep", one.requested == [0.25, 1.25, 2.25]))


@pytest.mark.parametrize("kind", [case(f"worker.cleanup.{kind}", kind) for kind in (READINESS, STARTUP)])
def test_a_worker_that_is_stopped_leaves_the_table_with_its_result(kind: ProbeType, expect: Expect) -> None:
    """TestCleanUp; a later start makes a new worker."""

    async def main() -> None:
        async with tasks() as group:
            manager = Manager(pod(container("a", str(kind))), started=kind is not STARTUP)
            results = manager.probing.results[kind]
            for _ in range(2):
                manager.probing.start(group)
                await asyncio.sleep(0.5)
                assert (manager.workers, results.get("a")) == ([f"a/{kind}"], Stored.SUCCESS)
                (task,) = manager.probing._tasks
                for _ in range(10):
                    manager.probing.stop(kind)
                await task
                assert (manager.probing._probers, manager.probing._tasks, results.get("a")) == ({}, [], None)
                expect(
                    worker_exits=task.done(),
                    stored_result_removed=results.get("a") is None,
                    worker_removed_from_manager=not manager.probing._probers,
                    stop_is_idempotent=task.exception() is None,
                )

    run_virtual(main())


@pytest.mark.parametrize(
    ("state", "phase", "policy", "kept"),
    [
        ("terminated", "Running", "Never", False),
        ("terminated", "Running", "Always", True),
        ("running", "Failed", "Always", False),
        ("waiting", "Pending", "Never", True),
    ],
)
def test_a_worker_whose_container_is_gone_for_good_leaves_the_table(
    state: str, phase: str, policy: str, kept: bool
) -> None:
    """worker.go doProbe, prober_manager.go removeWorker."""

    async def main() -> None:
        async with tasks() as group:
            manager = Manager(pod(container("a", "readiness"), policy=policy), state=state, phase=phase)
            manager.probing.start(group)
            await asyncio.sleep(0.5)
            assert bool(manager.probing._probers) is kept

    run_virtual(main())


@virtual
async def test_a_probe_under_way_when_its_worker_is_stopped_is_still_judged() -> None:
    """worker.go run: a stop does not preempt."""
    async with tasks() as group:
        one = One(GOOD)

        async def slow(*_: Any) -> Outcome:
            await asyncio.sleep(5)
            return BAD

        one.prober._call = slow
        task = group.create_task(one.prober.run())
        await asyncio.sleep(1)
        one.prober.stop()
        await asyncio.sleep(3)
        assert not task.done()
        await asyncio.sleep(2)
        assert task.done()
        assert one.judged == [BAD]


@virtual
async def test_errors_are_retried_at_once_and_only_the_last_is_reported() -> None:
    """prober.go runProbeWithRetries."""
    async with tasks() as group:
        error = Outcome(Result.UNKNOWN, error="no")
        one = One(error, error, GOOD, error)
        group.create_task(one.prober.run())
        await asyncio.sleep(1.5)
        assert one.requested == [0, 0, 0, 1, 1, 1]
        assert one.judged == [GOOD, error]

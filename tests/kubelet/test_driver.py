"""What the driver does beside the traced scenarios: hooks, init containers, deletion, and how it ends."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from crashy.clock import run_virtual
from crashy.engines.sim.runtime import Script, SimRuntime
from crashy.kubelet.driver import PodDriver
from crashy.kubelet.outcome import Outcome, Result
from crashy.kubelet.runtime import Exited, Pod, StartError
from crashy.objects.pod import Container, parse_pod_template
from crashy.timeline import Timeline
from tests.kubelet.scripted import Answer, Hang, Life, ScriptedPhase, ScriptedProcess
from tests.kubelet.simulation import simulate

WELL = Life()
EXEC_PRE_STOP = {"preStop": {"exec": {"command": ["pre-stop"]}}}
POST_START = {"postStart": {"exec": {"command": ["post-start"]}}}
DELETE = {10: lambda driver, _: driver.delete()}


def spec(*, init: list[dict[str, Any]] | None = None, policy: str = "Always", grace: int = 30, **more: Any) -> Any:
    containers = [{"name": "app", "image": "app", **more}]
    return {
        "restartPolicy": policy,
        "terminationGracePeriodSeconds": grace,
        "initContainers": init or [],
        "containers": containers,
    }


def lives(**by_container: Life | list[Life]) -> Script:
    """Return each container its lives in turn, the last one for ever; `well` to those not named."""

    def script(_pod: Pod, container: Container, attempt: int) -> Life:
        life = by_container.get(container.name, WELL)
        return life if isinstance(life, Life) else life[min(attempt, len(life) - 1)]

    return script


# --- hooks


def test_a_failing_pre_stop_is_reported_and_the_kill_goes_on() -> None:
    script = lives(app=Life(phases=(ScriptedPhase(Answer(500), targets=("pre-stop",)),)))
    run = simulate(spec(lifecycle=EXEC_PRE_STOP), script, 60, play=DELETE)

    assert run.messages("FailedPreStopHook") == ["PreStopHook failed"]
    assert run.exited() == [10]


def test_a_pre_stop_that_never_ends_has_the_grace_and_sigterm_two_seconds() -> None:
    script = lives(app=Life(phases=(ScriptedPhase(Hang(), targets=("pre-stop",)),), term_seconds=None))
    run = simulate(spec(lifecycle=EXEC_PRE_STOP, grace=5), script, 60, play=DELETE)

    assert run.messages("FailedPreStopHook") == ["PreStopHook failed"]  # as its container ends
    assert (run.exited(), run.exit_codes()) == ([17], [137])


def test_without_grace_there_is_no_pre_stop() -> None:
    script = lives(app=Life(phases=(ScriptedPhase(Hang(), targets=("pre-stop",)),)))
    run = simulate(spec(lifecycle=EXEC_PRE_STOP), script, 60, play={10: lambda driver, _: driver.delete(0)})

    assert run.exited() == [10]


def test_a_failing_post_start_kills_the_container_which_backs_off() -> None:
    script = lives(app=Life(phases=(ScriptedPhase(Answer(500, "no"), targets=("post-start",)),)))
    run = simulate(spec(lifecycle=POST_START), script, 20)

    assert run.reasons()[:6] == ["Pulled", "Created", "Started", "FailedPostStartHook", "Killing", "Pulled"]
    assert set(run.messages("Killing")) == {"FailedPostStartHook"}
    assert ("waiting", "CrashLoopBackOff") in {(s.containers[0].state, s.containers[0].reason) for _, s in run.statuses}
    assert run.restarts == 2


def test_nothing_is_published_or_probed_while_post_start_runs() -> None:
    script = lives(app=Life(phases=(ScriptedPhase(Answer(latency=5), targets=("post-start",)),)))
    probe = {"httpGet": {"port": 80}, "periodSeconds": 1}
    run = simulate(spec(lifecycle=POST_START, readinessProbe=probe), script, 9)

    assert run.times("probe")[0] == 5
    assert next(t - run.zero for t, status in run.statuses if status.phase == "Running") == 5


# --- starts that fail


def test_a_container_that_cannot_be_started_backs_off() -> None:
    run = simulate(spec(), lives(app=[WELL, Life(start_error="no such file")]), 60, play={5: crash})

    assert run.messages("Failed")[0] == "Error: no such file"
    assert {"RunContainerError", "CrashLoopBackOff"} <= {s.containers[0].reason for _, s in run.statuses}
    last = run.status.containers[0].last_state
    assert last is not None
    assert (last.exit_code, last.reason, last.message) == (128, "StartError", "no such file")


def crash(driver: PodDriver, runtime: SimRuntime) -> None:
    process = runtime.process(driver.pod, driver.pod.template.containers[0])
    assert isinstance(process, ScriptedProcess)
    process.kernel.exit(1)


# --- init containers and sidecars


def init(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "image": "init", **more}


def test_init_containers_run_one_after_another_each_seen_at_a_relist() -> None:
    run = simulate(spec(init=[init("one"), init("two")]), lives(one=Life(exits_at=2), two=Life(exits_at=3)), 20)

    assert [event.data["container"] for _, event in run.of("process", "Started")] == ["one", "two", "app"]
    assert run.ready_changes() == [(run.started("app")[0], True)]
    assert 5 < run.started("app")[0] < 7.2
    assert [status.phase for _, status in run.statuses][-1] == "Running"


@pytest.mark.parametrize(("policy", "phase", "attempts"), [("Never", "Failed", 1), ("OnFailure", "Pending", 3)])
def test_a_failing_init_container(policy: str, phase: str, attempts: int) -> None:
    run = simulate(spec(init=[init("one")], policy=policy), lives(one=Life(exits_at=1, exit_code=3)), 20)

    assert run.status.phase == phase
    assert len(run.started("one")) == attempts
    assert run.started("app") == []


def test_a_sidecar_ends_after_the_others_when_the_work_is_done() -> None:
    sidecar = init("sidecar", restartPolicy="Always")
    run = simulate(spec(init=[sidecar], policy="Never"), lives(app=Life(exits_at=5)), 30)

    assert run.exited("sidecar")[0] > run.exited("app")[0]
    assert run.messages("Killing") == ["Stopping container sidecar"]
    assert run.status.phase == "Succeeded"


def test_a_sidecar_that_ends_is_restarted_under_every_policy() -> None:
    sidecar = init("sidecar", restartPolicy="Always")
    run = simulate(spec(init=[sidecar], policy="Never"), lives(sidecar=[Life(exits_at=3), WELL]), 30)

    assert len(run.started("sidecar")) == 2
    assert len(run.started("app")) == 1


# --- policies


def test_under_never_a_failed_liveness_stops_the_pod_for_good() -> None:
    probe = {"httpGet": {"port": 80}, "periodSeconds": 1}
    sick = Life(phases=(ScriptedPhase(Answer(500), 2),), term_code=143)
    run = simulate(spec(policy="Never", livenessProbe=probe), lives(app=sick), 30)

    assert run.messages("Killing") == ["Stopping container app"]
    assert run.status.phase == "Failed"
    assert run.restarts == 0
    assert run.gone_at is None


def test_on_failure_restarts_until_it_succeeds() -> None:
    run = simulate(spec(policy="OnFailure"), lives(app=[Life(exits_at=2, exit_code=1), Life(exits_at=2)]), 30)

    assert run.exit_codes() == [1, 0]
    assert run.status.phase == "Succeeded"


# --- the kubelet's tick grids


@pytest.mark.parametrize("clock", [0.25, 1234.625])
@pytest.mark.parametrize("seed", range(3))
def test_the_same_seed_gives_the_same_times_wherever_the_loops_clock_stands(seed: int, clock: float) -> None:
    probes = {
        kind: {"httpGet": {"port": 80, "path": "/"}, "periodSeconds": 1} for kind in ("livenessProbe", "readinessProbe")
    }
    script = lives(app=[Life(listens_at=0.4, exits_at=5.5), Life(listens_at=0.4, exits_at=3), WELL])

    reported, elsewhere = (simulate(spec(**probes), script, 30, seed=seed, clock=c) for c in (0.0, clock))

    assert [(round(t, 3), e.reason) for t, e in elsewhere.of("event")] == [
        (round(t, 3), e.reason) for t, e in reported.of("event")
    ]
    assert elsewhere.ready_changes() == reported.ready_changes()


# --- kills


def test_a_dead_container_that_nobody_has_seen_die_fails_its_probe_and_is_killed() -> None:
    # it dies between the relist and its third failing probe, as once in the traces of 23-streak-over-restart
    probe = {"httpGet": {"port": 80, "path": "/"}, "periodSeconds": 2}
    relist = random.Random(0).random()  # the driver's first draw is its phase
    sick = Life(start_seconds=0.1, phases=(ScriptedPhase(Answer(500), 3),), exits_at=6.9 + relist, exit_code=1)
    run = simulate(spec(livenessProbe=probe), lives(app=[sick, WELL]), 7.9, seed=0)
    assert "Killing" not in run.reasons()

    late = Life(start_seconds=0.1, phases=(ScriptedPhase(Answer(500), 3),), exits_at=7.85, exit_code=1)
    run = simulate(spec(livenessProbe=probe), lives(app=[late, WELL]), 8.1, seed=0)
    assert run.reasons()[-4:] == ["Killing", "Pulled", "Created", "Started"]
    assert run.exit_codes() == [1]
    assert "terminated" not in {s.containers[0].state for _, s in run.statuses}
    assert run.ready_changes() == [(0, True)]


# --- deletion


def test_deleting_breaks_off_a_kill_and_grants_the_deletions_own_grace() -> None:
    probe = {"httpGet": {"port": 80}, "periodSeconds": 1}
    deaf = Life(phases=(ScriptedPhase(Answer(500), 2),), term_seconds=None)
    run = simulate(
        spec(livenessProbe=probe, grace=30), lives(app=deaf), 90, play={10: lambda driver, _: driver.delete(3)}
    )

    assert run.messages("Killing") == [
        "Container app failed liveness probe, will be restarted",
        "Stopping container app",
    ]
    assert run.exited()[0] < 15
    assert len(run.started()) == 1


def test_deleting_again_can_only_shorten_the_grace() -> None:
    play = {
        10: lambda driver, _: driver.delete(20),
        11: lambda driver, _: driver.delete(60),
        12: lambda driver, _: driver.delete(2),
    }
    run = simulate(spec(), lives(app=Life(term_seconds=None)), 90, play=play)

    assert run.exited() == [14]


def test_deleting_while_a_container_starts_ends_that_one_too() -> None:
    async def main() -> list[str]:
        loop = asyncio.get_running_loop()
        timeline, statuses = Timeline(loop.time), []
        runtime = SimRuntime(lives(app=Life(start_seconds=5)))
        template = parse_pod_template({"spec": spec()}, path="")
        pod = Pod("s", "NS", "UID", "10.0.0.1", template)
        driver = PodDriver(pod, runtime, timeline.add, statuses.append, rng=random.Random(0))
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            group.create_task(driver.run())
            await asyncio.sleep(2)
            driver.delete()
        return [event.reason for event in timeline.since() if event.kind == "process"]

    assert run_virtual(main()) == ["Started", "Exited"]


def test_a_pod_deleted_in_back_off_is_gone_soon() -> None:
    run = simulate(spec(), lives(app=Life(exits_at=1, exit_code=1)), 60, play=DELETE)

    assert run.gone_at is not None
    assert run.gone_at < 12
    assert run.status.phase == "Failed"


def test_a_finished_pod_stays_until_it_is_deleted() -> None:
    run = simulate(spec(policy="Never"), lives(app=Life(exits_at=1)), 60, play=DELETE)

    assert run.status.phase == "Succeeded"
    assert run.gone_at == 10  # at once: nothing has to be ended


# --- runtimes of another kind


class Hasty:
    """Its containers end before `start` has given their id."""

    async def start(self, _pod: Pod, _container: Container, attempt: int, on_exit: Any) -> str:
        if attempt > 2:
            raise StartError("enough")
        on_exit(Exited(f"c{attempt}", 1, asyncio.get_running_loop().time()))
        return f"c{attempt}"

    async def stop(self, _container_id: str, _grace: float) -> None:
        pass

    async def probe(self, *_: Any) -> Outcome:
        return Outcome(Result.SUCCESS)

    async def hook(self, *_: Any) -> None:
        pass


def test_an_exit_may_be_reported_before_the_start_has_returned() -> None:
    async def main() -> tuple[int, int]:
        loop = asyncio.get_running_loop()
        timeline = Timeline(loop.time)
        template = parse_pod_template({"spec": spec()}, path="")
        pod = Pod("s", "NS", "UID", "10.0.0.1", template)
        driver = PodDriver(pod, Hasty(), timeline.add, lambda _: None, rng=random.Random(0))
        task = asyncio.create_task(driver.run())
        await asyncio.sleep(100)
        task.cancel()
        await asyncio.wait({task})
        assert asyncio.all_tasks() == {asyncio.current_task()}
        exits = [e for e in timeline.since() if e.kind == "process" and e.reason == "Exited"]
        return len(exits), driver.status.containers[0].restart_count

    exits, restarts = run_virtual(main())
    assert exits == 3
    assert restarts >= 3

"""What faults do to the processes of a container that runs a program of its own."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from crashy.engines.lab import proc
from tests.elsewhere import needs_addresses, needs_cgroups, needs_proc
from tests.engines.lab.outside.labs import app, lab, no_cgroups, served

pytestmark = [needs_proc, needs_addresses, pytest.mark.slow]


def states(pids: list[int]) -> set[str]:
    return {(proc.state(pid) or ("gone", 0))[0] for pid in pids}


@pytest.fixture(params=["stopped", pytest.param("frozen", marks=needs_cgroups)])
def how(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Where there are no control groups processes are stopped one by one."""
    if request.param == "stopped":
        no_cgroups(monkeypatch)
    return str(request.param)


async def test_a_freeze_stops_a_server_with_workers_until_it_is_recovered(how: str, tmp_path: Path) -> None:
    spec = "freeze" if how == "frozen" else "freeze mode=stop for=1h"
    async with lab(served(app()), tmp_path) as one:
        await one.answers()
        await one.inject(spec)
        processes = one.processes()
        unanswered = [(await one.ask(0.2)).failure for _ in range(4)]
        if how == "stopped":
            await one.until(lambda: states(processes) == {"T"})
        await one.recover()
        await one.answers()

        assert len(processes) == 3
        assert unanswered == ["timeout"] * 4
        assert "T" not in states(processes)
        assert one.faults() == [("Injected", spec), ("Recovered", "all")]
        assert one.restarts == 0


async def test_a_freeze_starts_and_ends_by_itself(tmp_path: Path) -> None:
    spec = "freeze after=100ms for=300ms"
    async with lab(served(app()), tmp_path) as one:
        await one.answers()
        await one.inject(spec)
        await one.until(lambda: one.events("Ended"))
        await one.answers()

        assert one.faults() == [("Injected", spec), ("Started", spec), ("Ended", spec)]


async def test_without_proc_a_containers_process_group_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_cgroups(monkeypatch)
    async with lab(served(app()), tmp_path) as one:
        await one.answers()
        processes = one.processes()
        monkeypatch.setattr(proc, "children", lambda _: None)
        await one.inject("freeze")
        await one.until(lambda: states(processes) == {"T"})
        await one.recover()
        await one.answers()


FORKS = "while :; do sleep 0.01 & done"


async def test_what_is_forked_while_a_container_is_being_stopped_stands_still_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_cgroups(monkeypatch)
    async with lab(served(app("sh", "-c", FORKS)), tmp_path) as one:
        for _ in range(5):
            await one.inject("freeze")
            await one.until(lambda: states(one.processes()) == {"T"})
            before = one.processes()
            await asyncio.sleep(0)
            assert one.processes() == before
            await one.recover()
            await one.until(lambda: states(one.processes()) != {"T"})


async def test_a_probes_command_is_none_of_the_containers_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_cgroups(monkeypatch)
    async with lab(served(app("sleep", "600")), tmp_path) as one:
        await one.inject("freeze")
        said = await one.engine.exec(one.view.pod, "app", ("echo", "here"), 5)

        assert said == "exit code 0"
        await one.until(lambda: states(one.processes()) == {"T"})


async def test_a_daemon_that_left_its_session_is_one_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    no_cgroups(monkeypatch)
    daemon = "(setsid sleep 601 &); exec sleep 600"
    async with lab(served(app("sh", "-c", daemon)), tmp_path) as one:
        await one.until(lambda: {proc.arguments(pid)[1] for pid in one.processes()} == {b"600", b"601"})
        await one.inject("freeze")
        await one.until(lambda: states(one.processes()) == {"T"})

        assert len(one.processes()) == 2


@pytest.mark.parametrize(("spec", "code"), [("crash code=3", 137), ("crash mode=signal", 139)])
async def test_a_crash_ends_the_whole_container_and_tells_how(spec: str, code: int, tmp_path: Path) -> None:
    async with lab(served(app()), tmp_path) as one:
        await one.answers()
        processes = one.processes()
        await one.inject(spec)
        await one.until(lambda: one.exit_codes)
        gone = states(processes)
        await one.until(lambda: one.restarts == 1)
        await one.answers()

        assert one.exit_codes == [code]
        assert gone <= {"gone", "Z"}
        assert one.faults() == [("Injected", spec)]


async def test_a_signal_that_a_program_handles_is_its_own_affair(tmp_path: Path) -> None:
    trap = "trap 'echo reloading' HUP; echo up; while :; do sleep 0.02; done"
    async with lab(served(app("sh", "-c", trap)), tmp_path) as one:
        await one.until(lambda: [e for e in one.timeline.since() if e.message == "up"])
        await one.inject("crash mode=signal signal=HUP")
        await one.until(lambda: [e for e in one.timeline.since() if e.message == "reloading"])

        assert one.restarts == 0


async def test_a_stopped_container_can_be_killed_by_its_kubelet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_cgroups(monkeypatch)
    probe = {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1, "failureThreshold": 1}
    async with lab(served(app(livenessProbe=probe)), tmp_path) as one:
        await one.answers()
        await one.inject("freeze")
        await one.until(lambda: one.restarts == 1)
        await one.answers()

        assert one.exit_codes == [137]
        assert one.faults() == [("Injected", "freeze"), ("Ended", "freeze")]


async def test_network_faults_outlive_a_container_and_those_of_its_process_do_not(tmp_path: Path) -> None:
    async with lab(served(app()), tmp_path) as one:
        await one.answers()
        await one.inject("error code=503")
        await one.inject("freeze")
        await one.inject("crash")
        await one.until(lambda: one.restarts == 1)
        await one.until(lambda: len(one.processes()) == 3)

        assert [fault.fault.name for fault in one.engine.outside(one.view.pod)] == ["error"]
        assert (await one.ask()).status == 503


async def test_a_fault_waits_for_a_request_and_for_the_next_life(tmp_path: Path) -> None:
    async with lab(served(app()), tmp_path) as one:
        await one.answers()
        await one.inject("crash routes=/checkout every=2")
        await one.ask(path="/checkout")
        assert (await one.ask(path="/checkout")).failure == "reset"
        await one.until(lambda: one.restarts == 1)
        await one.answers()

        assert [fault.state for fault in one.engine.outside(one.view.pod)] == ["pending"]


async def test_each_container_of_a_pod_has_its_own_faults(tmp_path: Path) -> None:
    other = {**app("sleep", "600"), "name": "other"}
    async with lab(served(app(), other), tmp_path) as one:
        await one.until(lambda: len(one.processes()) == 4)
        await one.inject("crash", "other")
        await one.until(lambda: one.restarts == 1)

        assert [status.restart_count for status in one.view.status.containers] == [0, 1]
        await one.answers()


async def test_what_does_not_run_has_no_process_to_stop(tmp_path: Path) -> None:
    async with lab(served(app("sh", "-c", "sleep 0.1; exit 1"), restartPolicy="Never"), tmp_path) as one:
        await one.until(lambda: one.exit_codes)
        await one.inject("freeze")
        await one.inject("latency delay=1s")

        assert [fault for fault in one.faults() if fault[0] == "NotInjected"] == [
            ("NotInjected", "freeze: container: app is not running")
        ]


async def test_the_nodes_end_is_not_undone_by_a_faults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    no_cgroups(monkeypatch)
    async with lab(served(app()), tmp_path) as one:
        await one.answers()
        await one.inject("freeze for=200ms")
        await one.engine.stop("node")
        await one.until(lambda: one.events("Ended"))
        await one.until(lambda: states(one.processes()) == {"T"})

        for pid in one.processes():
            os.kill(pid, signal.SIGKILL)

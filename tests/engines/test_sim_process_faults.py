"""Faults of the process on sim: as on a real patient, in virtual time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from crashy.engines.sim.process import Cut, Hang, Stopped
from crashy.faults.base import FaultError
from crashy.objects.pod import Exec, HTTPGet, TCPSocket
from crashy.patient.answers import Answer
from tests.engines.test_sim_patient import World, play


def test_by_the_gil_nothing_is_answered_but_commands_run_and_connections_are_taken() -> None:
    async def action(world: World) -> None:
        await world.at(1)
        assert world.patient is not None
        world.inject("freeze mode=gil for=5s")
        assert isinstance(await world.get("/ready"), Stopped)
        assert isinstance(await world.patient.respond(HTTPGet(8081, "/admin/status"), 8081, 1, "users"), Stopped)
        assert isinstance(await world.patient.respond(TCPSocket(8080), 8080, 1, "kubelet"), Answer)
        assert isinstance(await world.patient.respond(Exec(("cat", "/app/is_ready")), 0, 1, "kubelet"), Answer)
        assert world.patient.recover() == "timeout"
        await world.at(6.1)
        assert await world.status("/ready") == 200

    play(action)


@pytest.mark.parametrize("mode", ["threads", "deadlock"])
def test_users_wait_and_probes_pass(mode: str) -> None:
    async def action(world: World) -> None:
        await world.at(1)
        world.inject(f"freeze mode={mode} for=5s")
        assert isinstance(await world.get("/", "users"), Hang)
        assert await world.status("/ready") == 200
        assert await world.status("/livez", "users") == 200
        assert await world.status("/", "users", within=9) == 200  # once the fault has ended

    play(action)


@pytest.mark.parametrize(
    ("spec", "code"),
    [
        ("crash code=3 message=bye", 3),
        ("crash mode=signal message=bye", 139),
        ("crash mode=overflow message=bye", 139),
        ("crash mode=abort message=bye", 134),
    ],
)
def test_a_crash_has_its_code_and_its_message(spec: str, code: int) -> None:
    async def action(world: World) -> Any:
        await world.at(1)
        patient = world.patient
        assert patient is not None
        world.inject(spec)
        return [(one.exit_code, one.message) for one in world.exits], patient.last_words

    assert play(action) == ([(code, "bye")], "bye")


def test_zombies_are_refused_by_name() -> None:
    async def action(world: World) -> None:
        await world.at(1)
        with pytest.raises(FaultError, match="not on sim: a modelled container has one process"):
            world.inject("fork-zombies")

    play(action)


def test_a_slow_drain_ends_with_its_fault() -> None:
    async def action(world: World) -> Any:
        await world.at(1)
        assert world.patient is not None
        world.inject("slow-drain by=1h")
        world.patient.terminate()
        await world.at(10)
        assert await world.status("/ready") == 503
        patient = world.patient
        patient.recover()
        return [one.exit_code for one in world.exits], patient.last_words

    assert play(action) == ([0], "SIGTERM: 0 requests in flight, 0 late arrivals; 0 finished, 0 dropped")


def test_sigterm_is_lost_while_it_is_ignored() -> None:
    async def action(world: World) -> list[int]:
        await world.at(1)
        assert world.patient is not None
        world.inject("ignore-sigterm for=2s")
        world.patient.terminate()
        assert "Signal: SIGTERM: ignored" in world.log
        await world.at(10)
        assert await world.status("/ready") == 200
        world.patient.terminate()
        await world.at(12)
        return [one.exit_code for one in world.exits]

    assert play(action) == [0]


def test_an_instant_exit_cuts_the_requests_off() -> None:
    async def action(world: World) -> Any:
        await world.at(1)
        patient = world.patient
        assert patient is not None
        asked = asyncio.ensure_future(world.get("/", "users"))
        await world.at(1.1)
        patient.terminate()
        return await asked, patient.last_words

    condition, words = play(action, SHUTDOWN="instant", FAULTS="latency delay=500ms")
    assert isinstance(condition, Cut)
    assert words == "SIGTERM: 1 request in flight, 0 late arrivals; 0 finished, 1 dropped"

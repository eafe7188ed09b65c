"""Modelled containers: what they answer, when they end, and that a day of them is the same each time."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

import pytest

from crashy.clock import run_virtual
from crashy.engines.sim.plans import Silent
from crashy.engines.sim.process import Broken, CallFailed, Plan
from crashy.engines.sim.replies import reply
from crashy.engines.sim.runtime import SimRuntime
from crashy.kubelet.driver import PodDriver
from crashy.kubelet.handlers.judge import AWAITING
from crashy.kubelet.outcome import Outcome, Result
from crashy.kubelet.runtime import Exited, HookError, Pod, StartError
from crashy.kubelet.versions import NEWEST
from crashy.objects.pod import (
    GRPC,
    Container,
    ContainerPort,
    Exec,
    Handler,
    HTTPGet,
    PodTemplate,
    Probe,
    TCPSocket,
    parse_pod_template,
)
from crashy.timeline import Timeline
from tests.kubelet.scripted import (
    Answer,
    Condition,
    Cut,
    Full,
    Hang,
    Life,
    Refuse,
    ScriptedPhase,
    ScriptedProcess,
    Stall,
    Stopped,
    healthy,
)

APP = Container("app")
POD = Pod("web", "default", "uid", "10.0.0.1", PodTemplate((APP,)))
HTTP, TCP, EXEC, RPC = HTTPGet(80, "/x"), TCPSocket(80), Exec(("cat", "f")), GRPC(80)
RPC_FAILED = "error: health rpc probe failed: rpc error: "
GET = 'Get "http://10.0.0.1:80/x": '


@pytest.mark.parametrize(
    ("handler", "condition", "seconds", "result", "output"),
    [
        (HTTP, Answer(), 0, Result.SUCCESS, "ok"),
        (HTTP, Answer(399, latency=0.9), 0.9, Result.WARNING, "Probe terminated redirects, Response body: ok"),
        (HTTP, Answer(400), 0, Result.FAILURE, "HTTP probe failed with statuscode: 400"),
        (HTTP, Answer(latency=1), 1, Result.FAILURE, f"{GET}context deadline exceeded (Client.Timeout exceeded"),
        (HTTP, Hang(), 1, Result.FAILURE, f"{GET}context deadline exceeded (Client.Timeout exceeded"),
        (HTTP, Refuse(), 0, Result.FAILURE, f"{GET}dial tcp 10.0.0.1:80: connect: connection refused"),
        (HTTP, Stopped(), 1, Result.FAILURE, f"{GET}context deadline exceeded (Client.Timeout exceeded"),
        (HTTP, Cut(0.4), 0.4, Result.FAILURE, f"{GET}EOF"),
        (RPC, Cut(0.4), 0.4, Result.FAILURE, "error: health rpc probe failed"),
        (TCP, Answer(500), 0, Result.SUCCESS, ""),
        (TCP, Stopped(), 0, Result.SUCCESS, ""),
        (TCP, Refuse(), 0, Result.FAILURE, "dial tcp 10.0.0.1:80: connect: connection refused"),
        (EXEC, Answer(body="fine"), 0, Result.SUCCESS, "fine"),
        (EXEC, Answer(500, "no such file"), 0, Result.FAILURE, "no such file"),
        (EXEC, Refuse(), 0, Result.SUCCESS, ""),
        (EXEC, Cut(0.4), 0.4, Result.FAILURE, ""),
        (EXEC, Hang(), 1, Result.FAILURE, 'command timed out: "cat f" timed out after 1s'),
        (RPC, Answer(), 0, Result.SUCCESS, "service healthy"),
        (RPC, Answer(500), 0, Result.FAILURE, 'service unhealthy (responded with "NOT_SERVING")'),
        (RPC, Refuse(), 1, Result.FAILURE, 'timeout: failed to connect service "10.0.0.1:80" within 1s'),
        (RPC, Stopped(), 1, Result.FAILURE, 'timeout: failed to connect service "10.0.0.1:80" within 1s'),
        (
            RPC,
            CallFailed(5, "unknown service"),
            0,
            Result.FAILURE,
            f"{RPC_FAILED}code = NotFound desc = unknown service",
        ),
        (
            RPC,
            CallFailed(12, "no"),
            0,
            Result.FAILURE,
            "error: this server does not implement the grpc health protocol",
        ),
        (HTTP, Broken("no such host", 0.2), 0.2, Result.FAILURE, f"{GET}no such host"),
        (TCP, Broken("no such host"), 0, Result.FAILURE, "no such host"),
        (RPC, Hang(), 1, Result.FAILURE, "timeout: health rpc did not complete within 1s"),
    ],
)
def test_a_probe_learns(handler: Handler, condition: Condition, seconds: float, result: Result, output: str) -> None:
    took, outcome = reply(condition, Probe(handler), "10.0.0.1:80", NEWEST.texts, "http://10.0.0.1:80/x")

    assert (took, outcome.result, outcome.error) == (seconds, result, "")
    assert outcome.output.startswith(output)


def test_a_command_cannot_be_run_in_a_container_that_has_ended() -> None:
    assert reply(Cut(), Probe(EXEC), "", NEWEST.texts) == (0, Outcome(Result.UNKNOWN, error="container not running"))


@pytest.mark.parametrize(
    ("handler", "output"),
    [(HTTP, f"{GET}{AWAITING}"), (TCP, "dial tcp 10.0.0.1:80: i/o timeout")],
)
def test_nothing_connects_to_a_full_queue(handler: Handler, output: str) -> None:
    assert reply(Full(), Probe(handler), "10.0.0.1:80", NEWEST.texts, "http://10.0.0.1:80/x") == (
        1,
        Outcome(Result.FAILURE, output),
    )


def test_a_stalled_body_is_an_error() -> None:
    _, outcome = reply(Stall(), Probe(HTTP), "10.0.0.1:80", NEWEST.texts)

    assert outcome.errored


class AtZero:
    """A machine on which no time passes."""

    def now(self) -> float:
        return 0.0

    def call_at(self, when: float, callback: object) -> None:
        pass

    def exit(self, code: int, reason: str = "") -> None:
        pass


def test_the_last_spell_that_holds_counts() -> None:
    phases = (ScriptedPhase(Hang(), 1, 4), ScriptedPhase(Answer(500), 2, 3, ("/a", "/b*")))
    life = Life(listens_at=0.5, phases=phases, on_term=(ScriptedPhase(Answer(503), 1),))
    process = ScriptedProcess(life, AtZero(), terminated_at=5)

    assert [process.condition(t, "/bc") for t in (0, 0.5, 1, 2, 3, 4, 6)] == [
        Refuse(),
        Answer(),
        Hang(),
        Answer(500),
        Hang(),
        Answer(),
        Answer(503),
    ]
    assert process.condition(2, "/c") == Hang()
    assert process.condition(0, "cat f", network=False) == Answer()


async def started(runtime: SimRuntime, exits: list[Exited]) -> str:
    return await runtime.start(POD, APP, 0, exits.append)


def in_virtual_time(life: Plan, play: Any) -> list[tuple[float, int]]:
    """Play with one container from its start and return when and how it ended."""
    exits: list[Exited] = []

    async def main() -> float:
        runtime = SimRuntime(lambda *_: life)
        container_id = await started(runtime, exits)
        begun = asyncio.get_running_loop().time()
        await play(runtime, container_id)
        await asyncio.sleep(100)
        return begun

    begun = run_virtual(main())
    return [(round(e.finished_at - begun, 6), e.exit_code) for e in exits]


async def nothing(_runtime: SimRuntime, _container_id: str) -> None:
    pass


async def stop_at_3(runtime: SimRuntime, container_id: str) -> None:
    await asyncio.sleep(3)
    await runtime.stop(container_id, 5)


async def exit_at_3(runtime: SimRuntime, _container_id: str) -> None:
    await asyncio.sleep(3)
    process = runtime.process(POD, APP)
    assert isinstance(process, ScriptedProcess)
    process.kernel.exit(9)
    process.kernel.exit(10)


async def give_up_stopping_and_stop_again(runtime: SimRuntime, container_id: str) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(1):
            await runtime.stop(container_id, 50)
    await runtime.stop(container_id, 2)


@pytest.mark.parametrize(
    ("life", "play", "ends"),
    [
        (Life(), nothing, []),
        (Life(exits_at=7, exit_code=3), nothing, [(7, 3)]),
        (Life(), exit_at_3, [(3, 9)]),
        (Life(), stop_at_3, [(3, 0)]),
        (Life(exits_at=1), stop_at_3, [(1, 0)]),
        (Life(exits_at=5, exit_code=1, term_seconds=4), stop_at_3, [(5, 1)]),
        (Life(term_seconds=2, term_code=143), stop_at_3, [(5, 143)]),
        (Life(term_seconds=6), stop_at_3, [(8, 137)]),
        (Life(term_seconds=None), stop_at_3, [(8, 137)]),
        (Life(term_seconds=None), give_up_stopping_and_stop_again, [(3, 137)]),
        (Life(term_seconds=2), give_up_stopping_and_stop_again, [(2, 0)]),
        (Life(phases=(ScriptedPhase(Stopped(), 1),)), stop_at_3, [(8, 137)]),
        (Life(phases=(ScriptedPhase(Stopped(), 1, 6),)), stop_at_3, [(6, 0)]),
        (Silent(), stop_at_3, [(3, 143)]),
        (Silent(done=True), nothing, [(0, 0)]),
    ],
)
def test_a_container_ends(life: Plan, play: Any, ends: list[tuple[float, int]]) -> None:
    assert in_virtual_time(life, play) == ends


def virtually(main: Coroutine[Any, Any, None]) -> None:
    run_virtual(main)


def test_a_stopped_container_lets_its_backlog_and_one_connect() -> None:
    async def main() -> None:
        runtime = SimRuntime(lambda *_: Life(phases=(ScriptedPhase(Stopped()),), backlog=2))
        container_id = await started(runtime, [])
        await asyncio.sleep(1)
        outcomes = [await runtime.probe(POD, APP, container_id, Probe(TCP)) for _ in range(5)]
        assert [outcome.healthy for outcome in outcomes] == [True, True, True, False, False]

    virtually(main())


def test_a_spell_can_be_injected_and_what_has_ended_refuses() -> None:
    async def main() -> None:
        runtime = SimRuntime(healthy)
        container_id = await started(runtime, [])
        await asyncio.sleep(10)
        process = runtime.process(POD, APP)
        assert isinstance(process, ScriptedProcess)
        process.inject(ScriptedPhase(Answer(503), 0, 5))
        assert not (await runtime.probe(POD, APP, container_id, Probe(HTTP))).healthy
        await asyncio.sleep(5)
        assert (await runtime.probe(POD, APP, container_id, Probe(HTTP))).healthy
        await runtime.stop(container_id, 1)
        assert "refused" in (await runtime.probe(POD, APP, container_id, Probe(HTTP))).output
        await runtime.stop(container_id, 1)

    virtually(main())


def test_a_port_that_cannot_be_reported_is_an_error_and_a_named_one_is_found() -> None:
    async def main() -> None:
        runtime = SimRuntime(healthy)
        named = Container("app", ports=(ContainerPort(8080, "web"),))
        assert (await runtime.probe(POD, APP, "gone", Probe(HTTPGet("web")))).errored
        outcome = await runtime.probe(POD, named, "gone", Probe(HTTPGet("web")))
        assert ":8080" in outcome.output

    virtually(main())


def test_a_start_may_fail_and_so_may_a_hook() -> None:
    async def main() -> None:
        with pytest.raises(StartError, match="no such image"):
            await started(SimRuntime(lambda *_: Life(start_error="no such image")), [])
        runtime = SimRuntime(lambda *_: Life(phases=(ScriptedPhase(Answer(500, "no"), targets=("cat f",)),)))
        container_id = await started(runtime, [])
        with pytest.raises(HookError, match="no"):
            await runtime.hook(POD, APP, container_id, EXEC)
        with pytest.raises(HookError, match="refused"):
            await runtime.hook(POD, APP, container_id, HTTP)
        await asyncio.sleep(1)
        await runtime.hook(POD, APP, container_id, HTTP)

    virtually(main())


def test_the_same_seed_gives_the_same_hour_byte_for_byte() -> None:
    spec = {
        "containers": [
            {"name": "app", "image": "app", "livenessProbe": {"httpGet": {"port": 80}, "periodSeconds": 1}},
        ]
    }

    def hour(seed: int) -> str:
        async def main() -> str:
            loop = asyncio.get_running_loop()
            rng, timeline = random.Random(seed), Timeline(loop.time)

            def script(*_: object) -> Life:
                conditions: list[Condition] = [Hang(), Answer(500), Stopped()]
                sick = ScriptedPhase(rng.choice(conditions), begin := rng.uniform(0, 900), begin + 60)
                return Life(phases=(sick,), exits_at=rng.expovariate(1 / 600), exit_code=1)

            runtime = SimRuntime(script)
            template = parse_pod_template({"spec": spec}, path="")
            async with asyncio.TaskGroup() as group:
                drivers = [
                    PodDriver(
                        Pod(f"web-{i}", "default", f"uid-{i}", f"10.0.0.{i}", template),
                        runtime,
                        timeline.add,
                        lambda _: None,
                        rng=rng,
                    )
                    for i in range(3)
                ]
                for driver in drivers:
                    group.create_task(driver.run())
                await asyncio.sleep(3600)
                for driver in drivers:
                    driver.delete()
            return "\n".join(event.to_json() for event in timeline.since())

        text: str = run_virtual(main())
        return text

    first = hour(1)
    assert first == hour(1)
    assert first != hour(2)
    assert {"Killing", "BackOff"} <= {json.loads(line)["reason"] for line in first.splitlines()}

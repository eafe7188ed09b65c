"""The modelled patient: it says what the real one says, and does in virtual time what its settings and faults say."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from crashy.clock import run_virtual
from crashy.engines.sim.patient import ADMIN_PAGES, ModelledPatient, PatientPlan
from crashy.engines.sim.process import CallFailed, Condition, Cut, Hang, Refuse, Stall, Stopped
from crashy.engines.sim.runtime import SimRuntime
from crashy.faults.base import parse_spec
from crashy.faults.scope import Client
from crashy.grpc import Code
from crashy.kubelet.runtime import Exited, Pod
from crashy.objects.pod import GRPC, Container, Exec, HTTPGet, PodTemplate, TCPSocket
from crashy.patient.answers import PAGES, Answer
from crashy.patient.identity import identify
from crashy.patient.probes import PROBES
from crashy.patient.settings import IMAGE, load
from crashy.server.admin import OPERATIONS
from crashy.server.app import create_app
from crashy.server.patient import Patient

APP = Container("app", image="crashy-app")
POD = Pod("web", "default", "uid", "10.0.0.1", PodTemplate((APP,)))
SAID = (*(route.path for route in PROBES), *PAGES)
PATHS = (*SAID, "/nowhere", "/3", "/admin/status")
SPECS = (
    "",
    "unready",
    "unlive",
    "unready times=1",
    "crash mode=errors",
    "error",
    "error code=429 routes=/,/ready",
    "error clients=kubelet",
    "latency delay=0.01",
    "unready routes=/api/*",
    "unlive clients=users",
)


class World:
    """One modelled patient that runs, and the seconds since its process began."""

    def __init__(self, runtime: SimRuntime, exits: list[Exited], log: list[str]) -> None:
        self.runtime = runtime
        self.exits = exits
        self.log = log
        self.began = asyncio.get_running_loop().time()

    @property
    def patient(self) -> ModelledPatient | None:
        process = self.runtime.process(POD, APP)
        assert process is None or isinstance(process, ModelledPatient)
        return process

    async def at(self, t: float) -> None:
        await asyncio.sleep(self.began + t - asyncio.get_running_loop().time())

    async def get(self, path: str, client: Client = "kubelet", within: float = 1) -> Condition:
        handler = HTTPGet(8080, path)
        if client == "users":
            return await self.runtime.ask(POD.ip, handler, 8080, within)
        return await self.patient.respond(handler, 8080, within, client) if self.patient else Refuse()

    async def status(self, path: str, client: Client = "kubelet", within: float = 1) -> int:
        condition = await self.get(path, client, within)
        assert isinstance(condition, Answer), condition
        return condition.status

    def inject(self, spec: str) -> str:
        assert self.patient is not None
        return self.patient.inject(parse_spec(spec), "test")


def play(action: Callable[[World], Awaitable[Any]], **environ: str) -> Any:
    """Start a patient with these settings and play with it in virtual time."""

    async def main() -> Any:
        exits: list[Exited] = []
        log: list[str] = []
        settings = load((), IMAGE | environ)
        plan = PatientPlan(settings, "web", random.Random(1), lambda reason, text: log.append(f"{reason}: {text}"))
        runtime = SimRuntime(lambda *_: plan)
        await runtime.start(POD, APP, 0, exits.append)
        return await action(World(runtime, exits, log))

    return run_virtual(main())


def real_patient() -> Patient:
    settings = load((), {"POD_NAME": "web"})
    return Patient(settings, identify(settings, {}, lambda: "the-host"))


def said(path: str, status: int, text: str) -> tuple[int, str]:
    """Return what can be compared: no model makes bytes or JSON, and no two clocks count alike since a crash."""
    return status, re.sub(r"\d+\.\d\d seconds", "T seconds", text) if path in SAID else ""


@pytest.mark.parametrize("client", ["kubelet", "users"])
@pytest.mark.parametrize("spec", SPECS)
async def test_the_model_answers_as_the_patient_does(spec: str, client: Client) -> None:
    patient = real_patient()
    headers = {"User-Agent": "kube-probe/1.36" if client == "kubelet" else "curl"}
    real: dict[str, object] = {}
    async with TestClient(TestServer(create_app(patient, admin=False))) as asking:
        for path in PATHS:
            if spec:
                patient.inject(parse_spec(spec))
            async with asking.get(path, headers=headers) as answer:
                real[path] = said(path, answer.status, await answer.text(errors="replace"))
            patient.recover()

    async def modelled(world: World) -> dict[str, object]:
        await world.at(1)
        found: dict[str, object] = {}
        for path in PATHS:
            if spec:
                world.inject(spec)
            condition = await world.get(path, client)
            assert isinstance(condition, Answer), condition
            found[path] = said(path, condition.status, condition.body)
            assert world.patient is not None
            world.patient.recover()
        return found

    assert await asyncio.to_thread(play, modelled) == real


async def test_the_model_knows_every_route_of_the_patient() -> None:
    app = create_app(real_patient(), admin=False)
    paths = {route.resource.canonical for route in app.router.routes() if route.method == "GET" and route.resource}

    async def modelled(world: World) -> list[str]:
        await world.at(1)
        plain = sorted(path for path in paths if "{" not in path and path not in {"/crash", "/freeze"})
        return [path for path in plain if await world.status(path) == 404]

    assert await asyncio.to_thread(play, modelled) == []


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, [0, 200, 200, 200]),
        ({"CRASH_AFTER": "5"}, [0, 200, 200, 500]),
        ({"FREEZE_AFTER": "5"}, [0, 200, 200, -1]),
        ({"APP_START_DELAY": "5"}, [0, 0, 0, 200]),
        ({"READY_AFTER": "5"}, [0, 503, 503, 200]),
        ({"READINESS_LATENCY": "0.9"}, [0, 200, 200, 200]),
        ({"READINESS_LATENCY": "1"}, [0, -1, -1, -1]),
        ({"LIVENESS_LATENCY": "1"}, [0, 200, 200, 200]),
        ({"FAULTS": "unready after=2s for=3s; error code=418 routes=/readyz after=7s"}, [0, 200, 503, 418]),
        ({"KILL_IN_SECONDS": "5"}, [0, 200, 200, 0]),
    ],
)
def test_settings_run_their_course(environ: dict[str, str], expected: list[int]) -> None:
    """Asked for readiness after 0.1, 1, 4 and 9 seconds: a status, 0 where nobody listens, -1 for no answer."""

    async def requested(world: World) -> list[int]:
        found = []
        for t in (0.1, 1, 4, 9):
            await world.at(t)
            match await world.get("/readyz"):
                case Answer(status):
                    found.append(status)
                case Refuse():
                    found.append(0)
                case Hang() | Stopped():
                    found.append(-1)
        return found

    assert play(requested, **environ) == expected


@pytest.mark.parametrize(
    ("spec", "code"),
    [("crash", 1), ("crash code=7", 7), ("crash mode=signal", 139), ("crash mode=signal signal=KILL", 137)],
)
def test_a_crash_ends_the_process_and_cuts_off_who_waits(spec: str, code: int) -> None:
    async def crash(world: World) -> Condition:
        await world.at(1)
        world.inject("freeze mode=hang")
        waiting = asyncio.create_task(world.get("/"))
        await world.at(1.5)
        world.inject(spec)
        assert [exited.exit_code for exited in world.exits] == [code]
        assert await world.get("/", "users") == Refuse()
        return await waiting

    assert play(crash) == Cut(0.5)


def test_a_trap_springs_on_the_request_that_it_names() -> None:
    async def trap(world: World) -> None:
        await world.at(1)
        world.inject("crash routes=/info every=2")
        assert [await world.status("/"), await world.status("/info")] == [200, 200]
        assert await world.get("/info", "users") == Cut()
        assert world.exits

    play(trap)


def test_a_probes_headers_are_those_that_a_fault_selects() -> None:
    async def select(world: World) -> None:
        await world.at(1)
        world.inject("error headers=x-user=4* clients=kubelet")
        for headers, status in ((), 200), ((("X-User", "42"),), 500), ((("x-user", "24"),), 200):
            handler = HTTPGet(8080, "/readyz", headers=headers)
            assert world.patient is not None
            answer = await world.patient.respond(handler, 8080, 1, "kubelet")
            assert isinstance(answer, Answer)
            assert answer.status == status

    play(select)


def test_a_blocked_loop_answers_when_it_is_free_again() -> None:
    async def freeze(world: World) -> None:
        await world.at(1)
        world.inject("freeze for=10s")
        assert await world.get("/livez") == Stopped()
        assert await world.runtime.ask(POD.ip, HTTPGet(8080, "/hostname"), 8080, 30) == Answer(body="web", latency=9)
        world.inject("freeze")
        assert world.inject("unlive") == ""  # its admin API has a thread of its own
        assert world.patient is not None
        world.patient.recover()
        assert await world.status("/livez") == 200

    play(freeze)


def test_a_stopped_process_hears_nothing_until_it_is_woken() -> None:
    async def stop(world: World) -> None:
        await world.at(1)
        world.inject("crash after=2s")
        world.inject("freeze mode=stop for=10s")
        assert world.inject("unlive") == "timeout"
        await world.at(10.9)
        assert not world.exits
        await world.at(11.1)
        assert [exited.exit_code for exited in world.exits] == [1]

    play(stop)


def test_a_deaf_one_refuses_and_its_admin_port_does_not() -> None:
    async def deafen(world: World) -> None:
        await world.at(1)
        world.inject("freeze mode=deaf for=3s")
        patient = world.patient
        assert patient is not None
        assert await world.get("/livez") == Refuse()
        assert await patient.respond(TCPSocket(8081), 8081, 1, "kubelet") == Answer()
        await world.at(4.1)
        assert await patient.respond(TCPSocket(8080), 8080, 1, "kubelet") == Answer()

    play(deafen)


def test_a_process_of_one_thread_serves_one_after_another() -> None:
    async def load(world: World) -> list[Condition]:
        await world.at(1)
        requested = [world.get("/1", "users", 0.35) for _ in range(4)]
        return [*await asyncio.gather(*requested), await world.get("/livez")]

    blocking = play(load, RNG_MODE="blocking")
    assert [round(c.latency, 6) if isinstance(c, Answer) else c for c in blocking] == [0.1, 0.2, 0.3, Hang(), 0.05]
    concurrent = play(load)
    assert [round(c.latency, 6) if isinstance(c, Answer) else c for c in concurrent] == [0.1] * 4 + [0]


@pytest.mark.parametrize(
    ("service", "healthy", "unready"),
    [("", 200, 503), ("readiness", 200, 503), ("liveness", 200, 200), ("startup", 200, 200)],
)
def test_grpc_services_are_named_after_probes(service: str, healthy: int, unready: int) -> None:
    async def ask(world: World) -> list[int]:
        await world.at(1)
        found = []
        for spec in ("", "unready"):
            if spec:
                world.inject(spec)
            assert world.patient is not None
            condition = await world.patient.respond(GRPC(9000, service), 9000, 1, "kubelet")
            assert isinstance(condition, Answer)
            found.append(condition.status)
        return found

    assert play(ask, GRPC_PORT="9000") == [healthy, unready]


@pytest.mark.parametrize(
    ("spec", "service", "condition"),
    [
        ("", "other", CallFailed(Code.NOT_FOUND, "unknown service")),
        ("error code=503 clients=kubelet", "", CallFailed(Code.UNAVAILABLE, "503 Service Unavailable")),
        ("freeze mode=hang clients=kubelet", "", Hang()),
        ("freeze", "", Stopped()),
    ],
)
def test_a_grpc_call_that_is_not_answered(spec: str, service: str, condition: Condition) -> None:
    async def ask(world: World) -> Condition:
        await world.at(1)
        if spec:
            world.inject(spec)
        assert world.patient is not None
        return await world.patient.respond(GRPC(9000, service), 9000, 1, "kubelet")

    assert play(ask, GRPC_PORT="9000") == condition


def test_its_admin_port_answers_while_its_app_is_frozen() -> None:
    async def look(world: World) -> list[object]:
        await world.at(1)
        world.inject("freeze")
        assert world.patient is not None
        paths = ("/admin/status", "/admin/nope", "/readyz", "/admin/events")
        return [await world.patient.respond(HTTPGet(8081, path), 8081, 1, "kubelet") for path in paths]

    assert play(look) == [Answer(body=""), Answer(404), Answer(404), Stall()]


def test_it_knows_what_the_admin_api_answers_to_a_get() -> None:
    gets = {one.path for one in OPERATIONS if one.method == "GET" and "{" not in one.path}
    assert gets == ADMIN_PAGES | {"/admin/events"}


def test_its_state_files_say_what_its_probes_say() -> None:
    async def look(world: World) -> list[int]:
        found = []
        for t, spec in ((0.1, ""), (1, ""), (2, "unready"), (3, "unlive")):
            await world.at(t)
            if spec:
                world.inject(spec)
            for command in (("cat", "/app/is_ready"), ("cat", "/app/is_healthy"), ("true",)):
                assert world.patient is not None
                condition = await world.patient.respond(Exec(command), 0, 1, "kubelet")
                assert isinstance(condition, Answer)
                found.append(condition.status)
        return found

    assert play(look) == [500, 500, 200, 200, 200, 200, 500, 200, 200, 500, 500, 200]


@pytest.mark.parametrize(
    ("environ", "spec", "ends"),
    [
        ({}, "", (5.5, 0)),
        ({"DRAIN_SECONDS": "0.2"}, "", (5.2, 0)),
        ({"APP_START_DELAY": "60"}, "", (5, 0)),
        ({}, "freeze for=3s", (7.5, 0)),
        ({}, "freeze mode=stop for=3s", (7.5, 0)),
        ({}, "freeze", (15, 137)),
        ({}, "latency delay=4s clients=users", (9, 0)),
    ],
)
def test_it_drains_when_reported_to_end(environ: dict[str, str], spec: str, ends: tuple[float, int]) -> None:
    async def stop(world: World) -> None:
        await world.at(4)
        if spec:
            world.inject(spec)
        await world.at(4.5)
        asking = asyncio.create_task(world.get("/", "users", 60))
        await world.at(5)
        stopping = asyncio.create_task(world.runtime.stop("sim://00000001", 10))
        if not spec and "APP_START_DELAY" not in environ:
            await world.at(5.1)
            assert [await world.status("/readyz"), await world.status("/livez")] == [503, 200]
        await stopping
        await asking
        (exited,) = world.exits
        assert (round(exited.finished_at - world.began, 6), exited.exit_code) == ends

    play(stop, **environ)


def test_its_log_tells_of_its_faults() -> None:
    async def wait(world: World) -> list[str]:
        await world.at(9)
        return world.log

    assert play(wait, CRASH_AFTER="5") == [
        "Injected: fault f1: crash mode=errors after=5s",
        "Phase: serving",
        "Started: fault f1: crash mode=errors after=5s",
    ]


def test_a_flap_is_exact_at_its_edges() -> None:
    async def look(world: World) -> list[tuple[float, int, int, int]]:
        await world.at(1)
        world.inject("flap period=10s duty=30% for=20s")
        found = []
        for t in (1, 3.999, 4, 10.999, 11, 13.999, 14, 20.999, 21.001):
            await world.at(t)
            assert world.patient is not None
            answers = [
                await world.patient.respond(handler, port, 1, "kubelet")
                for handler, port in (
                    (HTTPGet(8080, "/readyz"), 8080),
                    (GRPC(9000, "readiness"), 9000),
                    (Exec(("cat", "/app/is_ready")), 0),
                )
            ]
            found.append((t, *(answer.status for answer in answers if isinstance(answer, Answer))))
        return found

    no, yes = (503, 503, 500), (200, 200, 200)
    assert play(look, GRPC_PORT="9000") == [
        (1, *no),
        (3.999, *no),
        (4, *yes),
        (10.999, *yes),
        (11, *no),
        (13.999, *no),
        (14, *yes),
        (20.999, *yes),
        (21.001, *yes),
    ]


def test_by_tcp_the_app_refuses_and_grpc_does_not() -> None:
    async def look(world: World) -> list[Condition]:
        await world.at(1)
        assert world.patient is not None
        found = []
        for t, spec in ((1, "freeze mode=deaf for=3s"), (2, "unready protocols=tcp for=4s"), (5, ""), (6.1, "")):
            await world.at(t)
            if spec:
                world.inject(spec)
            found += [await world.patient.respond(TCPSocket(port), port, 1, "kubelet") for port in (8080, 9000)]
        return found

    refused, taken = Refuse(), Answer()
    assert play(look, GRPC_PORT="9000") == [refused, refused, refused, refused, refused, taken, taken, taken]

"""Faults from outside, on sim: on containers that run a program of their own, and on a patient where that is asked."""

from __future__ import annotations

import asyncio
import pkgutil
import random
from collections.abc import Callable
from typing import Any

import pytest

from crashy.clock import run_virtual
from crashy.engines.lab import outside as real
from crashy.engines.sim import outside as modelled
from crashy.engines.sim import sim
from crashy.faults.base import FAULTS, Fault, FaultError, parse_spec
from crashy.objects.images import parse_command
from crashy.objects.manifests import Manifests
from crashy.timeline import Event, Timeline
from tests.manifest.conftest import manifests

WEB = """
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}, annotations: {crashy/model: 'start=500ms drain=2s'}}
spec:
  containers:
    - name: web
      image: example.org/web:1
      COMMAND
      ports: [{containerPort: 80}]
      resources: {limits: {cpu: 100m, memory: 100Mi}}
      readinessProbe: {httpGet: {path: /ready, port: 80}, periodSeconds: 1}
      livenessProbe: {PROBE, periodSeconds: 1}
    - name: side
      image: example.org/side:1
      command: [side]
"""
OWN = "command: [serve]"
HTTP = "httpGet: {path: /live, port: 80}"


def web(command: str = OWN, probe: str = HTTP) -> Manifests:
    return manifests(WEB.replace("COMMAND", command).replace("PROBE", probe))


WEB_SERVICE = web().services[0]
Do = Callable[[sim.SimEngine], Any]


def inject(spec: str, container: str = "") -> Do:
    return lambda engine: engine.inject(engine.pods()[0].pod, spec, container)


def recover(which: str = "all") -> Do:
    return lambda engine: engine.recover(engine.pods()[0].pod, which)


def user(replies: list[tuple[str, float]]) -> Do:
    """Return what asks as a user does, for at most 3 s, and notes what came back and after how long."""

    async def ask(engine: sim.SimEngine) -> None:
        loop, service = asyncio.get_running_loop(), WEB_SERVICE
        began = loop.time()
        reply = await engine.ask(service, service.ports[0], "/", 3)
        replies.append((reply.failure or str(reply.status), round(loop.time() - began, 1)))

    return ask


def play(given: Manifests, *at: tuple[float, Do], seconds: float = 60) -> list[Event]:
    """Run manifests, and at these moments what is handed the sim; return what happened."""

    async def main() -> list[Event]:
        timeline = Timeline(asyncio.get_running_loop().time)
        async with sim.running(timeline, rng=random.Random(1)) as engine:
            await engine.apply(given)
            for t, do in at:
                await asyncio.sleep(t - timeline.now())
                await do(engine)
            await asyncio.sleep(seconds - timeline.now())
            return [*timeline.since()]

    events: list[Event] = run_virtual(main())
    return events


def faults(events: list[Event]) -> list[tuple[float, str, str]]:
    return [(round(event.t, 1), event.reason, event.message) for event in events if event.kind == "fault"]


def exits(events: list[Event]) -> list[int]:
    return [e.data["exit_code"] for e in events if e.kind == "process" and e.reason == "Exited"]


def ready(events: list[Event]) -> list[tuple[int, bool]]:
    """Return when the pod was ready, and when not."""
    return [(round(event.t), event.data["ready"]) for event in events if event.kind == "pod"]


def unhealthy(events: list[Event]) -> set[str]:
    return {event.message for event in events if event.reason == "Unhealthy" and event.t > 5}


@pytest.mark.parametrize(
    ("spec", "code"),
    [
        ("crash", 137),
        ("crash code=3", 137),
        ("crash mode=signal", 139),
        ("crash mode=signal signal=TERM", 0),
        ("memory to=200%", 137),
    ],
)
def test_a_program_of_its_own_is_killed_and_started_again(spec: str, code: int) -> None:
    events = play(web(), (10, inject(spec)))

    assert exits(events) == [code]
    assert ready(events)[-1][1]
    assert faults(events)[0] == (10, "Injected", spec)


def test_a_crash_that_waits_is_told_when_it_starts() -> None:
    events = play(web(), (10, inject("crash after=5s")))

    assert faults(events) == [(10, "Injected", "crash after=5s"), (15, "Started", "crash after=5s")]
    assert exits(events) == [137]


def test_a_process_that_is_stopped_can_be_recovered_at_any_time() -> None:
    late = 'Readiness probe failed: Get "http://IP:80/ready": context deadline exceeded'

    events = play(
        web(probe="exec: {command: [cat, /etc/passwd]}"),
        (10, inject("freeze mode=stop via=outside")),
        (30, recover("freeze")),
    )

    assert {text.replace("10.244.0.2", "IP").partition(" (")[0] for text in unhealthy(events)} == {late}
    assert exits(events) == []
    assert faults(events)[-1] == (30, "Recovered", "freeze")
    assert ready(events)[-1] == (30, True)


@pytest.mark.parametrize(
    "spec", ["freeze", "crash mode=errors", "freeze mode=hang clients=all", "freeze mode=deaf clients=all"]
)
def test_a_restart_heals_what_ails_the_app(spec: str) -> None:
    events = play(web(), (10, inject(spec)))

    assert len(exits(events)) == 1
    assert [reason for _, reason, _ in faults(events)] == ["Injected", "Ended"]
    assert ready(events)[-1][1]


def test_a_restart_doesnt_heal_what_ails_the_connections() -> None:
    events = play(web(), (10, inject("latency delay=5s clients=all")), seconds=100)

    assert len(exits(events)) > 2
    assert [reason for _, reason, _ in faults(events)] == ["Injected"]


@pytest.mark.parametrize(
    ("spec", "felt"),
    [
        ("latency delay=1s", ("200", 1.0)),
        ("bandwidth rate=100", ("200", 2.2)),
        ("slow-close", ("200", 0.0)),
        ("error code=503", ("503", 0.0)),
        ("redirect mode=loop", ("302", 0.0)),
        ("reset", ("reset", 0.0)),
        ("abort", ("reset", 0.0)),
        ("blackhole", ("timeout", 3.0)),
        ("freeze mode=hang", ("timeout", 3.0)),
        ("freeze mode=deaf", ("reset", 0.0)),
        ("freeze mode=stop via=outside", ("timeout", 3.0)),
    ],
)
def test_users_feel_it_and_probes_only_what_is_about_the_whole_app(spec: str, felt: tuple[str, float]) -> None:
    replies: list[tuple[str, float]] = []

    events = play(web(), (10, inject(spec)), (10.1, user(replies)), (13.5, recover()), (18, user(replies)), seconds=20)

    assert replies == [felt, ("200", 0.0)]
    assert bool(unhealthy(events)) is ("stop" in spec)


def test_of_some_requests_it_hits_each_third() -> None:
    replies: list[tuple[str, float]] = []

    play(web(), (10, inject("error every=3 times=2")), *[(11 + n, user(replies)) for n in range(9)])

    assert [status for status, _ in replies] == ["200", "200", "500", "200", "200", "500", "200", "200", "200"]


def test_a_request_may_be_what_triggers_a_crash() -> None:
    replies: list[tuple[str, float]] = []

    events = play(web(), (10, inject("crash routes=/ times=1")), (12, user(replies)))

    assert replies == [("reset", 0.0)]
    assert exits(events) == [137]
    assert [(t, reason) for t, reason, _ in faults(events)] == [(10, "Injected"), (12, "Started")]


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("unready", "Readiness probe failed: HTTP probe failed with statuscode: 503"),
        ("unlive times=1", "Liveness probe failed: HTTP probe failed with statuscode: 500"),
        (
            "freeze mode=deaf clients=kubelet for=2s",
            'Readiness probe failed: Get "http://10.244.0.2:80/ready": '
            "dial tcp 10.244.0.2:80: connect: connection refused",
        ),
    ],
)
def test_probes_hear_of_it_in_the_kubelets_words(spec: str, says: str) -> None:
    assert says in unhealthy(play(web(), (10, inject(spec)), seconds=20))


def test_any_container_takes_it_by_its_name() -> None:
    events = play(web(), (10, inject("crash", "side")), (11, inject("crash", "none")))

    assert [e.data["container"] for e in events if e.kind == "process" and e.reason == "Exited"] == ["side"]
    assert faults(events)[-1] == (11, "NotInjected", "crash: no container 'none'; there are: web, side")


def test_a_patient_takes_it_from_outside_where_that_is_asked_or_the_only_way() -> None:
    replies: list[tuple[str, float]] = []
    patient = manifests(
        WEB.replace("example.org/web:1", "crashy-app:1.0.0").replace("COMMAND", "").replace("PROBE", HTTP)
    )

    events = play(patient, (10, inject("crash via=outside")), (30, inject("bandwidth rate=100")), (31, user(replies)))

    assert exits(events) == [137]
    ((status, seconds),) = replies
    assert (status, seconds > 1) == ("200", True)


@pytest.mark.parametrize(
    ("command", "spec", "why"),
    [
        (
            OWN,
            "crash mode=overflow",
            "container web runs a program of its own: crash mode=overflow acts inside a patient only; "
            "mode=exit, signal or errors would do",
        ),
        (
            OWN,
            "latency via=inside",
            "container web runs a program of its own: via: 'inside': here faults act from outside: leave via out",
        ),
        (OWN, "unstarted", "container web has no startup probe that unstarted could make fail"),
        (
            "",
            "fork-zombies",
            "fork-zombies: not on sim: a modelled container has one process, and no table of processes that fills",
        ),
        ("", "crash code=3", ""),
        (OWN, "crash code=3", ""),
        ("", "bandwidth", ""),
        (OWN, "freeze", ""),
    ],
)
def test_what_a_container_cant_take_is_refused_with_what_would_do(command: str, spec: str, why: str) -> None:
    async def main() -> str:
        async with sim.running(Timeline(asyncio.get_running_loop().time), rng=random.Random(1)) as engine:
            return engine.refusal(web(command).workloads[0].template, parse_spec(spec))

    assert run_virtual(main()) == why


def test_what_is_done_to_a_pod_ends_with_it() -> None:
    events = play(web(), (10, inject("flap period=2s")), (12, _delete), seconds=3600)

    assert all(event.t < 60 for event in events)


async def _delete(engine: sim.SimEngine) -> None:
    engine.delete(engine.pods()[0].pod)


def test_an_image_that_would_be_a_program_of_this_machine_takes_it_from_outside_too() -> None:
    images = {"example.org/web": parse_command("python3 -m http.server 80", folder="/")}

    async def main() -> str:
        time = asyncio.get_running_loop().time
        async with sim.running(Timeline(time), rng=random.Random(1), images=images) as engine:
            return engine.refusal(web("").workloads[0].template, parse_spec("exception"))

    assert run_virtual(main()) == (
        "container web runs a program of its own: exception acts inside a patient only; error would do"
    )


def test_every_effect_from_outside_is_there_in_the_lab_too() -> None:
    taken = [parse_spec(example) for fault in FAULTS.values() for example in fault.examples]
    effects = [one.taken("outside").process_effect() for one in taken if "outside" in one.ways and not refused(one)]
    wanted = {effect.file for effect in effects if effect is not None}

    assert {module.name for module in pkgutil.iter_modules(modelled.__path__)} == wanted
    assert {module.name for module in pkgutil.iter_modules(real.__path__)} - {"burners"} == wanted


def refused(fault: Fault) -> bool:
    try:
        return not fault.taken("outside")
    except FaultError:
        return True

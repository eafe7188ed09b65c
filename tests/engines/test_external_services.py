"""ExternalName Services in a lab and on sim: faults on the way to a real Redis and a real app, or to models of them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from typing import Any

import pytest

from crashy.clock import VirtualLoop
from crashy.errors import BadInput
from crashy.kubelet.versions import PROFILES
from crashy.timeline import Event, kinds
from tests.commands.test_probe import free_port, listens, server
from tests.engines.effects import Seen, at, container, pod, probe, watching
from tests.engines.test_dependencies import PORTS, service, told
from tests.needs import needs
from tests.server.proxies import app

FAULTS = {
    "slow": "latency delay=700ms for=3s",
    "deaf": "freeze mode=deaf for=3s",
    "hung": "freeze mode=hang for=4s",
    "reset": "reset for=3s",
    "closed": "abort for=3s",
    "gone": "blackhole for=1h",
    "narrow": "bandwidth rate=30 for=3s",
    "late": "slow-close delay=2s for=3s",
}
"""What happens on the way to a Redis, by the name of the Service that leads to it."""


def external(name: str, target: int, port: int, to: str = "127.0.0.1") -> dict[str, Any]:
    made = service(name, "", type="ExternalName", externalName=to, ports=[{"port": port, "targetPort": target}])
    del made["spec"]["selector"]
    return made


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, int]]:
    """Run a Redis and an HTTP app."""
    port, folder = free_port(), tmp_path_factory.mktemp("redis")
    command = ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", str(folder)]
    with server(command, lambda: listens(port)), app() as web:
        yield port, web


@pytest.fixture(scope="module", params=[pytest.param("lab", marks=[needs("redis-server"), pytest.mark.slow]), "sim"])
def events(request: pytest.FixtureRequest) -> list[Event]:
    """Return what happens, in one run for all tests."""
    redis, web = (6379, 80) if request.param == "sim" else request.getfixturevalue("servers")
    urls = [f"redis://{name}:6379" for name in FAULTS]
    urls += ["tcp://deaf:6379", "http://auth", "http://alias:8080/readyz"]
    urls += ["tcp://$(SLOW_SERVICE_HOST):$(SLOW_SERVICE_PORT)"]
    objects = [
        *(external(name, redis, 6379) for name in FAULTS),
        external("auth", web, 80),
        external("alias", 80, 8080, to="db.default.svc.cluster.local"),
        pod("db", container(readinessProbe=probe("/readyz"), ports=PORTS)),
        service("db", "db"),
        pod("web", container(env={"DEPENDENCIES": ",".join(urls)}, ports=PORTS)),
    ]
    steps = [at(3, "inject", spec, f"service/{name}") for name, spec in FAULTS.items()]
    steps += [
        at(3, "inject", "error code=503 for=1h", "service/auth"),
        at(6, "recover", "error", "service/auth"),
        at(6, "recover", "all", "service/gone"),
    ]
    with asyncio.Runner(loop_factory=VirtualLoop if request.param == "sim" else None) as runner:
        traffic = {"service": "auth", "rate": 10}
        watched = watching(objects, steps, 9, on=request.param, profile=PROFILES["1.36"], traffic=traffic)
        return runner.run(watched)


def test_who_depends_on_it_sees_the_fault_and_its_end(events: list[Event]) -> None:
    seen = told(events, "web")
    of = {name: seen.get(name) or seen[f"redis://{name}:6379"] for name in FAULTS}
    of = {name: [re.sub(r"0\.[78]\ds", "0.7s", state) for state in states] for name, states in of.items()}
    of = {name: states[states[0] == "up" :] for name, states in of.items()}  # it may have looked before
    for name in of.keys() - {"slow", "narrow"}:  # of a look that the end lets go, or on a busy machine
        quick = [state for state in of[name] if not state.startswith("slow")]
        of[name] = [state for state, before in zip(quick, ["", *quick], strict=False) if state != before]
    of["late"] = [state for state in of["late"] if state != "up"]

    assert of == {
        "slow": ["slow: 0.7s", "up"],
        "deaf": ["down: Connection refused", "up"],
        "hung": ["down: no answer within 3s", "up"],
        "reset": ["down: Connection reset by peer", "up"],
        "closed": ["down: closed without an answer", "up"],
        "gone": ["down: closed without an answer", "up"],
        "narrow": ["slow: 0.7s", "up"],
        "late": [],  # it has its answer, and closes itself
    }
    assert seen["auth"][-2:] == ["down: answers 503", "up"]


def test_what_only_connects_sees_only_that_nobody_listens(events: list[Event]) -> None:
    seen = told(events, "web")

    assert seen["tcp://deaf:6379"][-2:] == ["down: Connection refused", "up"]
    (by_address,) = (states for name, states in seen.items() if name[0].isdigit())
    assert by_address == ["up"]


def test_one_that_is_another_name_of_a_service_leads_to_its_pods(events: list[Event]) -> None:
    assert told(events, "web")["alias"][-1] == "up"


def test_users_of_it_see_the_fault_too(events: list[Event]) -> None:
    requests = [(event.data["sent"], event.data["status"]) for event in events if event.kind == kinds.REQUEST]

    assert {status for sent, status in requests if 3.8 < sent < 5.5} == {503}
    assert {status for sent, status in requests if sent < 2.9 or sent > 7} == {200}


def test_its_events_are_the_faults_own(events: list[Event]) -> None:
    def of(name: str) -> list[tuple[str, str]]:
        found = [event for event in events if event.object == f"service/{name}" and event.kind == kinds.FAULT]
        return [(event.reason, event.message) for event in found]

    assert of("slow") == [("Injected", FAULTS["slow"]), ("Ended", FAULTS["slow"])]
    assert of("auth") == [
        ("Injected", "error code=503 for=1h"),
        ("Recovered", "error"),
    ]
    steps = [event.message for event in events if event.kind == kinds.STEP and event.object == "service/auth"]
    assert steps == ["inject error code=503 for=1h", "recover error"]


@pytest.mark.parametrize("spec", ["truncate", "drip rate=1Ki"])
def test_what_has_no_model_is_refused_on_sim_before_anything_starts(spec: str) -> None:
    objects = [external("cache", 6379, 6379), pod("web", container(ports=PORTS))]
    watched = watching(objects, [at(1, "inject", spec, "service/cache")], 2, on="sim", profile=PROFILES["1.36"])
    with (
        asyncio.Runner(loop_factory=VirtualLoop) as runner,
        pytest.raises(BadInput, match=r"service/cache: .*: not on"),
    ):
        runner.run(watched)


def test_a_pod_that_nothing_ails_stays(events: list[Event]) -> None:
    assert Seen(events, "web").of("event", "Killing") == []

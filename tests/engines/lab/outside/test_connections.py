"""What faults do to the connections of a program of its own: its users', and its kubelet's."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from crashy.traffic.request import KeptConnections, Target
from tests.elsewhere import needs_addresses
from tests.engines.lab.outside.labs import app, lab, served

pytestmark = [needs_addresses, pytest.mark.slow]

READY = {"httpGet": {"path": "/ready", "port": 8080}, "periodSeconds": 1, "failureThreshold": 1}


@pytest.mark.parametrize("ingress", [False, True], ids=["the Service", "an ingress"])
async def test_users_faults_act_on_users_alone(ingress: bool, tmp_path: Path) -> None:
    async with lab(served(app(readinessProbe=READY)), tmp_path) as one:
        await one.answers()
        await one.ready()
        await one.inject("error code=418 body=tea times=2")
        answers = [await one.ask(ingress=ingress) for _ in range(3)]

        assert [(reply.status, reply.body) for reply in answers] == [
            (418, b"tea"),
            (418, b"tea"),
            (200, b"here I am\n"),
        ]
        assert not one.events("Unhealthy", "418")
        assert one.faults()[-1] == ("Ended", "error code=418 body=tea times=2")


async def test_the_kubelets_faults_act_on_the_kubelet_alone(tmp_path: Path) -> None:
    async with lab(served(app(readinessProbe=READY)), tmp_path) as one:
        await one.answers()
        await one.ready()
        await one.inject("reset clients=kubelet")
        await one.until(lambda: one.events("Unhealthy", "connection reset by peer"))

        assert not one.view.status.ready


async def test_a_connection_that_is_kept_is_decided_request_by_request(tmp_path: Path) -> None:
    async with lab(served(app()), tmp_path) as one:
        await one.answers()
        kept = KeptConnections(Target.of(one.url, keepalive=True))
        before = await kept.ask(5)
        await one.inject("error code=503 every=2")
        during = [(await kept.ask(5)).status for _ in range(4)]
        kept.close()

        assert before.status == 200
        assert during == [200, 503, 200, 503]


async def test_deaf_refuses_new_connections_and_its_end_takes_them(tmp_path: Path) -> None:
    async with lab(served(app()), tmp_path) as one:
        await one.answers()
        await one.inject("freeze mode=deaf for=200ms")
        deaf = await one.ask()
        await one.answers()

        assert deaf.failure == "reset"  # as with an endpoint that refuses


async def test_a_hang_is_over_with_its_recovery(tmp_path: Path) -> None:
    async with lab(served(app()), tmp_path) as one:
        await one.answers()
        await one.inject("freeze mode=hang")
        asking = asyncio.create_task(one.ask())
        await one.until(lambda: one.engine.outside(one.view.pod)[0].held)
        await one.recover("freeze")

        assert (await asking).status == 200


async def test_a_request_for_a_probes_path_is_the_probes_unless_it_is_the_front_page(tmp_path: Path) -> None:
    front = {"httpGet": {"path": "/", "port": 8080}}
    async with lab(served(app(readinessProbe=READY, livenessProbe=front)), tmp_path) as one:
        await one.answers()
        await one.inject("error code=503")

        assert [(await one.ask(path=path)).status for path in ("/", "/any", "/ready")] == [503, 503, 200]


async def test_each_container_has_the_connections_to_the_ports_that_it_declares(tmp_path: Path) -> None:
    other = {**app("sleep", "600"), "name": "first"}
    async with lab(served(other, app(ports=[{"containerPort": 8080}])), tmp_path) as one:
        await one.answers()
        await one.inject("error code=503")
        assert (await one.ask()).status == 200
        await one.inject("error code=503", "app")
        assert (await one.ask()).status == 503


async def test_a_hook_is_the_kubelets(tmp_path: Path) -> None:
    hook = {"preStop": {"httpGet": {"path": "/bye", "port": 8080}}}
    async with lab(served(app(lifecycle=hook), terminationGracePeriodSeconds=2), tmp_path) as one:
        await one.answers()
        await one.inject("reset clients=kubelet routes=/bye")
        one.engine.delete(one.view.pod)
        await one.until(lambda: one.events("FailedPreStopHook"))

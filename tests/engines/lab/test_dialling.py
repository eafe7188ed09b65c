"""What the lab itself dials passes a gate, and a port that nobody listens on refuses it as before."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from crashy.engines.fault_driver import FaultDriver
from crashy.engines.gates import FaultGate
from crashy.engines.lab import outside
from crashy.engines.lab.dialling import gated
from crashy.engines.outside_process import Process
from crashy.faults.base import parse_spec
from crashy.kubelet.handlers.dial import direct
from crashy.traffic.connection import Reply
from crashy.traffic.request import Target, ask

HOST = "127.0.0.1"


@asynccontextmanager
async def app() -> AsyncIterator[int]:
    """Serve a page; return the port."""

    async def page(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(page, HOST, 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def gate(*specs: str) -> FaultGate:
    """Return the kubelet's gate of an app with faults."""
    driver = FaultDriver(random.Random(1), outside, Process(print), lambda _reason, _fault: None)
    for spec in specs:
        driver.inject(parse_spec(spec))
    return FaultGate(driver, "kubelet", "readiness")


async def get(host: str, port: int) -> Reply:
    return await ask(Target.of(f"http://{host}:{port}/readyz"), 5)


async def unused() -> int:
    async with app() as port:
        pass
    return port


async def test_without_faults_it_is_dialled_itself() -> None:
    async with gated(direct, HOST, gate()) as dial:
        assert dial(HOST, 1) == (HOST, 1)


async def test_with_a_fault_each_connection_passes_the_gate() -> None:
    async with app() as port, gated(direct, HOST, gate("error code=503 clients=kubelet times=1")) as dial:
        first = await get(*dial(HOST, port))
        second = await get(*dial(HOST, port))

    assert (first.status, second.status) == (503, 200)


async def test_users_faults_are_not_the_kubelets() -> None:
    async with app() as port, gated(direct, HOST, gate("error code=503", "unlive")) as dial:
        assert (await get(*dial(HOST, port))).status == 200


async def test_a_port_where_nobody_listens_still_refuses() -> None:
    port = await unused()
    async with gated(direct, HOST, gate("latency delay=1s clients=kubelet")) as dial:
        assert (await get(*dial(HOST, port))).failure == "refused"


@pytest.mark.parametrize(("spec", "failure"), [("freeze mode=deaf clients=all", "refused"), ("freeze mode=deaf", "")])
async def test_who_is_deaf_to_the_kubelet_refuses_it(spec: str, failure: str) -> None:
    async with app() as port, gated(direct, HOST, gate(spec)) as dial:
        assert (await get(*dial(HOST, port))).failure == failure


async def test_others_are_dialled_themselves() -> None:
    async with gated(direct, "127.64.0.1", gate("freeze mode=deaf clients=all")) as dial:
        assert dial(HOST, 1) == (HOST, 1)


async def test_afterwards_nobody_listens_for_it() -> None:
    async with app() as port:
        async with gated(direct, HOST, gate("error clients=kubelet")) as dial:
            place = dial(HOST, port)

        assert (await get(*place)).failure == "refused"

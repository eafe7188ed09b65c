"""A patient has no more tasks, futures and waiting requests after a fault of a response than before."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from crashy.server.app import create_app
from crashy.server.patient import Patient
from tests.server.test_responses import LASTING, QUICK


async def condition(holds: Callable[[], Any]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - no event says when it holds
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("ends", ["with its client", "with the fault"])
@pytest.mark.parametrize("spec", [*LASTING, *QUICK])
async def test_nothing_is_left(
    make_patient: Callable[..., Patient], aiohttp_server: Callable[..., Any], spec: str, ends: str
) -> None:
    patient = make_patient(FAULTS=spec)
    server = await aiohttp_server(create_app(patient, admin=False))
    before = len(asyncio.all_tasks())
    _reader, writer = await asyncio.open_connection(server.host, server.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    await condition(lambda: patient.faults.list()[0].hits)
    assert patient.in_flight == (spec in LASTING)
    if ends == "with the fault":
        patient.recover()
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()

    await condition(lambda: not patient.in_flight and len(asyncio.all_tasks()) <= before)
    assert not patient._waiting.get("f1")
    assert not sum(fault.held for fault in [*patient.faults.list(), *patient.faults.ended()])

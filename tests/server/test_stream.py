from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient

from crashy.server.patient import Patient
from crashy.server.stream import LIFE
from tests.server.admin_app import make_app, make_patient

Client = TestClient[Any, Any]

DEADLINE = 10


@pytest.fixture
def patient() -> Patient:
    return make_patient()


@pytest.fixture
def app(patient: Patient) -> web.Application:
    return make_app(patient)


@pytest.fixture
async def client(aiohttp_client: Any, app: web.Application) -> Client:
    made: Client = await aiohttp_client(app)
    return made


async def frames(stream: ClientResponse) -> AsyncIterator[tuple[str, Any]]:
    """Return each event's id and what its data holds."""
    lines: list[str] = []
    async for raw in stream.content:
        line = raw.decode().removesuffix("\n")
        if line:
            lines.append(line)
            continue
        assert [part.split(":")[0] for part in lines] == ["id", "data"]
        yield lines[0].removeprefix("id: "), json.loads(lines[1].removeprefix("data: "))
        lines.clear()


async def take(stream: ClientResponse, count: int) -> list[tuple[str, str]]:
    """Return the ids and messages of the next events."""
    found = []
    async with asyncio.timeout(DEADLINE):
        async for name, event in frames(stream):
            found.append((name, event["message"]))
            if len(found) == count:
                break
    return found


async def test_a_stream_gives_what_happens_from_now_on(client: Client, patient: Patient) -> None:
    patient.say("Said", "before")
    stream = await client.get("/admin/events")
    patient.say("Said", "first")
    patient.say("Said", "second\nline")

    assert stream.headers["Content-Type"] == "text/event-stream"
    assert stream.headers["Cache-Control"] == "no-cache"
    assert await take(stream, 2) == [(f"{LIFE}-2", "first"), (f"{LIFE}-3", "second\nline")]


async def test_an_event_is_one_of_the_timeline(client: Client, patient: Patient) -> None:
    stream = await client.get("/admin/events")
    await client.post("/admin/faults", json="unready after=1h")

    async with asyncio.timeout(DEADLINE):
        async for _, event in frames(stream):
            assert event == json.loads(patient.timeline.since(0)[0].to_json())
            assert (event["kind"], event["reason"]) == ("fault", "Injected")
            break


async def test_a_client_goes_on_after_the_last_event_that_it_has(client: Client, patient: Patient) -> None:
    for number in range(1, 6):
        patient.say("Said", f"number {number}")
    stream = await client.get("/admin/events", headers={"Last-Event-ID": f"{LIFE}-3"})

    assert await take(stream, 2) == [(f"{LIFE}-4", "number 4"), (f"{LIFE}-5", "number 5")]
    patient.say("Said", "number 6")
    assert await take(stream, 1) == [(f"{LIFE}-6", "number 6")]


@pytest.mark.parametrize(
    "unknown",
    [
        "0",
        "",
        "abcdef-7",
        *(pytest.param(f"{LIFE}{rest}", id=f"LIFE{rest[:3]}") for rest in ("-x", "-", f"-{'9' * 5000}")),
        "ü",
    ],
)
async def test_an_id_of_another_life_begins_with_the_oldest_event(
    unknown: str, client: Client, patient: Patient
) -> None:
    patient.say("Said", "first")
    stream = await client.get("/admin/events", headers={"Last-Event-ID": unknown})

    assert await take(stream, 1) == [(f"{LIFE}-1", "first")]


async def test_an_id_that_is_yet_to_come_begins_now(client: Client, patient: Patient) -> None:
    stream = await client.get("/admin/events", headers={"Last-Event-ID": f"{LIFE}-99"})
    patient.say("Said", "first")

    assert await take(stream, 1) == [(f"{LIFE}-1", "first")]


async def test_what_happens_in_other_threads_comes_in_order(client: Client, patient: Patient) -> None:
    stream = await client.get("/admin/events")
    threads = [threading.Thread(target=lambda: [patient.say("Said", "x") for _ in range(200)]) for _ in range(4)]
    for thread in threads:
        thread.start()

    assert [name for name, _ in await take(stream, 800)] == [f"{LIFE}-{number}" for number in range(1, 801)]
    for thread in threads:
        thread.join()


async def test_a_loop_that_was_frozen_meanwhile_gives_them_all(client: Client, patient: Patient) -> None:
    stream = await client.get("/admin/events")
    for number in range(3000):  # the loop has no turn in here
        patient.say("Said", str(number))

    assert [message for _, message in await take(stream, 3000)] == [str(number) for number in range(3000)]


async def test_every_client_has_its_own_place(client: Client, patient: Patient) -> None:
    one, other = await client.get("/admin/events"), await client.get("/admin/events")
    patient.say("Said", "hello")

    assert await take(one, 1) == await take(other, 1) == [(f"{LIFE}-1", "hello")]


async def test_a_shutdown_ends_the_streams_after_their_last_event(
    client: Client, app: web.Application, patient: Patient
) -> None:
    stream = await client.get("/admin/events")
    patient.say("Said", "goodbye")
    await app.shutdown()

    async with asyncio.timeout(DEADLINE):
        text = await stream.text()
    assert text.endswith("\n\n")
    assert '"goodbye"' in text


async def test_a_client_that_leaves_is_forgotten(client: Client, patient: Patient) -> None:
    stream = await client.get("/admin/events")
    subscribers = patient.timeline._subscribers
    stream.close()

    async with asyncio.timeout(DEADLINE):
        while len(patient.timeline._subscribers) == len(subscribers):
            patient.say("Said", "are you there?")
            await asyncio.sleep(0.01)


def test_a_patient_that_nobody_watches_does_without_aiohttp_sse() -> None:
    code = "import sys, crashy.server.app; print('aiohttp_sse' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "False\n"

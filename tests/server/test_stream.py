from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient
from hypothesis import given
from hypothesis import strategies as st

from crashy.server import stream
from crashy.server.patient import Patient
from crashy.server.stream import RUN_ID, frame
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
    patient.add_event("Said", "before")
    stream = await client.get("/admin/events")
    patient.add_event("Said", "first")
    patient.add_event("Said", "second\nline")

    assert stream.headers["Content-Type"] == "text/event-stream"
    assert stream.headers["Cache-Control"] == "no-cache"
    assert await take(stream, 2) == [(f"{RUN_ID}-2", "first"), (f"{RUN_ID}-3", "second\nline")]


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
        patient.add_event("Said", f"number {number}")
    stream = await client.get("/admin/events", headers={"Last-Event-ID": f"{RUN_ID}-3"})

    assert await take(stream, 2) == [(f"{RUN_ID}-4", "number 4"), (f"{RUN_ID}-5", "number 5")]
    patient.add_event("Said", "number 6")
    assert await take(stream, 1) == [(f"{RUN_ID}-6", "number 6")]


@pytest.mark.parametrize(
    "unknown",
    [
        "0",
        "",
        "abcdef-7",
        *(pytest.param(f"{RUN_ID}{rest}", id=f"RUN_ID{rest[:3]}") for rest in ("-x", "-", f"-{'9' * 5000}")),
        "ü",
    ],
)
async def test_an_id_of_another_life_begins_with_the_oldest_event(
    unknown: str, client: Client, patient: Patient
) -> None:
    patient.add_event("Said", "first")
    stream = await client.get("/admin/events", headers={"Last-Event-ID": unknown})

    assert await take(stream, 1) == [(f"{RUN_ID}-1", "first")]


async def test_an_id_that_is_yet_to_come_begins_now(client: Client, patient: Patient) -> None:
    stream = await client.get("/admin/events", headers={"Last-Event-ID": f"{RUN_ID}-99"})
    patient.add_event("Said", "first")

    assert await take(stream, 1) == [(f"{RUN_ID}-1", "first")]


async def test_what_happens_in_other_threads_comes_in_order(client: Client, patient: Patient) -> None:
    stream = await client.get("/admin/events")
    threads = [threading.Thread(target=lambda: [patient.add_event("Said", "x") for _ in range(200)]) for _ in range(4)]
    for thread in threads:
        thread.start()

    assert [name for name, _ in await take(stream, 800)] == [f"{RUN_ID}-{number}" for number in range(1, 801)]
    for thread in threads:
        thread.join()


async def test_a_loop_that_was_frozen_meanwhile_gives_them_all(client: Client, patient: Patient) -> None:
    stream = await client.get("/admin/events")
    for number in range(3000):  # the loop has no turn in here
        patient.add_event("Said", str(number))

    assert [message for _, message in await take(stream, 3000)] == [str(number) for number in range(3000)]


async def test_every_client_has_its_own_place(client: Client, patient: Patient) -> None:
    one, other = await client.get("/admin/events"), await client.get("/admin/events")
    patient.add_event("Said", "hello")

    assert await take(one, 1) == await take(other, 1) == [(f"{RUN_ID}-1", "hello")]


async def test_a_shutdown_ends_the_streams_after_their_last_event(
    client: Client, app: web.Application, patient: Patient
) -> None:
    stream = await client.get("/admin/events")
    patient.add_event("Said", "goodbye")
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
            patient.add_event("Said", "are you there?")
            await asyncio.sleep(0.01)


async def test_a_silent_stream_is_kept_alive_by_comments(
    client: Client, patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "SILENCE", 0.01)
    answer = await client.get("/admin/events")

    async with asyncio.timeout(DEADLINE):
        assert [await answer.content.readline() for _ in range(4)] == [b": ping\n", b"\n"] * 2
    patient.add_event("Said", "hello")
    async with asyncio.timeout(DEADLINE):
        while b"hello" not in await answer.content.readline():
            pass


async def test_a_client_that_leaves_a_silent_stream_is_forgotten(
    client: Client, patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "SILENCE", 0.01)
    before = patient.timeline._subscribers
    answer = await client.get("/admin/events")
    assert patient.timeline._subscribers != before
    answer.close()

    async with asyncio.timeout(DEADLINE):
        while patient.timeline._subscribers != before:
            await client.get("/admin/status")


async def test_a_client_that_stops_reading_is_given_up(
    client: Client, patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "_STALLED", 0.05)
    before = patient.timeline._subscribers
    await client.get("/admin/events")

    async with asyncio.timeout(DEADLINE):
        while patient.timeline._subscribers != before:
            patient.add_event("Said", "x" * 100_000)
            await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("data", "fields", "written"),
    [
        ("one", {}, b"data: one\n\n"),
        ("", {}, b"data: \n\n"),
        ("a\nb\r\nc\rd\n", {}, b"data: a\ndata: b\ndata: c\ndata: d\ndata: \n\n"),
        ("one", {"id": "a-1", "event": "fault", "retry": "500"}, b"id: a-1\nevent: fault\nretry: 500\ndata: one\n\n"),
        ("x\n\nid: 9\n: y", {"id": "1"}, b"id: 1\ndata: x\ndata: \ndata: id: 9\ndata: : y\n\n"),
        ("\u2028\u00fc", {}, "data: \u2028\u00fc\n\n".encode()),
    ],
)
def test_an_event_as_it_is_written(data: str, fields: dict[str, str], written: bytes) -> None:
    assert frame(data, **fields) == written


@pytest.mark.parametrize("bad", ["1\n", "1\r2", "1\r\ndata: x", "\0"])
@pytest.mark.parametrize("name", ["id", "event", "retry"])
def test_a_field_cannot_smuggle_in_another(name: str, bad: str) -> None:
    with pytest.raises(ValueError, match=f"{name}: must be one line"):
        frame("data", **{name: bad})


def read_back(text: str) -> list[tuple[str, str]]:
    """Return each event's id and data, as a browser reads them."""
    found, last, data = [], "", list[str]()
    for line in re.split(r"\r\n|\r|\n", text):
        name, _, value = line.partition(":")
        if not line and data:
            found.append((last, "\n".join(data)))
            data.clear()
        elif name == "data":
            data.append(value.removeprefix(" "))
        elif name == "id":
            last = value.removeprefix(" ")
    return found


@given(st.lists(st.text() | st.text("\r\n: adit", max_size=20)))
def test_whatever_is_said_comes_as_its_lines(said: list[str]) -> None:
    text = b"".join(frame(data, id=str(number)) for number, data in enumerate(said)).decode()

    assert read_back(text) == [(str(n), re.sub(r"\r\n|\r", "\n", data)) for n, data in enumerate(said)]

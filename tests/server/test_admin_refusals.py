from __future__ import annotations

import json
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from crashy.faults.base import FAULTS
from crashy.server.patient import Patient
from crashy.server.payload import MAX_BODY
from tests.server.admin_app import make_app, make_patient

Client = TestClient[Any, Any]

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


@pytest.fixture
def patient() -> Patient:
    return make_patient()


@pytest.fixture
async def client(aiohttp_client: Any, patient: Patient) -> Client:
    made: Client = await aiohttp_client(make_app(patient))
    return made


# (path, media type, body, the field that is wrong, a part of the detail)
BAD_BODIES = [
    ("faults", JSON, "", "fault", "one fault, such as"),
    ("faults", JSON, "{", "body", "not valid JSON"),
    ("crash", JSON, "\x1c", "body", "not valid JSON"),
    ("faults", JSON, "freeze for=10s", "body", "not valid JSON: Expecting value at line 1 column 1"),
    ("faults", JSON, "[]", "body", "must be a fault"),
    ("faults", JSON, "null", "body", "must be a fault"),
    ("faults", JSON, "7", "body", "must be a fault"),
    ("faults", JSON, "{}", "fault", "missing; one of abort, "),
    ("faults", JSON, '{"fault": "freez"}', "fault", "did you mean freeze?"),
    ("faults", JSON, '{"fault": 7}', "fault", "7: unknown"),
    ("faults", JSON, '{"fault": null}', "fault", "null: unknown"),
    ("faults", JSON, '{"fault": "freeze", "mode": "cold"}', "mode", "one of loop, hang, stop, gil, threads, "),
    ("faults", JSON, '{"fault": "freeze", "form": "10s"}', "form", "no parameter of freeze; did you mean for?"),
    ("faults", JSON, '{"fault": "freeze", "for": "soon"}', "for", "a duration"),
    ("faults", JSON, '{"fault": "freeze", "for": -1}', "for", "a duration"),
    ("faults", JSON, '{"fault": "freeze", "for": 0}', "for", "more than 0s"),
    ("faults", JSON, '{"fault": "freeze", "for": 1e999}', "for", "Infinity"),
    ("faults", JSON, '{"fault": "freeze", "for": NaN}', "body", "NaN is not a JSON number"),
    ("faults", JSON, '{"fault": "freeze", "for": [10]}', "for", "a duration"),
    ("faults", JSON, '{"fault": "freeze", "for": "25h"}', "for", "at most 24h"),
    ("faults", JSON, '{"fault": "freeze", "for": 1, "for": 2}', "for", "given twice"),
    ("faults", JSON, '{"fault": "freeze", "mode": "stop"}', "for", "mode=stop needs it"),
    ("faults", JSON, '{"fault": "crash", "for": "3s"}', "for", "can't be brought back"),
    ("faults", JSON, '{"fault": "crash", "mode": "errors", "code": 3}', "code", "mode=exit only"),
    ("faults", JSON, '{"fault": "crash", "code": 256}', "code", "from 0 to 255"),
    ("faults", JSON, '{"fault": "crash", "code": true}', "code", "from 0 to 255"),
    ("faults", JSON, '{"fault": "crash", "mode": "signal", "signal": "STOP"}', "signal", "one of ABRT"),
    ("faults", JSON, '{"fault": "error", "code": 99}', "code", "from 200 to 599"),
    ("faults", JSON, '{"fault": "error", "p": 1.1}', "p", "from 0 to 1"),
    ("faults", JSON, '{"fault": "error", "p": "often"}', "p", "from 0 to 1"),
    ("faults", JSON, '{"fault": "error", "times": 0}', "times", "from 1"),
    ("faults", JSON, '{"fault": "error", "times": 1.5}', "times", "from 1"),
    ("faults", JSON, '{"fault": "error", "clients": "me"}', "clients", "one of users, kubelet, all"),
    ("faults", JSON, '{"fault": "error", "routes": ["ready"]}', "routes", "paths that begin with /"),
    ("faults", JSON, '{"fault": "error", "routes": {}}', "routes", "paths that begin with /"),
    ("faults", JSON, '{"fault": "error", "body": "\\ud800"}', "body", "surrogate"),
    ("faults", JSON, '{"fault": "latency", "delay": "p50=2s,p99=1s"}', "delay", "2s"),
    ("faults", JSON, '{"fault": "latency", "delay": "2s..1s"}', "delay", "2s"),
    ("faults", JSON, '{"spec": 7}', "spec", "must be a string"),
    ("faults", JSON, '{"spec": "freeze", "for": "10s"}', "for", "`spec` can't be combined with other fields"),
    ("faults", JSON, '{"spec": "freeze for"}', "freeze", "key=value"),
    ("faults", JSON, '"freeze for=10s; crash"', "fault", "one fault"),
    ("faults", JSON, "[" * 60_000, "body", "nested too deeply"),
    ("faults", JSON, f'{{"fault": "crash", "code": {"9" * 5000}}}', "body", "not valid JSON: "),
    ("faults", JSON, b'{"fault": "fr\xffeeze"}', "body", "must be UTF-8: byte 13"),
    ("faults", "text/plain", "", "fault", "one fault, such as"),
    ("faults", "text/plain", "freeze for", "freeze", "key=value"),
    ("faults", "text/plain", "freeze 'for=10s", "fault", "no closing quotation"),
    ("faults", "text/plain", "x" * 17_000, "fault", "at most 16384"),
    ("faults", FORM, "fault=freeze&for=10s", "fault", "one of abort, "),
    ("faults", FORM, '{"fault": ', "body", "not valid JSON"),
    ("crash", JSON, '{"fault": "freeze"}', "fault", "parameters of crash"),
    ("crash", JSON, "[]", "body", "parameters of crash"),
    ("freeze", JSON, '{"mode": "exit"}', "mode", "one of loop"),
    ("freeze", FORM, "10s", "freeze", "key=value"),
    ("recover", JSON, '{"id": 7}', "id", "must be the id of a fault"),
    ("recover", JSON, '{"fault": "f1"}', "fault", "f1': unknown; one of abort, "),
    ("recover", JSON, '{"fault": "freez"}', "fault", "did you mean freeze?"),
    ("recover", JSON, '{"fault": 7}', "fault", "7: unknown"),
    ("recover", JSON, '{"id": "f1", "fault": "freeze"}', "id", "give either id or fault"),
    ("recover", JSON, '{"name": "freeze"}', "name", "give either id or fault"),
    ("recover", JSON, '{"id": null}', "id", "must be the id of a fault"),
    ("recover", JSON, "null", "id", "must be the id of a fault"),
    ("crash", JSON, "null", "body", "parameters of crash"),
    ("recover", JSON, "[]", "id", "must be the id of a fault"),
]


@pytest.mark.parametrize(("path", "kind", "body", "field", "says"), BAD_BODIES)
async def test_a_bad_body_is_refused_with_the_field_named(
    path: str, kind: str, body: str | bytes, field: str, says: str, *, client: Client, patient: Patient
) -> None:
    answer = await client.post(f"/admin/{path}", data=body, headers={"Content-Type": kind})
    problem = json.loads(await answer.read())

    assert (answer.status, answer.content_type) == (400, "application/problem+json")
    assert (problem["status"], problem["title"], problem["field"]) == (400, "Bad Request", field)
    assert says in problem["detail"]
    assert "\n" not in problem["detail"]
    assert patient.faults.list() == []


@pytest.mark.parametrize(
    ("body", "allowed"),
    [
        ({"fault": "freeze", "mode": "cold"}, ["loop", "hang", "stop", "gil", "threads", "deadlock", "deaf"]),
        ({"fault": "x"}, list(FAULTS)),
        ({"fault": "error", "p": 2}, "a probability from 0 to 1, such as 0.3"),
        ({"spec": "freeze", "for": 1}, ["spec"]),
    ],
)
async def test_what_is_allowed_is_reported_apart(body: Any, allowed: Any, client: Client) -> None:
    problem = json.loads(await (await client.post("/admin/faults", json=body)).read())
    assert problem["allowed"] == allowed


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "field"),
    [
        ("GET", "/admin/faults/f9", None, 404, "id"),
        ("DELETE", "/admin/faults/f9", None, 404, "id"),
        ("POST", "/admin/recover", '{"id": "f9"}', 404, "id"),
        ("GET", "/admin", None, 404, None),
        ("GET", "/admin/", None, 404, None),
        ("POST", "/admin/nonsense", None, 404, None),
        ("GET", "/admin/faults/f1/more", None, 404, None),
        ("PUT", "/admin/faults", "{}", 405, None),
        ("POST", "/admin/faults/f1", "{}", 405, None),
        ("GET", "/admin/crash", None, 405, None),
        ("HEAD", "/admin/freeze", None, 405, None),
        ("DELETE", "/admin/status", None, 405, None),
        ("OPTIONS", "/admin/status", None, 405, None),
        ("HEAD", "/admin/events", None, 405, None),
    ],
)
async def test_what_there_is_not_is_refused(
    method: str, path: str, body: str | None, status: int, field: str | None, *, client: Client
) -> None:
    answer = await client.request(method, path, data=body, headers={"Content-Type": JSON})

    assert (answer.status, answer.content_type) == (status, "application/problem+json")
    if method != "HEAD":
        assert json.loads(await answer.read()).get("field") == field


@pytest.mark.parametrize(
    ("path", "allowed"),
    [("/admin/faults", "DELETE, GET, POST"), ("/admin/crash", "POST"), ("/admin/faults/f1", "DELETE, GET")],
)
async def test_a_wrong_method_is_reported_the_right_ones(path: str, allowed: str, client: Client) -> None:
    answer = await client.put(path)
    assert (answer.status, answer.headers["Allow"]) == (405, allowed)


@pytest.mark.parametrize("chunked", [True, False])
async def test_a_body_that_is_too_long_is_refused(chunked: bool, client: Client) -> None:
    async def endless() -> Any:
        for _ in range(MAX_BODY // 1024 + 1):
            yield b"x" * 1024

    body = endless() if chunked else b"x" * (MAX_BODY + 1)
    answer = await client.post("/admin/faults", data=body, headers={"Content-Type": "text/plain"})

    assert (answer.status, answer.content_type) == (413, "application/problem+json")
    assert json.loads(await answer.read())["detail"] == "the body must have at most 65536 bytes"


async def test_a_body_of_the_longest_length_is_read(client: Client) -> None:
    answer = await client.post("/admin/faults", data=b'"freeze"'.ljust(MAX_BODY), headers={"Content-Type": JSON})
    assert answer.status == 201


@pytest.mark.parametrize("kind", ["image/png", "application/xml", "multipart/form-data; boundary=x"])
async def test_a_body_that_is_neither_json_nor_text_is_refused(kind: str, client: Client) -> None:
    answer = await client.post("/admin/faults", data=b"freeze", headers={"Content-Type": kind})
    problem = json.loads(await answer.read())

    assert (answer.status, problem["field"]) == (415, "Content-Type")
    assert problem["allowed"] == ["application/json", "text/plain"]


async def test_a_body_that_does_not_decompress_is_refused(client: Client) -> None:
    headers = {"Content-Type": JSON, "Content-Encoding": "gzip"}
    answer = await client.post("/admin/faults", data=b"no gzip at all", headers=headers)

    assert (answer.status, answer.content_type) == (400, "application/problem+json")


async def test_process_1_cannot_be_stopped(aiohttp_client: Any) -> None:
    client = await aiohttp_client(make_app(make_patient(pid=1)))
    answer = await client.post("/admin/faults", json="freeze mode=stop for=1s")
    problem = json.loads(await answer.read())

    assert (answer.status, problem["field"]) == (409, "mode")
    assert "process 1" in problem["detail"]


async def test_there_is_a_ceiling_of_faults(client: Client, patient: Patient) -> None:
    for _ in range(1000):
        assert (await client.post("/admin/faults", json="unready after=1h")).status == 201

    answer = await client.post("/admin/faults", json="unready")
    assert answer.status == 409
    assert "1000 faults" in json.loads(await answer.read())["detail"]


async def test_a_failure_of_ours_shows_no_traceback(
    client: Client, patient: Patient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(patient, "status", lambda: 1 / 0)
    answer = await client.get("/admin/status")

    assert (answer.status, answer.content_type) == (500, "application/problem+json")
    assert "division" not in await answer.text()
    assert "ZeroDivisionError" in caplog.text

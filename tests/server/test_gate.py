"""How faults apply to requests, and how requests are recorded."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from crashy.faults.base import parse_spec
from crashy.server.app import PATIENT, create_app
from crashy.server.gate import GAVE_UP
from crashy.server.patient import Patient, resolve

KUBELET = {"User-Agent": "kube-probe/1.36"}
Make = Callable[..., Patient]


@pytest.fixture
def client(aiohttp_client: Callable[..., Any], make_patient: Make) -> Callable[..., Any]:
    async def make(**arguments: Any) -> Any:
        return await aiohttp_client(create_app(make_patient(**arguments), admin=False))

    return make


def patient_of(client: TestClient[Any, Any]) -> Patient:
    return client.app[PATIENT]  # type: ignore[no-any-return]


async def condition(holds: Callable[[], Any]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - no event says when it holds
            await asyncio.sleep(0.005)


@pytest.mark.parametrize(
    ("spec", "path", "headers", "status"),
    [
        ("error", "/info", {}, 500),
        ("error", "/ready", {}, 200),
        ("error", "/info", KUBELET, 200),
        ("error clients=kubelet", "/info", KUBELET, 500),
        ("error clients=kubelet", "/ready", KUBELET, 500),
        ("error clients=kubelet", "/ready", {}, 200),
        ("error routes=/ready", "/ready", {}, 500),
        ("error", "/nope", {}, 500),
        ("unready clients=kubelet", "/ready", KUBELET, 503),
        ("unready clients=kubelet", "/ready", {}, 200),
        ("crash mode=errors", "/ready", KUBELET, 500),
        ("crash mode=errors", "/admin/status", {}, 200),
        ("error clients=all", "/admin/status", {}, 200),
    ],
)
async def test_a_fault_matches_the_requests_of_its_scope(
    client: Any, spec: str, path: str, headers: dict[str, str], status: int
) -> None:
    response = await (await client(FAULTS=spec)).get(path, headers=headers)

    assert response.status == status


async def test_a_fault_of_the_next_three_is_over_after_three(client: Any) -> None:
    app = await client(FAULTS="unready times=3")

    assert [(await app.get("/ready")).status for _ in range(5)] == [503, 503, 503, 200, 200]
    assert not patient_of(app).request_faults


async def test_of_many_at_once_exactly_the_next_two_are_hit(client: Any) -> None:
    app = await client(FAULTS="latency routes=/info every=10 delay=5ms; error routes=/x")

    async def ask(number: int) -> tuple[str, int]:
        path = "/info" if number % 2 else "/hostname"
        return path, (await app.get(path)).status

    for _ in range(3):
        patient_of(app).inject(parse_spec("error code=418 routes=/info times=2"))
        answers = Counter(await asyncio.gather(*(ask(number) for number in range(100))))
        assert answers == {("/info", 418): 2, ("/info", 200): 48, ("/hostname", 200): 50}
    [latency, _] = patient_of(app).faults.list()
    assert latency.hits == 15


async def test_a_fault_of_some_headers_meets_the_requests_that_have_them(client: Any) -> None:
    app = await client(FAULTS="error headers=x-user=4*")

    sent = [{}, {"X-User": "42"}, {"x-user": "24"}, {**KUBELET, "x-user": "42"}]
    assert [(await app.get("/info", headers=headers)).status for headers in sent] == [200, 500, 200, 200]


async def test_latency_delays_the_answer(client: Any) -> None:
    app = await client(READINESS_LATENCY="150ms")
    begun = patient_of(app).now()
    response = await app.get("/readiness", headers=KUBELET)

    assert response.status == 200
    assert patient_of(app).now() - begun >= 0.15


async def test_a_hung_request_goes_on_when_the_fault_is_taken_back(client: Any) -> None:
    app = await client(FAULTS="freeze mode=hang")
    asking = asyncio.ensure_future(app.get("/ready"))
    await condition(lambda: patient_of(app).in_flight)
    assert not asking.done()

    patient_of(app).recover()
    response = await asyncio.wait_for(asking, 10)

    assert response.status == 200
    assert patient_of(app).in_flight == 0


async def test_a_client_that_gives_up_leaves_nothing_behind(
    make_patient: Make, aiohttp_server: Callable[..., Any]
) -> None:
    patient = make_patient(FAULTS="freeze mode=hang")
    server = await aiohttp_server(create_app(patient, admin=False))
    _reader, writer = await asyncio.open_connection(server.host, server.port)
    writer.write(b"GET /ready HTTP/1.1\r\nHost: x\r\n\r\n")
    await condition(lambda: patient.in_flight)
    writer.close()
    await condition(lambda: not patient.in_flight)

    await condition(lambda: [e for e in patient.timeline.since() if e.data.get("status") == GAVE_UP])
    patient.recover()  # no request waits for it any more


async def test_a_request_that_triggers_a_fault_waits_until_it_is_executed(client: Any) -> None:
    app = await client(FAULTS="freeze mode=deaf routes=/info times=1")
    patient = patient_of(app)
    asking = asyncio.ensure_future(app.get("/info"))
    taken: list[Any] = []

    def executed() -> bool:
        while not patient.command_queue.empty():
            taken.append(patient.command_queue.get())
        return any(queued and queued.executed for queued in taken)

    await condition(executed)
    assert not asking.done()
    resolve(next(queued for queued in taken if queued and queued.executed).executed)

    assert (await asyncio.wait_for(asking, 10)).status == 200


async def test_every_request_is_reported_once_with_who_asked_what(client: Any) -> None:
    app = await client()
    await app.get("/ready?verbose", headers=KUBELET)
    await app.get("/nope")
    recorded = [event for event in patient_of(app).timeline.since() if event.kind == "request"]

    assert [(e.data["path"], e.data["status"], e.data["client"], e.data["probe"]) for e in recorded] == [
        ("/ready", 200, "kubelet", "readiness"),
        ("/nope", 404, "users", None),
    ]
    assert patient_of(app).requests == 1


async def test_a_bug_is_a_plain_500_with_the_pod_on_it(
    client: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def bug(*_of: Any, **_named: Any) -> web.Response:
        raise ZeroDivisionError

    monkeypatch.setattr("crashy.server.app.probe_answer", bug)
    response = await (await client()).get("/ready")

    assert (response.status, await response.text()) == (500, "500 Internal Server Error")
    assert response.headers["X-Pod"] == "webapp-1"
    assert "ZeroDivisionError" in caplog.text


async def test_the_control_plane_has_the_admin_api_alone(
    aiohttp_client: Callable[..., Any], make_patient: Make
) -> None:
    app = await aiohttp_client(create_app(make_patient(), admin=True))

    assert (await app.get("/admin/status")).status == 200
    for path in ("/", "/ready", "/crash", "/5"):
        response = await app.get(path)
        assert response.status == 404
        assert response.headers["X-Pod"] == "webapp-1"

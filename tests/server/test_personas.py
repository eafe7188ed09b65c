"""Routes and texts that labs and their scripts rely on, byte for byte."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from crashy.faults.active import MAX_LIVE
from crashy.faults.base import parse_spec
from crashy.patient.probes import PROBE_ROUTES
from crashy.server.app import PATIENT, create_app
from crashy.server.patient import Patient
from crashy.timeline import Event

Client = TestClient[Any, Any]
Make = Callable[..., Patient]

HEALTHY = [
    ("/", "Hi, my name is webapp-1 and I'm a crashy app...\nBut I didn't crash... yet :D\n", "text/plain"),
    ("/health", "200 OK", "text/plain"),
    ("/hostname", "webapp-1", "text/plain"),
    ("/ready", "Message from webapp-1 : I am ready!", "text/plain"),
    ("/live", "Message from webapp-1 : I am live!", "text/plain"),
    ("/info", "Hello, Application Version: v1 ; Color: blue", "text/plain"),
    ("/liveness", "<h1><center>Liveness check completed</center><h1>", "text/html"),
    ("/readiness", "<h1><center>Readiness check completed</center><h1>", "text/html"),
    ("/api/ready", "ok", "text/plain"),
    ("/api/healthy", "ok", "text/plain"),
    ("/startupz", "ok", "text/plain"),
    ("/readyz", "ok", "text/plain"),
    ("/livez", "ok", "text/plain"),
    ("/healthz", "ok", "text/plain"),
]

UNWELL = [
    ("unready", "/ready", 503, "Message from webapp-1 : I am not ready!"),
    ("unready", "/readiness", 503, "<h1><center>Readiness check failed</center><h1>"),
    ("unready", "/readyz", 503, "not ready"),
    ("unready", "/api/ready", 503, "not ready"),
    ("unready", "/live", 200, "Message from webapp-1 : I am live!"),
    ("unready routes=/hostname", "/hostname", 503, "503 Service Unavailable"),
    ("unlive", "/live", 500, "Message from webapp-1 : I am not live!"),
    ("unlive", "/health", 500, "500 Internal Server Error"),
    ("unlive", "/liveness", 500, "<h1><center>Liveness check failed</center><h1>"),
    ("unlive", "/livez", 500, "not alive"),
    ("unlive", "/healthz", 500, "not alive"),
    ("unlive", "/api/healthy", 500, "not alive"),
    ("unlive", "/ready", 200, "Message from webapp-1 : I am ready!"),
    ("crash mode=errors", "/health", 500, "500 Internal Server Error"),
    ("crash mode=errors", "/ready", 500, "500 Internal Server Error"),
    ("crash mode=errors", "/info", 500, "500 Internal Server Error"),
    ("error code=503 body='gone fishing'", "/info", 503, "gone fishing"),
    ("error code=502", "/info", 502, "502 Bad Gateway"),
    ("error code=599", "/info", 599, "599"),
]


@pytest.fixture
def client(aiohttp_client: Callable[..., Any], make_patient: Make) -> Callable[..., Any]:
    async def make(**arguments: Any) -> Client:
        made: Client = await aiohttp_client(create_app(make_patient(**arguments), admin=False))
        return made

    return make


def patient_of(client: Client) -> Patient:
    return client.app[PATIENT]  # type: ignore[no-any-return]


@pytest.mark.parametrize(("path", "body", "content_type"), HEALTHY)
async def test_a_healthy_app_says(client: Any, path: str, body: str, content_type: str) -> None:
    response = await (await client()).get(path)

    assert (response.status, await response.text(), response.content_type) == (200, body, content_type)
    assert response.headers["X-Pod"] == "webapp-1"


@pytest.mark.parametrize(("spec", "path", "status", "body"), UNWELL)
async def test_an_ill_app_says(client: Any, spec: str, path: str, status: int, body: str) -> None:
    app = await client(FAULTS=spec)
    response = await app.get(path)

    assert (response.status, await response.text()) == (status, body)
    assert response.headers["X-Pod"] == "webapp-1"


async def test_after_the_crash_the_crashy_app_counts_the_seconds_with_two_decimals(client: Any) -> None:
    now = [100.0]
    app = await client(CRASH_AFTER="5", now=lambda: now[0])
    now[0] = 107.85
    patient_of(app).tick()
    response = await app.get("/")

    assert response.status == 500
    assert await response.text() == (
        "Hi, my name is webapp-1 and I'm a crashy app...\nI crashed 2.85 seconds ago, sorry about that :(\n"
    )


@pytest.mark.parametrize(
    ("persona", "text"),
    [
        ("webapp-delayed-start", "Hello from webapp-1!\n"),
        ("webapp-color", "Hello from webapp-1!\n"),
        ("flask-healthcheck", "Hello from webapp-1!\n"),
        ("rng", "RNG running on webapp-1\n"),
    ],
)
async def test_the_persona_decides_what_the_root_says(client: Any, persona: str, text: str) -> None:
    app = await client(PERSONA=persona)
    assert await (await app.get("/")).text() == text

    patient_of(app).inject(parse_spec("crash mode=errors"))
    crashed = await app.get("/")

    assert (crashed.status, await crashed.text()) == (500, "500 Internal Server Error")


async def test_a_browser_gets_a_page_with_the_same_facts_and_nothing_that_could_run(client: Any) -> None:
    app = await client(APP_VERSION="<script>alert(1)</script>", APP_COLOR="#16a085", NODE_NAME="node-1")
    response = await app.get("/", headers={"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"})
    page = await response.text()

    assert (response.status, response.content_type) == (200, "text/html")
    assert response.headers["Content-Security-Policy"].startswith("default-src 'none'")
    for fact in ("webapp-1", "I&#x27;m a crashy app...", "But I didn&#x27;t crash... yet :D", "#16a085", "node-1"):
        assert fact in page
    assert "<script" not in page


async def test_a_browser_sees_the_crash_with_its_status(client: Any) -> None:
    app = await client(FAULTS="crash mode=errors")
    response = await app.get("/", headers={"Accept": "text/html"})

    assert response.status == 500
    assert re.search(r"I crashed \d+\.\d\d seconds ago, sorry about that :\(", await response.text())


@pytest.mark.parametrize("count", [0, 1, 32, 1_048_576])
@pytest.mark.parametrize("mode", ["async", "blocking"])
async def test_rng_gives_as_many_bytes_as_asked_after_a_tenth_of_a_second(client: Any, count: int, mode: str) -> None:
    app = await client(RNG_MODE=mode)
    begun = patient_of(app).now()
    response = await app.get(f"/{count}")

    assert (response.status, response.content_type) == (200, "application/octet-stream")
    assert len(await response.read()) == count
    assert patient_of(app).now() - begun >= 0.1


@pytest.mark.parametrize("path", ["/1048577", "/99999999", "/" + "9" * 5000])
async def test_rng_says_how_many_bytes_are_too_many(client: Any, path: str) -> None:
    response = await (await client()).get(path)

    assert response.status == 400
    assert await response.text() == f"{path[:21]}: must be a number of bytes from 0 to 1048576\n"


@pytest.mark.parametrize("path", ["/-1", "/1.5", "/nope", "/ready/"])
async def test_what_is_not_there_is_404_and_signed(client: Any, path: str) -> None:
    response = await (await client()).get(path)

    assert response.status == 404
    assert response.headers["X-Pod"] == "webapp-1"


@pytest.mark.parametrize("path", ["/", *PROBE_ROUTES, "/hostname", "/info", "/7", "/crash", "/freeze"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_another_method_is_405_and_says_which_are_allowed(client: Any, path: str, method: str) -> None:
    response = await (await client()).request(method, path)

    assert response.status == 405
    assert "GET" in response.headers["Allow"]
    assert response.headers["X-Pod"] == "webapp-1"


async def test_head_answers_as_get_without_a_body_but_makes_nobody_ill(client: Any) -> None:
    app = await client()

    assert (await app.head("/health")).headers["Content-Length"] == "6"
    assert (await app.head("/crash")).status == 405
    assert (await app.head("/freeze")).status == 405
    assert patient_of(app).faults.list() == []


async def test_crash_says_mayday_and_orders_the_end_of_the_process(client: Any) -> None:
    app = await client(EXIT_CODE="3")
    response = await app.get("/crash")

    assert (response.status, await response.text()) == (200, "Message from webapp-1 : Mayday! Mayday! Going to crash!")
    (crash,) = patient_of(app).faults.ended()
    assert crash.fault.to_spec() == "crash code=3"
    assert "Said" in [event.reason for event in patient_of(app).timeline.since()]


async def test_freeze_answers_only_when_thawed_and_then_with_the_stuck_text(client: Any) -> None:
    app = await client()
    with ThreadPoolExecutor() as pool:
        patient = patient_of(app)
        # No fault scheduler runs here, so nothing blocks: only the waiting is seen.

        def recover(event: Event) -> None:
            if event.reason == "Started":
                pool.submit(patient.recover)

        patient.timeline.subscribe(recover)
        response = await app.get("/freeze")

    assert (response.status, await response.text()) == (200, "Message from webapp-1 : Bad Code! I am stuck!")


@pytest.mark.parametrize("path", ["/crash", "/freeze"])
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic czNjcmV0"}])
async def test_crash_and_freeze_obey_the_token(client: Any, path: str, headers: dict[str, str]) -> None:
    app = await client(ADMIN_TOKEN="s3cret")
    response = await app.get(path, headers=headers)

    assert response.status == 401
    assert response.headers["WWW-Authenticate"].startswith("Bearer")
    assert patient_of(app).faults.list() == []


@pytest.mark.parametrize("path", ["/crash", "/freeze"])
async def test_crash_and_freeze_tell_of_too_many_faults_as_the_admin_api_does(client: Any, path: str) -> None:
    app = await client()
    for _ in range(MAX_LIVE):
        patient_of(app).inject(parse_spec("error after=1h"))
    response = await app.get(path)

    assert (response.status, response.content_type) == (409, "application/problem+json")
    assert (await response.json())["detail"] == "1000 faults are pending or active: recover some first"


async def test_two_apps_in_one_process_share_nothing(client: Any) -> None:
    one, other = await client(POD_NAME="one"), await client(POD_NAME="other")
    patient_of(one).inject(parse_spec("crash mode=errors"))

    assert (await one.get("/health")).status == 500
    assert (await other.get("/health")).status == 200
    assert await (await other.get("/hostname")).text() == "other"

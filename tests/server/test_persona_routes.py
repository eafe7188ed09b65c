"""The courses' apps that the patient can be: what their own clients ask, and what they get."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from crashy.patient.personas import WITH_ROUTES
from crashy.patient.personas.routes import EVERYTHING, routes
from crashy.server.app import PATIENT, create_app
from crashy.server.patient import Patient

Client = TestClient[Any, Any]
KUBELET = {"User-Agent": "kube-probe/1.32"}


@pytest.fixture
def client(aiohttp_client: Callable[..., Any], make_patient: Callable[..., Patient]) -> Callable[..., Any]:
    async def make(persona: str, **arguments: Any) -> Client:
        made: Client = await aiohttp_client(create_app(make_patient(PERSONA=persona, **arguments), admin=False))
        return made

    return make


async def get(app: Client, path: str, **headers: str) -> tuple[int, str]:
    response = await app.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    return response.status, await response.text()


def patient_of(app: Client) -> Patient:
    return app.app[PATIENT]  # type: ignore[no-any-return]


# --- kuard: https://github.com/kubernetes-up-and-running/kuard, pkg/debugprobe


@pytest.mark.parametrize(("path", "fault"), [("/healthy", "unlive"), ("/ready", "unready")])
async def test_kuard_fails_its_next_probes_and_says_how_many_are_left(client: Any, path: str, fault: str) -> None:
    app = await client("kuard")
    assert await get(app, path) == (200, "ok")

    put = await app.put(f"{path}/api", data='{"failNext": 2}')

    assert put.status == 200
    assert (await put.json())["failNext"] == 2
    assert [one.fault.to_spec() for one in patient_of(app).faults.list()] == [f"{fault} times=2"]
    assert [await get(app, path) for _ in range(3)] == [(500, "fail, 1 left"), (500, "fail, 0 left"), (200, "ok")]


@pytest.mark.parametrize("path", ["/healthy", "/ready"])
async def test_kuard_fails_for_ever_until_it_is_told_otherwise(client: Any, path: str) -> None:
    app = await client("kuard")
    await app.put(f"{path}/api", json={"failNext": -1})

    assert [await get(app, path) for _ in range(3)] == [(500, "fail, permanent")] * 3
    assert json.loads((await get(app, f"{path}/api"))[1])["failNext"] == -1

    await app.put(f"{path}/api", json={"failNext": 0})

    assert await get(app, path) == (200, "ok")
    assert patient_of(app).faults.list() == []


async def test_the_second_order_replaces_the_first(client: Any) -> None:
    app = await client("kuard")
    for count in (5, 1):
        await app.put("/ready/api", json={"failNext": count})

    assert [await get(app, "/ready") for _ in range(2)] == [(500, "fail, 0 left"), (200, "ok")]


async def test_the_history_of_kuard_has_the_kubelets_probes_and_no_browsers(client: Any) -> None:
    app = await client("kuard")
    await app.put("/ready/api", json={"failNext": 1})
    await app.get("/ready", headers=KUBELET)
    await app.get("/ready")
    await app.get("/ready", headers=KUBELET)
    status = json.loads((await get(app, "/ready/api"))[1])

    assert (status["probePath"], status["failNext"]) == ("/ready", 0)
    assert [(seen["id"], seen["code"]) for seen in status["history"]] == [(2, 200), (1, 500)]
    assert re.fullmatch(r"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d", status["history"][0]["when"])
    assert status["history"][0]["relWhen"] in {"now", "1 second ago"}


@pytest.mark.parametrize(
    "body", ["", "x", "[1]", '{"failNext": "3"}', '{"failNext": 1.5}', '{"failNext": true}', "\x00"]
)
async def test_a_bad_order_is_400_and_changes_nothing(client: Any, body: str) -> None:
    app = await client("kuard")
    response = await app.put("/ready/api", data=body.encode())

    assert response.status == 400
    assert "a whole number" in await response.text()
    assert patient_of(app).faults.list() == []


async def test_kuard_refuses_what_is_nested_too_deep(client: Any) -> None:
    put = await (await client("kuard")).put("/ready/api", data="[" * 60_000)

    assert put.status == 400


@pytest.mark.parametrize(
    ("persona", "method", "path"),
    [("kuard", "PUT", "/ready/api"), ("agnhost", "POST", "/echo"), ("podinfo", "POST", "/echo"), ("kubia", "PUT", "/")],
)
async def test_a_body_that_is_not_encoded_as_it_says_is_400(client: Any, persona: str, method: str, path: str) -> None:
    encoded = {"Content-Encoding": "gzip"}
    response = await (await client(persona)).request(method, path, data=b"not gzip", headers=encoded)

    assert response.status == 400
    assert "Content-Encoding" in await response.text()


# --- agnhost: kubernetes, test/images/agnhost


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("/healthz", 200, ""),
        ("/readyz", 200, "ok"),
        ("/hostname", 200, "webapp-1"),
        ("/hostName", 200, "webapp-1"),
        ("/echo?msg=hello", 200, "hello"),
        ("/echo?msg=gone&code=410", 410, "gone"),
        ("/echo?code=02009999", 400, "argument 'code' must be an integer or empty, got \"02009999\"\n"),
        ("/redirect?code=03020000", 400, "argument 'code' must be an integer or empty, got \"03020000\"\n"),
        ("/exit?code=00001270", 400, "argument 'code' must be an integer [0-127] or empty, got \"00001270\"\n"),
        ("/exit?wait=25h", 400, "argument 'wait' must be at most 3600 seconds, got \"25h\"\n"),
        ("/echo?code=x", 400, "argument 'code' must be an integer or empty, got \"x\"\n"),
        ("/header?key=x-mine", 200, "yes"),
        ("/exit?code=200", 400, "argument 'code' must be an integer [0-127] or empty, got \"200\"\n"),
        ("/exit?wait=5", 400, "argument 'wait' must be a valid golang duration or empty, got \"5\"\n"),
        ("/shell?cmd=id", 404, "404: Not Found"),
        ("/upload", 404, "404: Not Found"),
        ("/dial?host=x", 404, "404: Not Found"),
    ],
)
async def test_netexec_answers(client: Any, path: str, status: int, text: str) -> None:
    assert await get(await client("agnhost"), path, X_Mine="yes") == (status, text)


async def test_netexec_says_the_time_and_who_asks(client: Any) -> None:
    app = await client("agnhost")

    assert re.fullmatch(
        r"NOW: \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{9} \+0000 UTC m=\+\d+\.\d{9}", (await get(app, "/"))[1]
    )
    assert re.fullmatch(r"127\.0\.0\.1:\d+", (await get(app, "/clientip"))[1])
    assert json.loads((await get(app, "/header"))[1])["User-Agent"]
    assert await (await app.post("/echo", data={"msg": "posted"})).text() == "posted"


async def test_netexec_redirects(client: Any) -> None:
    app = await client("agnhost")
    response = await app.get("/redirect?location=/echo%3Fmsg=foobar&code=307", allow_redirects=False)

    assert (response.status, response.headers["Location"]) == (307, "/echo?msg=foobar")
    assert await get(app, "/redirect?location=/hostname") == (200, "webapp-1")


@pytest.mark.parametrize(
    ("path", "spec"),
    [
        ("/exit", "crash code=0"),
        ("/exit?code=3", "crash code=3"),
        ("/exit?code=127&timeout=1s", "crash code=127"),
        ("/shutdown", "crash code=0"),
    ],
)
async def test_netexec_exits_by_get_as_its_scripts_ask_it(client: Any, path: str, spec: str) -> None:
    app = await client("agnhost")
    assert (await app.head(path)).status == 405
    assert patient_of(app).faults.ended() == []

    await app.get(path)

    assert [one.fault.to_spec() for one in patient_of(app).faults.ended()] == [spec]


async def test_netexec_waits_before_it_exits(client: Any) -> None:
    app = await client("agnhost")
    injected = asyncio.Event()
    loop = asyncio.get_running_loop()
    patient_of(app).timeline.subscribe(
        lambda event: loop.call_soon(injected.set) if event.reason == "Injected" else None
    )
    asked = asyncio.ensure_future(app.get("/exit?code=3&wait=1h"))
    await asyncio.wait_for(injected.wait(), 10)
    asked.cancel()

    (pending,) = patient_of(app).faults.list()
    assert (pending.state, pending.fault.to_spec()) == ("pending", "crash code=3 after=1h")


async def test_netexec_that_stops_is_unready_but_healthy(client: Any) -> None:
    app = await client("agnhost")
    patient_of(app).enter("draining")

    assert await get(app, "/readyz") == (503, "shutting down")
    assert await get(app, "/healthz") == (200, "")


async def test_netexec_that_is_not_ready_says_412(client: Any) -> None:
    app = await client("agnhost", FAULTS="unready; unlive")

    assert (await get(app, "/readyz"), await get(app, "/healthz")) == ((412, ""), (412, ""))


async def test_liveness_is_well_for_ten_seconds(client: Any) -> None:
    now = [100.0]
    app = await client("agnhost-liveness", FAULTS="unlive after=10s", now=lambda: now[0])
    assert await get(app, "/healthz") == (200, "ok")

    now[0] = 112.25
    patient_of(app).tick()

    assert await get(app, "/healthz") == (500, "error: 12.25")
    assert await get(app, "/started") == (200, "12.25s")
    assert await get(app, "/") == (404, "404 page not found\n")
    assert await get(app, "/redirect?loc=%2Fstarted") == (200, "12.25s")


@pytest.mark.parametrize("charset", ["", "; charset=unknown"])
async def test_agnhost_reads_a_form_whatever_its_bytes_are(client: Any, charset: str) -> None:
    app = await client("agnhost")
    headers = {"Content-Type": f"application/x-www-form-urlencoded{charset}"}
    response = await app.post("/echo", data=b"\xff=1&msg=hello", headers=headers)

    assert (response.status, await response.text()) == (200, "hello")


# --- podinfo: https://github.com/stefanprodan/podinfo, pkg/api/http


async def test_podinfo_is_taken_out_of_its_service_and_put_back(client: Any) -> None:
    app = await client("podinfo")
    assert await get(app, "/readyz") == (200, '{\n  "status": "OK"\n}')

    for _ in range(2):
        disabled = await app.post("/readyz/disable")
        assert (disabled.status, await disabled.text()) == (202, "")
    assert len(patient_of(app).faults.list()) == 1
    assert await get(app, "/readyz") == (503, "")
    assert await get(app, "/healthz") == (200, '{\n  "status": "OK"\n}')
    assert not patient_of(app).health().readiness

    assert (await app.post("/readyz/enable")).status == 202
    assert (await get(app, "/readyz"))[0] == 200


async def test_fault_injection_spares_probes_and_its_own_routes(client: Any) -> None:
    app = await client("podinfo")
    enabled = await app.post("/fault_injection/enable")

    assert (enabled.status, await enabled.json()) == (202, {"fault_injection": "enabled"})
    for path in ("/", "/api/info", "/nope"):
        assert await get(app, path) == (500, '{"status":"fault injection enabled"}\n')
    for path in ("/healthz", "/readyz", "/fault_injection/status"):
        assert (await get(app, path))[0] == 200
    assert json.loads((await get(app, "/fault_injection/status"))[1]) == {"fault_injection": "enabled"}

    disabled = await app.post("/fault_injection/disable")

    assert (disabled.status, await disabled.json()) == (202, {"fault_injection": "disabled"})
    assert (await get(app, "/api/info"))[0] == 200


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [
        ("/status/404", 404, {"status": 404}),
        ("/status/99", 400, {"code": 400, "message": "99: must be a status from 200 to 599"}),
        ("/status/600", 400, {"code": 400, "message": "600: must be a status from 200 to 599"}),
        ("/delay/0", 200, {"delay": 0}),
        ("/delay/99999999", 400, {"code": 400, "message": "99999999: must be at most 3600 seconds"}),
        ("/version", 200, {"commit": "crashy", "version": "v1"}),
    ],
)
async def test_podinfo_answers(client: Any, path: str, status: int, body: dict[str, Any]) -> None:
    response = await (await client("podinfo")).get(path)

    assert (response.status, response.content_type, await response.json()) == (status, "application/json", body)
    assert response.headers["X-Content-Type-Options"] == "nosniff"


async def test_podinfo_tells_of_itself_and_echoes(client: Any) -> None:
    app = await client("podinfo", APP_COLOR="#34577c")
    for path in ("/", "/api/info"):
        info = await (await app.get(path)).json()
        assert (info["hostname"], info["color"], info["version"]) == ("webapp-1", "#34577c", "v1")
    echoed = await app.post("/echo", data=b"hello")
    headers = await (await app.get("/headers", headers={"x-mine": "yes"})).json()

    assert (echoed.status, await echoed.text(), echoed.headers["X-Color"]) == (202, "hello", "#34577c")
    assert headers["X-Mine"] == ["yes"]
    page = await app.get("/", headers={"Accept": "text/html"})
    assert page.content_type == "text/html"


async def test_podinfo_shows_its_variables_without_secrets(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = {"PODINFO_UI_COLOR": "cyan", "KUBERNETES_SERVICE_HOST": "10.0.0.1"}
    hidden = {
        "ADMIN_TOKEN": "s3cret",
        "DATABASE": "s3cret",
        "PODINFO_JWT_SECRET": "s3cret",
        "POD_URL": "redis://a:s3cret@b",
    }
    for name, value in {**shown, **hidden}.items():
        monkeypatch.setenv(name, value)
    listed = await (await (await client("podinfo")).get("/env")).json()

    assert {f"{name}={value}" for name, value in shown.items()} <= set(listed)
    assert {f"{name}=(not shown)" for name in hidden} <= set(listed)
    assert "s3cret" not in json.dumps(listed)


async def test_podinfo_panics_when_it_is_told_to_and_not_when_it_is_asked(client: Any) -> None:
    app = await client("podinfo")
    asked = await app.get("/panic")
    assert (asked.status, asked.headers["Allow"]) == (405, "POST")
    assert patient_of(app).faults.ended() == []

    await app.post("/panic")

    assert [one.fault.to_spec() for one in patient_of(app).faults.ended()] == ["crash code=255"]


# --- kubia: https://github.com/luksa/kubernetes-in-action, Chapter04/kubia-unhealthy


async def test_kubia_is_well_for_five_requests_of_anybody_on_any_path(client: Any) -> None:
    app = await client("kubia")
    answers = [await get(app, path, **KUBELET_AS_ARGUMENT) for path in ("/", "/readyz", "/healthz")]
    answers += [await get(app, path) for path in ("/", "/x", "/", "/y")]

    assert answers == [(200, "You've hit webapp-1\n")] * 5 + [(500, "I'm not well. Please restart me!")] * 2


KUBELET_AS_ARGUMENT = {"User_Agent": KUBELET["User-Agent"]}


async def test_a_kubia_that_recovers_is_well_for_five_more(client: Any) -> None:
    app = await client("kubia")
    for _ in range(7):
        await app.get("/")
    patient_of(app).recover()

    assert [(await get(app, "/"))[0] for _ in range(6)] == [200] * 5 + [500]


# --- all of them


@pytest.mark.parametrize(
    ("persona", "method", "path", "body", "content_type", "status"),
    [
        ("agnhost", "GET", "/echo?code=02009999", b"", "text/plain", 400),
        ("agnhost", "GET", "/redirect?code=03020000", b"", "text/plain", 400),
        ("agnhost", "GET", "/exit?code=00001270", b"", "text/plain", 400),
        ("agnhost", "GET", "/exit?wait=999999h", b"", "text/plain", 400),
        ("agnhost", "POST", "/echo", b"msg=%ff&\xff=1", "application/x-www-form-urlencoded; charset=nope", 200),
        ("kuard", "PUT", "/ready/api", b"[" * 100_000, "application/json", 400),
        ("podinfo", "POST", "/echo", b"\xff\x00", "application/octet-stream", 202),
        ("podinfo", "GET", "/status/" + "9" * 5000, b"", "text/plain", 400),
        ("podinfo", "GET", "/delay/" + "0" * 5000, b"", "text/plain", 400),
    ],
)
async def test_a_strange_request_is_answered(
    client: Any, persona: str, method: str, path: str, body: bytes, content_type: str, status: int
) -> None:
    app = await client(persona)
    response = await app.request(method, path, data=body, headers={"Content-Type": content_type}, allow_redirects=False)

    assert response.status == status
    assert patient_of(app).faults.list() == patient_of(app).faults.ended() == []


@pytest.mark.parametrize(
    ("persona", "method", "path"),
    [(name, r.methods[0], re.sub(r"\{.*", "1", r.path)) for name in WITH_ROUTES for r in routes(name) if r.changes],
)
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}])
async def test_what_changes_something_needs_the_token(
    client: Any, persona: str, method: str, path: str, headers: dict[str, str]
) -> None:
    app = await client(persona, ADMIN_TOKEN="s3cret")
    refused = await app.request(method, path, headers=headers, data='{"failNext": 1}')

    assert (refused.status, refused.content_type) == (401, "application/problem+json")
    assert patient_of(app).faults.list() == patient_of(app).faults.ended() == []


@pytest.mark.parametrize("persona", [name for name in WITH_ROUTES if all(r.path != EVERYTHING for r in routes(name))])
async def test_a_get_changes_nothing_but_by_agnhosts_exit(client: Any, persona: str) -> None:
    app = await client(persona)
    for route in routes(persona):
        if route.path not in {"/exit", "/shutdown"}:
            await app.get(re.sub(r"\{.*", "0", route.path), allow_redirects=False)

    assert patient_of(app).faults.list() == patient_of(app).faults.ended() == []


@pytest.mark.parametrize("persona", [name for name in WITH_ROUTES if name != "kubia"])
async def test_the_other_routes_stay(client: Any, persona: str) -> None:
    app = await client(persona)

    assert [(await get(app, path))[1] for path in ("/live", "/hostname", "/livez")] == [
        "Message from webapp-1 : I am live!",
        "webapp-1",
        "ok",
    ]

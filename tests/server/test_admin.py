from __future__ import annotations

from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from crashy.faults.base import FAULTS
from crashy.server.patient import Patient
from tests.server.admin_app import make_app, make_patient

Client = TestClient[Any, Any]


@pytest.fixture
def patient() -> Patient:
    return make_patient()


@pytest.fixture
async def client(aiohttp_client: Any, patient: Patient) -> Client:
    made: Client = await aiohttp_client(make_app(patient))
    return made


WAYS = {
    "an object": {"json": {"fault": "freeze", "for": "10s"}},
    "a spec in an object": {"json": {"spec": "freeze for=10s"}},
    "a spec as a JSON string": {"json": "freeze for=10s"},
    "seconds as a number": {"json": {"fault": "freeze", "for": 10}},
    "plain text": {"data": "freeze for=10s", "headers": {"Content-Type": "text/plain; charset=utf-8"}},
    "what curl -d sends": {
        "data": "freeze for=10s",
        "headers": {"Content-Type": "application/x-www-form-urlencoded"},
    },
    "JSON by curl -d": {
        "data": '{"fault": "freeze", "for": "10s"}',
        "headers": {"Content-Type": "application/x-www-form-urlencoded"},
    },
    "no type": {"data": b"freeze for=10s\n", "headers": {"Content-Type": ""}},
    "a JSON type of its own": {"data": '"freeze for=10s"', "headers": {"Content-Type": "application/vnd.x+json"}},
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
async def test_a_fault_is_injected_in_whatever_way_it_is_written(way: Any, client: Client, patient: Patient) -> None:
    answer = await client.post("/admin/faults", **way)
    fault = await answer.json()

    assert answer.status == 201
    assert answer.headers["Location"] == "/admin/faults/f1"
    assert (fault["id"], fault["fault"], fault["spec"], fault["state"]) == ("f1", "freeze", "freeze for=10s", "active")
    assert [active.fault.to_spec() for active in patient.faults.list()] == ["freeze for=10s"]


async def test_an_injected_fault_is_where_its_location_says(client: Client) -> None:
    injected = await client.post("/admin/faults", json="unready times=3")
    found = await client.get(injected.headers["Location"])

    assert (await found.json())["spec"] == "unready times=3"


@pytest.mark.parametrize(
    ("name", "body", "spec"),
    [
        ("crash", {}, "crash"),
        ("crash", {"json": {"mode": "errors", "for": "5s"}}, "crash mode=errors for=5s"),
        ("crash", {"json": {"fault": "crash"}}, "crash"),
        ("freeze", {}, "freeze"),
        ("freeze", {"json": {}}, "freeze"),
        ("freeze", {"data": "mode=hang for=2s"}, "freeze mode=hang for=2s"),
    ],
)
async def test_shorthands_take_the_parameters_of_their_fault(name: str, body: Any, spec: str, client: Client) -> None:
    answer = await client.post(f"/admin/{name}", **body)

    assert answer.status == 201
    assert (await answer.json())["spec"] == spec


async def test_faults_are_listed_the_ended_ones_first(client: Client) -> None:
    for spec in ("unready", "unlive", "latency delay=1s"):
        await client.post("/admin/faults", json=spec)
    await client.delete("/admin/faults/f2")

    listed = (await (await client.get("/admin/faults")).json())["faults"]
    assert [(fault["id"], fault["state"]) for fault in listed] == [
        ("f2", "ended"),
        ("f1", "active"),
        ("f3", "active"),
    ]


async def test_one_fault_is_taken_back_as_often_as_one_likes(client: Client, patient: Patient) -> None:
    await client.post("/admin/faults", json="unready")
    await client.post("/admin/faults", json="unlive")

    for _ in range(2):
        answer = await client.delete("/admin/faults/f1")
        assert (answer.status, await answer.read()) == (204, b"")
    assert [active.id for active in patient.faults.list()] == ["f2"]


@pytest.mark.parametrize("ask", [("DELETE", "/admin/faults"), ("POST", "/admin/recover")])
async def test_all_faults_are_taken_back(ask: tuple[str, str], client: Client, patient: Patient) -> None:
    await client.post("/admin/faults", json="unready")
    await client.post("/admin/faults", json="unlive after=1h")

    recovered = await (await client.request(*ask)).json()
    again = await (await client.request(*ask)).json()

    assert [(fault["id"], fault["state"]) for fault in recovered["recovered"]] == [("f1", "ended"), ("f2", "ended")]
    assert again == {"recovered": []}
    assert patient.faults.list() == []


@pytest.mark.parametrize("body", [{"json": {"id": "f1"}}, {"json": "f1"}, {"data": "f1"}])
async def test_recover_takes_back_the_one_that_is_named(body: Any, client: Client, patient: Patient) -> None:
    await client.post("/admin/faults", json="unready")
    await client.post("/admin/faults", json="unlive")

    recovered = await (await client.post("/admin/recover", **body)).json()

    assert [fault["id"] for fault in recovered["recovered"]] == ["f1"]
    assert [active.id for active in patient.faults.list()] == ["f2"]


async def test_recover_takes_back_all_of_the_kind_that_is_named(client: Client, patient: Patient) -> None:
    for spec in ("unready", "unlive", "unready after=1h"):
        await client.post("/admin/faults", json=spec)

    recovered, again = [
        (await (await client.post("/admin/recover", json={"fault": "unready"})).json())["recovered"] for _ in range(2)
    ]

    assert [fault["id"] for fault in recovered] == ["f1", "f3"]
    assert again == []
    assert [active.id for active in patient.faults.list()] == ["f2"]


async def test_status_names_the_patient_and_its_faults(client: Client) -> None:
    await client.post("/admin/faults", json="unready")
    status = await (await client.get("/admin/status")).json()

    assert status["pod"] == "web-1"
    assert status["health"] == {"startup": True, "readiness": False, "liveness": True}
    assert [fault["spec"] for fault in status["faults"]] == ["unready"]


async def test_every_example_of_what_acts_inside_can_be_injected(client: Client) -> None:
    listed = (await (await client.get("/admin/catalogue")).json())["faults"]
    examples = [example for fault in listed if "inside" in fault["ways"] for example in fault["examples"]]

    assert {fault["name"] for fault in listed} == set(FAULTS)
    for example in examples:
        answer = await client.post("/admin/faults", json=example)
        assert answer.status == 201, example


@pytest.mark.parametrize(
    ("spec", "field", "detail"),
    [
        ("latency via=outside", "via", "'outside': a patient takes faults inside: leave via out"),
        ("bandwidth", "fault", "bandwidth acts from outside only; drip rate=1Mi would do"),
    ],
)
async def test_what_acts_from_outside_is_refused(client: Client, spec: str, field: str, detail: str) -> None:
    answer = await client.post("/admin/faults", json=spec)
    problem = await answer.json()

    assert (answer.status, problem.get("field"), problem["detail"]) == (409, field, detail)
    assert (await (await client.get("/admin/status")).json())["faults"] == []


async def test_answers_are_json_that_people_can_read(client: Client) -> None:
    answer = await client.get("/admin/faults")

    assert answer.content_type == "application/json"
    assert await answer.text() == '{\n  "faults": []\n}\n'


async def test_head_answers_as_get_without_a_body(client: Client) -> None:
    answer = await client.head("/admin/status")

    assert (answer.status, answer.content_type, await answer.read()) == (200, "application/json", b"")

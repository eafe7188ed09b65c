from __future__ import annotations

import json
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from crashy.faults.base import parse_spec
from crashy.server.admin import OPERATIONS
from crashy.server.patient import Patient
from tests.server.admin_app import make_app, make_patient

Client = TestClient[Any, Any]

TOKEN = "s3cret"
INJECTING = sorted((operation.method, operation.path) for operation in OPERATIONS if operation.mutates)
READING = sorted(o.path for o in OPERATIONS if not o.mutates and o.media_type == "application/json")


@pytest.fixture
def patient() -> Patient:
    return make_patient(token=TOKEN)


@pytest.fixture
async def client(aiohttp_client: Any, patient: Patient) -> Client:
    made: Client = await aiohttp_client(make_app(patient))
    return made


def test_what_injects_or_recovers_is_everything_but_get() -> None:
    assert INJECTING == [
        ("DELETE", "/admin/faults"),
        ("DELETE", "/admin/faults/{id}"),
        ("DELETE", "/admin/fleet"),
        ("DELETE", "/admin/fleet/lease/{id}"),
        ("POST", "/admin/crash"),
        ("POST", "/admin/faults"),
        ("POST", "/admin/fleet"),
        ("POST", "/admin/fleet/lease"),
        ("POST", "/admin/freeze"),
        ("POST", "/admin/recover"),
    ]


@pytest.mark.parametrize(("method", "path"), INJECTING)
@pytest.mark.parametrize(
    ("given", "challenge"),
    [
        (None, 'Bearer realm="crashy"'),
        ("", 'Bearer realm="crashy"'),
        ("Bearer", 'Bearer realm="crashy"'),
        ("Bearer wrong", 'Bearer realm="crashy", error="invalid_token"'),
        (f"Basic {TOKEN}", 'Bearer realm="crashy", error="invalid_token"'),
        (f"Bearer {TOKEN}x", 'Bearer realm="crashy", error="invalid_token"'),
        ("Bearer s3cret-ü", 'Bearer realm="crashy", error="invalid_token"'),
    ],
)
async def test_without_the_token_nothing_is_injected_or_recovered(
    method: str, path: str, given: str | None, challenge: str, *, client: Client, patient: Patient
) -> None:
    headers = {} if given is None else {"Authorization": given}
    answer = await client.request(method, path.format(id="f1"), json="freeze", headers=headers)

    assert (answer.status, answer.content_type) == (401, "application/problem+json")
    assert answer.headers["WWW-Authenticate"] == challenge
    assert json.loads(await answer.read())["field"] == "Authorization"
    assert patient.faults.list() == []


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER "])
async def test_with_the_token_faults_are_injected_and_recovered(scheme: str, client: Client) -> None:
    headers = {"Authorization": f"{scheme} {TOKEN}"}

    assert (await client.post("/admin/faults", json="freeze", headers=headers)).status == 201
    assert (await client.delete("/admin/faults", headers=headers)).status == 200


@pytest.mark.parametrize("path", READING)
async def test_reading_needs_no_token(path: str, client: Client, patient: Patient) -> None:
    patient.inject(parse_spec("unready"))
    answer = await client.get(path.format(id="f1"))

    assert answer.status == 200
    assert TOKEN not in await answer.text()

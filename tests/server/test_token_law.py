"""Whatever route changes something, of whatever app that the patient plays, answers 401 without the token."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from crashy.faults.base import parse_spec
from crashy.patient.settings import PERSONAS as ALL
from crashy.server.app import create_app
from crashy.server.patient import Patient
from crashy.timeline import kinds
from tests.server.running import DEADLINE

Client = TestClient[Any, Any]
State = tuple[Any, ...]

TOKEN = "s3cret"
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}
# kubia falls ill by itself after five requests, whatever they ask for: that is the app, and no route's doing.
PERSONAS = [persona for persona in ALL if persona != "kubia"]
EVERY_METHOD = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
BODIES = ["", "unready times=1", '{"fault": "unready"}', '{"failNext": 1}', '{"id": "FAULT"}']
PATIENCE = 0.2
"""Seconds after which a request is given up: its answer waits for something, or never ends."""


def state(patient: Patient) -> State:
    """Return all that a request may change: the faults, now and before, and what happens to the process."""
    faults = [(one.id, one.state) for one in (*patient.faults.ended(), *patient.faults.list())]
    commands = [event.message for event in patient.timeline.since() if event.kind == kinds.FAULT]
    return faults, commands, patient.phase


def requests(app: web.Application) -> Iterator[tuple[str, str]]:
    """Yield a method and a path of each route, those with a pattern filled in."""
    for route in app.router.routes():
        resource = route.resource
        path = resource.canonical if resource else ""
        filled = re.sub(r"{[^}]*}", lambda match: "1" if "n" in match[0] else "FAULT", path)
        for method in EVERY_METHOD if route.method == "*" else [route.method]:
            yield method, filled


async def status(
    client: Client, method: str, path: str, body: str, headers: dict[str, str], patience: float = PATIENCE
) -> int:
    """Return the status of a response; 0 without one in time."""
    kind = {"Content-Type": "application/json" if body.startswith("{") else "text/plain"} if body else {}
    try:
        async with asyncio.timeout(patience):
            async with client.request(method, path, data=body or None, headers={**headers, **kind}) as answer:
                return answer.status
    except TimeoutError:
        return 0


@pytest.mark.parametrize("persona", PERSONAS)
async def test_what_changes_something_with_the_token_is_unauthorized_without_it(
    persona: str, make_patient: Callable[..., Patient], aiohttp_client: Callable[..., Any]
) -> None:
    patient = make_patient(PERSONA=persona, ADMIN_TOKEN=TOKEN, METRICS="1")
    client: Client = await aiohttp_client(create_app(patient, admin=False))
    changing = set()

    own = persona != PERSONAS[0]  # the admin API is the same for all
    for method, path in sorted({one for one in requests(client.app) if not (own and one[1].startswith("/admin"))}):
        for body in BODIES if method in {"POST", "PUT", "PATCH"} else [""]:
            patient.recover()
            fault = patient.inject(parse_spec("unready routes=/nowhere")).id
            before = state(patient)
            asked = method, path.replace("FAULT", fault), body.replace("FAULT", fault)
            without = await status(client, *asked, {})
            assert state(patient) == before, asked

            await status(client, *asked, AUTHORIZED)
            if state(patient) != before:
                changing.add(f"{method} {path}")
                assert without == 401, asked

    assert own or changing >= {"POST /admin/faults", "DELETE /admin/faults/FAULT", "POST /admin/recover", "GET /freeze"}


async def test_without_the_token_nothing_on_the_admin_port_changes_anything(
    make_patient: Callable[..., Patient], aiohttp_client: Callable[..., Any]
) -> None:
    patient = make_patient(ADMIN_TOKEN=TOKEN)
    client: Client = await aiohttp_client(create_app(patient, admin=True))
    patient.inject(parse_spec("latency"))
    before = state(patient)

    answers = {
        await status(client, method, path, body, {}, DEADLINE)  # none of them waits
        for method, path in requests(client.app)
        if method not in {"GET", "HEAD", "OPTIONS"}
        for body in BODIES
    }

    assert state(patient) == before
    assert answers <= {401, 404, 405}

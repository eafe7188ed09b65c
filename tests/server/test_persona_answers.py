"""What the server, the sim and `crashy check` say of a course's app: the same, path by path."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from crashy.engines.sim.persona import ModelledPersona
from crashy.faults.active import FaultSet
from crashy.faults.base import Fault
from crashy.patient.routes import get_refused
from crashy.patient.settings import load
from crashy.server.app import create_app
from crashy.server.patient import Patient

PATHS = {
    "kuard": ("/healthy", "/ready", "/ready/api", "/healthy/api", "/fs/", "/env"),
    "agnhost": (
        "/healthz",
        "/readyz",
        "/hostname",
        "/hostName",
        "/echo?msg=a%20b&code=404",
        "/echo?msg=a+b",
        "/header?key=x",
        "/redirect?location=/x&code=200",
        "/shell?cmd=id",
        "/upload",
    ),
    "agnhost-liveness": ("/healthz", "/", "/readyz"),
    "podinfo": (
        "/",
        "/healthz",
        "/readyz",
        "/version",
        "/status/200",
        "/status/503",
        "/status/999",
        "/delay/0",
        "/fault_injection/status",
        "/fault_injection/enable",
        "/panic",
        "/store",
    ),
    "kubia": ("/", "/anything", "/readyz"),
}
EACH = [(persona, path) for persona, paths in PATHS.items() for path in paths]


@pytest.fixture
def patient(make_patient: Callable[..., Patient], persona: str) -> Patient:
    return make_patient(PERSONA=persona)


class Modelled:
    """A patient of the sim as its app sees it."""

    def __init__(self, faults: FaultSet) -> None:
        self.faults = faults

    def inject(self, fault: Fault, source: str) -> str:
        self.faults.inject(fault, source)
        return ""

    def recover(self, which: str | None = None) -> str:
        self.faults.recover(which)
        return ""


@pytest.mark.parametrize(("persona", "path"), EACH)
async def test_check_knows_whether_a_path_is_answered(
    aiohttp_client: Callable[..., Any], patient: Patient, persona: str, path: str
) -> None:
    app = await aiohttp_client(create_app(patient, admin=False))
    status = (await app.get(path, allow_redirects=False)).status

    assert (get_refused(load((), {"PERSONA": persona}), 8080, path, https=False) == "") == (status < 400)


@pytest.mark.parametrize(("persona", "path"), EACH)
async def test_the_sim_answers_as_the_server_does(
    aiohttp_client: Callable[..., Any], patient: Patient, persona: str, path: str
) -> None:
    app = await aiohttp_client(create_app(patient, admin=False))
    response = await app.get(path, allow_redirects=False)
    plain, _, query = path.partition("?")
    modelled = ModelledPersona(persona, patient.identity, Modelled(patient.faults))

    if modelled.route(plain):
        answer = modelled.answer(plain, query, patient.uptime())
        assert (answer.status, answer.body) == (response.status, await response.text())
    else:
        assert response.status in {200, 404, 405}


def test_a_patient_of_another_persona_imports_none_of_it() -> None:
    code = (
        "import sys; from crashy.commands import serve; import crashy.server.serve;"
        "print([name for name in sys.modules if name.startswith(('crashy.patient.personas.', 'crashy.patient.flags'))"
        "or name == 'crashy.server.persona_routes'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)

    assert done.stdout == "[]\n"

"""What a path says in which state, byte for byte."""

from __future__ import annotations

import random

import pytest

from crashy.faults.active import FaultSet
from crashy.faults.base import parse_spec
from crashy.faults.scope import ProbeName, Request
from crashy.grpc import CHECK
from crashy.patient.answers import PAGES, Answer, fault_answer, probe_answer, run
from crashy.patient.identity import Identity
from crashy.patient.personas import GREETINGS
from crashy.patient.probes import PROBE_ROUTES

WHO = Identity("web-1", version="v2", color="green")


@pytest.mark.parametrize(
    ("path", "probe", "yes", "answer"),
    [
        ("/readyz", "readiness", True, Answer(200, "ok")),
        ("/readyz", "readiness", False, Answer(503, "not ready")),
        ("/startupz", "startup", False, Answer(503, "not started")),
        ("/live", "liveness", True, Answer(200, "Message from web-1 : I am live!")),
        ("/live", "liveness", False, Answer(500, "Message from web-1 : I am not live!")),
        (
            "/readiness",
            "readiness",
            False,
            Answer(503, "<h1><center>Readiness check failed</center><h1>", content_type="text/html"),
        ),
        (CHECK, "readiness", True, Answer(200, "")),
        (CHECK, "startup", False, Answer(503, "")),
        (CHECK, "liveness", False, Answer(500, "")),
    ],
)
def test_a_probe_is_answered_yes_or_no(path: str, probe: ProbeName, yes: bool, answer: Answer) -> None:
    assert probe_answer(path, probe, "web-1", yes=yes) == answer


@pytest.mark.parametrize(
    ("spec", "path", "persona", "answer"),
    [
        ("unready routes=/*", "/ready", "rng", Answer(503, "Message from web-1 : I am not ready!")),
        ("unready routes=/*", "/info", "rng", Answer(503, "503 Service Unavailable")),
        ("unlive routes=/*", "/health", "rng", Answer(500, "500 Internal Server Error")),
        ("error routes=/*", "/ready", "rng", Answer(500, "500 Internal Server Error")),
        ("error routes=/* code=302", "/", "rng", Answer(302, "302 Found")),
        ("error routes=/* code=599", "/", "rng", Answer(599, "599")),
        ("error routes=/* code=503 body='gone fishing'", "/", "rng", Answer(503, "gone fishing")),
        ("crash mode=errors", "/ready", "crashy-app", Answer(500, "500 Internal Server Error")),
        ("crash mode=errors", "/", "rng", Answer(500, "500 Internal Server Error")),
        (
            "crash mode=errors",
            "/",
            "crashy-app",
            Answer(
                500,
                "Hi, my name is web-1 and I'm a crashy app...\nI crashed 2.85 seconds ago, sorry about that :(\n",
            ),
        ),
    ],
)
def test_a_fault_answers_in_the_personas_words(spec: str, path: str, persona: str, answer: Answer) -> None:
    faults = FaultSet(lambda: 100.0, random.Random(1))
    faults.inject(parse_spec(spec))
    effect = faults.on_request(Request("GET", path, "users", PROBE_ROUTES.get(path)))
    assert effect.by is not None
    assert effect.response is not None

    assert fault_answer(effect.by, effect.response, path, persona, WHO, now=102.85) == answer


def test_pages_say_who_the_patient_is() -> None:
    assert {path: text("rng", WHO) for path, text in PAGES.items()} == {
        "/": "RNG running on web-1\n",
        "/hostname": "web-1",
        "/info": "Hello, Application Version: v2 ; Color: green",
    }


@pytest.mark.parametrize("persona", GREETINGS)
def test_every_persona_greets_with_its_name(persona: str) -> None:
    assert "{web}" in PAGES["/"](persona, Identity("{web}"))


@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("cat /state/is_ready", 200),
        ("cat /state/is_healthy", 500),
        ("test -f /elsewhere/is_ready", 500),
        ("redis-cli ping", 200),
    ],
)
def test_a_command_finds_the_state_files_that_are_there(command: str, status: int) -> None:
    answer = run(tuple(command.split()), "/state", {"is_ready": True, "is_healthy": False})

    assert answer.status == status

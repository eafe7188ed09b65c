from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from crashy import cli
from crashy.commands.status import describe
from tests.commands.patient_stub import Stub, running

STATUS: dict[str, Any] = {
    "pod": "web-1",
    "phase": "serving",
    "uptime": 61.234,
    "health": {"startup": True, "readiness": False, "liveness": True},
    "protocols": {
        "http": {"startup": True, "readiness": False, "liveness": True},
        "grpc": {"startup": True, "readiness": False, "liveness": True},
        "exec": {"startup": True, "readiness": False, "liveness": True},
        "tcp": {"startup": True, "readiness": True, "liveness": True},
    },
    "probes": [
        {
            "kind": "liveness",
            "asks": "http :8080/livez",
            "period": 5.01,
            "state": "failure 2 of 3, restart in about 4 s",
        },
        {"kind": None, "asks": "grpc :9000 shop", "period": None, "state": "failed 1 in a row; not one of PROBES"},
    ],
    "dependencies": [
        {
            "name": "cache",
            "url": "redis://cache:6379",
            "state": "down",
            "seconds": 0.0,
            "failure": "Connection refused",
        },
        {"name": "auth", "state": "slow", "failure": ""},
    ],
    "countdowns": [
        {"name": "CRASH_AFTER", "state": "pending", "remaining": 8.77},
        {"name": "READY_AFTER", "state": "ended", "remaining": 0.0},
        {"name": "FREEZE_AFTER", "state": "active", "remaining": None},
    ],
    "faults": [
        {"id": "f1", "state": "pending", "spec": "crash after=10s", "trap": False, "starts_in": 8.77, "ends_in": None},
        {"id": "f4", "state": "active", "spec": "unready for=1m", "trap": False, "starts_in": None, "ends_in": 31.05},
        {"id": "f5", "state": "pending", "spec": "crash routes=/pay", "trap": True, "starts_in": 0.0, "ends_in": None},
    ],
}


@pytest.fixture
def patient() -> Iterator[Stub]:
    with running() as stub:
        stub.answer("GET /admin/status", STATUS)
        yield stub


def test_a_status_is_a_line_and_one_for_each_thing_that_will_happen() -> None:
    assert describe(STATUS) == [
        "web-1: serving for 61.2s; startup ok, readiness FAILS, liveness ok",
        "  liveness http :8080/livez every 5.0 s: failure 2 of 3, restart in about 4 s",
        "  unknown grpc :9000 shop: failed 1 in a row; not one of PROBES",
        "  dependency cache: down, Connection refused",
        "  dependency auth: slow",
        "  CRASH_AFTER pending, 8.8s left",
        "  READY_AFTER ended",
        "  FREEZE_AFTER active",
        "  f1 pending: crash after=10s, starts in 8.8s",
        "  f4 active: unready for=1m, ends in 31.1s",
        "  f5 pending: crash routes=/pay, waits for a matching request",
    ]


def test_where_protocols_disagree_those_that_fail_are_named() -> None:
    exec_ready = {**STATUS["protocols"], "exec": STATUS["protocols"]["tcp"]}

    assert describe({**STATUS, "protocols": exec_ready})[0].endswith("readiness FAILS by http, grpc, liveness ok")


def test_the_status_is_printed(patient: Stub, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["status", "--url", patient.url]) == 0
    assert capsys.readouterr().out == "\n".join(describe(STATUS)) + "\n"


def test_as_json_it_is_what_the_patient_said_on_one_line(patient: Stub, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["status", "--json", "--url", f"{patient.url}/"]) == 0

    [line] = capsys.readouterr().out.splitlines()
    assert json.loads(line) == STATUS

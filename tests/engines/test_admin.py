"""What an engine asks of a patient's admin API, whoever carries it."""

from __future__ import annotations

import asyncio
from typing import Any

from crashy.engines.admin import inject, problem, recover


class Patient:
    """Notes what it is asked."""

    def __init__(self) -> None:
        self.requested: list[tuple[str, str, Any]] = []

    async def send(self, method: str, path: str, document: dict[str, Any], /) -> None:
        self.requested.append((method, path, document))


def test_a_fault_is_injected_by_its_spec() -> None:
    patient = Patient()
    asyncio.run(inject(patient.send, "freeze for=10s"))

    assert patient.requested == [("POST", "/admin/faults", {"spec": "freeze for=10s"})]


def test_all_faults_are_taken_back_at_once() -> None:
    patient = Patient()
    asyncio.run(recover(patient.send, "all"))

    assert patient.requested == [("POST", "/admin/recover", {})]


def test_those_of_one_name_are_taken_back_by_it() -> None:
    patient = Patient()
    asyncio.run(recover(patient.send, "freeze"))

    assert patient.requested == [("POST", "/admin/recover", {"fault": "freeze"})]


def test_a_refusal_is_told_in_one_line() -> None:
    document = b'{\n  "title": "Conflict",\n  "status": 409,\n  "detail": "no memory limit",\n  "field": "to"\n}'

    assert problem(409, document) == "409 no memory limit"
    assert problem(502, b"Bad Gateway\n") == "502 Bad Gateway"

from __future__ import annotations

from collections.abc import Iterator

import pytest

from crashy import cli
from tests.commands.patient_stub import Stub, running


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stub]:
    monkeypatch.delenv("ADMIN_TOKEN", raising=False)
    with running() as stub:
        stub.answer(
            "POST /admin/recover", {"recovered": [{"id": "f1", "spec": "freeze"}, {"id": "f2", "spec": "crash"}]}
        )
        yield stub


def test_all_faults_are_taken_back_and_named(patient: Stub, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["recover", "--url", patient.url]) == 0

    assert patient.requested == [("POST /admin/recover", {})]
    assert capsys.readouterr().out == "recovered f1 freeze\nrecovered f2 crash\n"


def test_one_fault_is_taken_back(patient: Stub) -> None:
    assert cli.main(["recover", "f1", "--url", patient.url]) == 0
    assert patient.requested == [("POST /admin/recover", {"id": "f1"})]


def test_faults_of_one_name_are_taken_back(patient: Stub) -> None:
    assert cli.main(["recover", "freeze", "--url", patient.url]) == 0
    assert patient.requested == [("POST /admin/recover", {"fault": "freeze"})]


def test_a_healthy_patient_has_nothing_to_recover(patient: Stub, capsys: pytest.CaptureFixture[str]) -> None:
    patient.answer("POST /admin/recover", {"recovered": []})

    assert cli.main(["recover", "--url", patient.url]) == 0
    assert capsys.readouterr().out == "nothing to recover\n"


def test_an_unknown_fault_is_bad_input(patient: Stub, capsys: pytest.CaptureFixture[str]) -> None:
    patient.answer(
        "POST /admin/recover", {"detail": "there is no fault 'f9'", "field": "id"}, 404, "application/problem+json"
    )

    assert cli.main(["recover", "f9", "--url", patient.url]) == 2
    assert capsys.readouterr().err == f"crashy recover: {patient.url}: id: there is no fault 'f9'\n"

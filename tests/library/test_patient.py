"""A patient of one's own."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from crashy import Patient
from tests.commands.labs import eventually


def ask(url: str, **headers: str) -> int:
    try:
        with urlopen(Request(url, headers=headers), timeout=10) as answer:
            return int(answer.status)
    except HTTPError as error:
        with error:
            return error.code


@pytest.fixture(scope="module")
def shared() -> Iterator[Patient]:
    with Patient() as patient:
        yield patient


@pytest.fixture
def patient(shared: Patient) -> Patient:
    assert shared.heal()
    return shared


def test_it_sees_what_it_has_answered_and_nothing_of_the_admin_api(patient: Patient) -> None:
    before = time.time()
    patient.inject("error code=503 times=1")
    assert [ask(f"{patient.url}/info?a=b") for _ in range(2)] == [503, 200]

    assert [(r.method, r.path, r.status, r.client) for r in patient.requests] == [
        ("GET", "/info", 503, "users"),
        ("GET", "/info", 200, "users"),
    ]
    assert before - 1 < patient.requests[0].at <= patient.requests[1].at < time.time() + 1


def test_seconds_are_as_exact_as_the_log_and_no_more(patient: Patient) -> None:
    for _ in range(50):
        ask(patient.url)

    assert [r.seconds for r in patient.requests] == [float(f"{r.seconds:.6f}") for r in patient.requests]


def test_it_sees_a_kubelet_that_is_reported_no(patient: Patient) -> None:
    patient.inject("unready")
    assert ask(f"{patient.url}/readyz", **{"User-Agent": "kube-probe/1.36"}) == 503

    assert [(r.path, r.client) for r in patient.requests] == [("/readyz", "kubelet")]


def test_it_can_be_waited_for(patient: Patient) -> None:
    patient.inject("freeze mode=hang")
    with pytest.raises(TimeoutError), urlopen(patient.url, timeout=0.1):
        pass

    assert [r.status for r in patient.wait_for_requests(1)] == [499]
    with pytest.raises(TimeoutError, match=r"1 of 2 requests within 0\.05 s:\n.*Injected .*freeze(.|\n)* 499 "):
        patient.wait_for_requests(2, timeout=0.05)


def test_faults_are_taken_back_all_or_by_id_or_by_name(patient: Patient) -> None:
    error = patient.inject("error code=503 routes=/a")
    patient.inject("error code=503 routes=/b")
    patient.inject("latency delay=1h routes=/info")
    patient.recover(error)
    assert [ask(patient.url + path) for path in ("/a", "/b")] == [404, 503]
    patient.recover("latency")
    assert [ask(patient.url + path) for path in ("/b", "/info")] == [503, 200]
    patient.recover()
    assert ask(f"{patient.url}/b") == 404


def test_what_is_wrong_is_reported_in_the_patient_s_own_words(patient: Patient) -> None:
    with pytest.raises(ValueError, match="mode: 'cold': one of loop, hang, stop, gil, threads, deadlock, deaf"):
        patient.inject("freeze mode=cold")
    with pytest.raises(ValueError, match="'freeez': no such fault was injected; there are: "):
        patient.recover("freeez")


@pytest.mark.parametrize(
    ("settings", "reported"),
    [
        ({"crash_afer": 5}, "CRASH_AFER: is not a setting; did you mean CRASH_AFTER?"),
        ({"log_format": "text"}, "LOG_FORMAT: can't be set: Patient sets it"),
        (
            {"crash_after": "soon", "exit_code": 256},
            "EXIT_CODE: 256: must be .*\nCRASH_AFTER: soon: must be a duration",
        ),
    ],
)
def test_a_setting_that_can_t_be_is_reported(settings: dict[str, object], reported: str) -> None:
    with pytest.raises(ValueError, match=reported.replace("?", r"\?")):
        Patient(**settings)


def test_a_port_that_is_taken_is_reported_in_its_words() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ValueError, match=f"PORT: {port}: can't be bound on 127.0.0.1: Address already in use"):
            Patient(port=port)


def test_settings_are_its_variables_and_those_of_the_environment_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAULTS", "crash mode=errors")
    monkeypatch.setenv("PORT", "nonsense")
    with Patient(pod_name="web-1", ready_after=3600, metrics=True, admin_token="t", drain_seconds=None) as patient:
        with urlopen(patient.url, timeout=10) as answer:
            assert answer.headers["X-Pod"] == "web-1"
        assert [ask(patient.url + path) for path in ("/readyz", "/metrics")] == [503, 200]
        assert patient.inject("error") == "f2", "it knows the token; f1 is READY_AFTER's"


def test_one_that_has_ended_says_so_and_what_it_has_seen_remains() -> None:
    with Patient() as patient:
        assert ask(patient.url) == 200
        patient.inject("crash code=7")
        assert not patient.heal()
        eventually(lambda: patient.exit_code == 7)
        with pytest.raises(ConnectionError, match="the patient has ended, exit code 7"):
            patient.inject("freeze")
    assert repr(patient) == f"<Patient at {patient.url}, ended, exit code 7>"
    assert [r.status for r in patient.requests] == [200]


def test_a_module_of_the_working_directory_is_none_of_its(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "uvloop.py").write_text("raise SystemExit('not this one')")
    with Patient() as patient:
        assert ask(patient.url) == 200

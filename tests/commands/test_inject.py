from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from crashy import cli, client
from crashy.commands.inject import join_words
from tests.commands.patient_stub import Stub, running


@pytest.fixture(autouse=True)
def no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ADMIN_TOKEN", raising=False)


@pytest.fixture
def patient() -> Iterator[Stub]:
    with running() as stub:
        stub.answer("POST /admin/faults", {"id": "f1", "spec": "freeze for=10s"}, 201)
        yield stub


@pytest.mark.parametrize(
    ("words", "specs"),
    [
        (["freeze"], ["freeze"]),
        (["freeze", "for=10s", "mode=hang"], ["freeze for=10s mode=hang"]),
        (["freeze for=10s", "crash"], ["freeze for=10s", "crash"]),
        (["freeze", "for=10s", "unready", "times=3"], ["freeze for=10s", "unready times=3"]),
        (["error", "body=slow down"], ["error body='slow down'"]),
        (["error body='a=b'", "p=0.5"], ["error body='a=b' p=0.5"]),
        (["for=10s"], ["for=10s"]),
    ],
)
def test_words_are_joined_to_specs(words: list[str], specs: list[str]) -> None:
    assert join_words(words) == specs


def test_each_spec_is_injected_in_turn(patient: Stub, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["inject", "freeze", "for=10s", "crash", "--url", patient.url]) == 0

    assert patient.requested == [
        ("POST /admin/faults", {"spec": "freeze for=10s"}),
        ("POST /admin/faults", {"spec": "crash"}),
    ]
    assert capsys.readouterr().out == "f1 freeze for=10s\n" * 2


@pytest.mark.parametrize("how", ["option", "variable"])
def test_the_token_is_sent(how: str, patient: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    if how == "variable":
        monkeypatch.setenv("ADMIN_TOKEN", "s3cret")
    option = ["--token", "s3cret"] if how == "option" else []

    assert cli.main(["inject", "crash", "--url", patient.url, *option]) == 0
    assert patient.tokens == ["Bearer s3cret"]


@pytest.mark.parametrize(
    ("status", "problem", "says", "code"),
    [
        (400, {"detail": "'x': a duration", "field": "for"}, "for: 'x': a duration", 2),
        (400, {"detail": "no", "field": "mode", "allowed": ["loop", "hang"]}, "mode: no; allowed: loop, hang", 2),
        (400, {"detail": "'x': one of a, b", "field": "mode", "allowed": "one of a, b"}, "mode: 'x': one of a, b", 2),
        (401, {"detail": "the token is wrong"}, "the token is wrong: set --token or ADMIN_TOKEN", 2),
        (409, {"detail": "not as PID 1", "field": "mode"}, "mode: not as PID 1", 2),
        (500, {"detail": "the patient failed"}, "the patient failed", 1),
    ],
)
def test_a_problem_document_is_one_line(
    status: int, problem: object, says: str, code: int, patient: Stub, *, capsys: pytest.CaptureFixture[str]
) -> None:
    patient.answer("POST /admin/faults", problem, status, "application/problem+json")

    assert cli.main(["inject", "freeze", "--url", patient.url]) == code
    assert capsys.readouterr().err == f"crashy inject: {patient.url}: {says}\n"


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ((404, "text/html", "<h1>no</h1>"), "answered 404 (text/html): that is not a patient's admin API"),
        ((200, "text/plain", "OK"), "answered 200 (text/plain): that is not a patient's admin API"),
        ((200, "application/json", [1]), "answered 200 (application/json): that is not a patient's admin API"),
        ((302, "text/plain", ""), "answered 302 (text/plain): that is not a patient's admin API"),
    ],
)
def test_a_server_that_is_no_patient_is_named_so(
    answer: tuple[int, str, object], says: str, patient: Stub, capsys: pytest.CaptureFixture[str]
) -> None:
    patient.answers["POST /admin/faults"] = answer

    assert cli.main(["inject", "freeze", "--url", patient.url]) == 1
    assert capsys.readouterr().err == f"crashy inject: {patient.url}: {says}\n"


def test_a_port_where_nobody_listens_is_said_to_be_one(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"

        assert cli.main(["inject", "freeze", "--url", url]) == 1

    assert capsys.readouterr().err == (
        f"crashy inject: {url}: connection refused: is the patient running? "
        "Name its admin port with --url, or a pod of a running lab with --pod\n"
    )


def test_a_patient_that_does_not_answer_is_given_up(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "TIMEOUT", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"

        assert cli.main(["inject", "freeze", "--url", url]) == 1

    assert capsys.readouterr().err == (
        f"crashy inject: {url}: no answer within 0.1 s: is it frozen? The admin port answers even then\n"
    )


def test_a_patient_that_hangs_up_is_not_running(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"

        def hang_up() -> None:
            server.accept()[0].close()

        hanging_up = threading.Thread(target=hang_up)
        hanging_up.start()

        assert cli.main(["inject", "freeze", "--url", url]) == 1
        hanging_up.join()

    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"crashy inject: {url}: ")
    assert line.endswith(": is the patient running?")


@pytest.mark.parametrize(
    "url", ["", "127.0.0.1:8081", "ftp://x", "http://", "http://x:0", "http://x:99999", "http://x y"]
)
def test_a_url_that_is_none_is_bad_input(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["inject", "freeze", "--url", url]) == 2
    assert capsys.readouterr().err == (
        f"crashy inject: --url: {url!r}: must be http://HOST[:PORT] or https://HOST[:PORT]\n"
    )


def test_a_token_that_no_header_can_carry_is_bad_input(patient: Stub, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["inject", "freeze", "--url", patient.url, "--token", "a\nb"]) == 2
    assert capsys.readouterr().err == "crashy inject: --token: must be printable ASCII\n"


@pytest.mark.parametrize("argv", [[], ["crash", "--url", "http://x", "--pod", "y"], ["--nonsense", "crash"]])
def test_a_command_line_that_is_none_is_bad_input(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        cli.main(["inject", *argv])
    assert "usage: crashy inject" in capsys.readouterr().err

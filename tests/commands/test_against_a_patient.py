from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from crashy import cli
from tests.server.running import Running

TOKEN = "s3cret"


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    monkeypatch.delenv("ADMIN_TOKEN", raising=False)
    running = Running.start({"ADMIN_TOKEN": TOKEN})
    try:
        yield running
    finally:
        running.end()


def both_planes(patient: Running) -> list[str]:
    return [f"http://127.0.0.1:{port}" for port in (patient.admin_port, patient.port)]


def events(port: int) -> tuple[socket.socket, Any]:
    """Open an event stream and return its socket and the lines after its header."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=10)
    connection.sendall(b"GET /admin/events HTTP/1.1\r\nHost: x\r\nLast-Event-ID: 0\r\n\r\n")
    stream = connection.makefile("rb")
    assert stream.readline() == b"HTTP/1.1 200 OK\r\n"
    return connection, stream


def test_inject_status_and_recover_on_either_plane(patient: Running, capsys: pytest.CaptureFixture[str]) -> None:
    for number, url in enumerate(both_planes(patient), 1):
        to = ["--url", url, "--token", TOKEN]

        assert cli.main(["inject", "unready", "for=1h", *to]) == 0
        assert cli.main(["status", "--url", url]) == 0
        assert cli.main(["recover", *to]) == 0
        assert cli.main(["recover", f"f{number}", *to]) == 0

        reported = capsys.readouterr().out.splitlines()
        assert reported[0] == f"f{number} unready for=1h"
        assert reported[1].startswith("webapp-1: serving for ")
        assert reported[1].endswith("; startup ok, readiness FAILS, liveness ok")
        assert reported[2].startswith(f"  f{number} active: unready for=1h, ends in 3")
        assert reported[3:] == [f"recovered f{number} unready for=1h", "nothing to recover"]


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["inject", "freez"], "fault: 'freez': unknown; did you mean freeze? one of abort, bandwidth, blackhole,"),
        (["inject", "freeze", "for=soon"], "for: 'soon': a duration such as 10s, 1m30s or 250ms"),
        (["recover", "f9"], "id: there is no fault 'f9'"),
    ],
)
def test_what_the_patient_refuses_is_one_line(
    argv: list[str], says: str, patient: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    url = both_planes(patient)[0]

    assert cli.main([*argv, "--url", url, "--token", TOKEN]) == 2

    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"crashy {argv[0]}: {url}: {says}")


def test_without_the_token_it_says_how_to_give_it(patient: Running, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["inject", "crash", "--url", both_planes(patient)[0]]) == 2
    assert capsys.readouterr().err.endswith(": set --token or ADMIN_TOKEN\n")


@pytest.mark.parametrize("plane", [0, 1], ids=["control", "data"])
def test_a_crash_is_answered_before_it_comes(plane: int, patient: Running, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["inject", "crash", "code=42", "--token", TOKEN, "--url", both_planes(patient)[plane]]) == 0
    assert patient.exit_code() == 42
    assert capsys.readouterr().out == "f1 crash code=42\n"


def test_a_frozen_patient_tells_its_status_and_is_thawed(patient: Running) -> None:
    control, data = both_planes(patient)
    to = ["--token", TOKEN, "--url"]
    assert cli.main(["inject", "freeze", *to, data]) == 0
    patient.line("I am stuck!")

    with patient.requested("/") as answer:
        status = patient.admin("GET", "status")
        assert [fault["spec"] for fault in status["faults"]] == ["freeze"]
        assert cli.main(["recover", *to, control]) == 0

        assert answer().status == 200
    assert patient.came("I am stuck!", "Recovered: fault f1", "GET / 200")


def test_event_streams_on_both_planes_end_with_the_patient(patient: Running) -> None:
    streams = [events(port) for port in (patient.port, patient.admin_port)]
    patient.process.terminate()

    assert patient.exit_code() == 0
    for connection, stream in streams:
        with connection, stream:
            reported = stream.read()
            assert b'"SIGTERM: shutting down"' in reported
            assert reported.endswith(b"0\r\n\r\n")


def test_a_stream_gives_what_happens_while_the_data_plane_is_frozen(patient: Running) -> None:
    connection, stream = events(patient.admin_port)
    with connection, stream:
        assert cli.main(["inject", "freeze", "--token", TOKEN, "--url", both_planes(patient)[0]]) == 0
        for line in stream:
            if line.startswith(b"data: ") and json.loads(line[6:])["message"].endswith("I am stuck!"):
                break
        else:
            pytest.fail("the stream ended")


def test_a_body_that_never_ends_is_cut_off(patient: Running) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", patient.admin_port, timeout=10)
    connection.putrequest("POST", "/admin/faults")
    connection.putheader("Authorization", f"Bearer {TOKEN}")
    connection.putheader("Content-Length", str(10**12))
    connection.endheaders()
    response = connection.getresponse()

    assert response.status == 413
    assert response.headers["Connection"] == "close"
    connection.close()

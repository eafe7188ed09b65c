"""`crashy traffic`, against servers that fail in known windows."""

from __future__ import annotations

import contextlib
import csv
import http.server
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from crashy import cli


class _Server(http.server.ThreadingHTTPServer):
    """Fails in a known window of its requests: from the `start`th on, `length` of them."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, start: int, length: int) -> None:
        self.count = 0
        self.bad = range(start, start + length)
        self.lock = threading.Lock()
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        assert isinstance(self.server, _Server)
        with self.server.lock:
            number, self.server.count = self.server.count, self.server.count + 1
        bad = number in self.server.bad
        body = f"Message from web-{number % 2} : I am ready!".encode()
        self.send_response(500 if bad else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def server(start: int = 0, length: int = 0) -> Iterator[str]:
    with _Server(start, length) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{running.server_address[1]}/"
        finally:
            running.shutdown()
            thread.join()


def traffic(*args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "crashy", "traffic", *args]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_an_outage_is_found_within_one_interval_and_no_sample_is_lost() -> None:
    with server(20, 15) as url:
        ended = traffic(url, "--rate", "50", "--count", "60", "--json")

    reported = json.loads(ended.stdout)
    assert ended.returncode == 0
    assert (reported["requests"], reported["failures"]) == (60, 15)
    assert reported["outcomes"] == {"200": 45, "500": 15}
    lost = sum(outage["requests"] for outage in reported["outages"])
    assert lost == 15
    assert reported["outages"][0]["start"] == pytest.approx(20 / 50, abs=1.01 / 50)
    assert reported["outages"][-1]["end"] == pytest.approx(35 / 50, abs=1.01 / 50)
    assert set(reported["pods"]) == {"web-0", "web-1"}


def test_lines_are_curl_tests_own() -> None:
    with server(1, 1) as url:
        ended = traffic(url, "--rate", "20", "--count", "3", "--lines")

    assert sorted(ended.stdout.splitlines()) == ["Failed", *["Message from web-0 : I am ready! OK"] * 2]
    assert "3 requests in" in ended.stderr


def test_csv_has_every_sample() -> None:
    with server(2, 2) as url:
        ended = traffic(url, "--rate", "50", "--count", "10", "--csv")

    rows = list(csv.DictReader(io.StringIO(ended.stdout)))
    assert len(rows) == 10
    assert sorted(float(row["due"]) for row in rows) == [i / 50 for i in range(10)]
    assert [row["status"] for row in rows].count("500") == 2


def test_people_get_a_summary() -> None:
    with server(3, 3) as url:
        ended = traffic(url, "--rate", "50", "--count", "10", "--keepalive")

    assert ended.stdout.startswith("10 requests in 0.2s: 3 failed, 70.00 % answered (200: 7, 500: 3)\noutage of ")
    assert "web-0   5          50.0 %" in ended.stdout


@pytest.mark.parametrize(
    ("limits", "code", "line"),
    [
        (["--min-availability", "0.6"], 0, ""),
        (["--min-availability", "0.8"], 1, "availability 0.7000 is below 0.8"),
        (["--max-outage", "10s"], 0, ""),
        (["--max-outage", "1ms"], 1, "is longer than 0.001s"),
    ],
)
def test_limits_decide_the_exit_code(limits: list[str], code: int, line: str) -> None:
    with server(3, 3) as url:
        ended = traffic(url, "--rate", "50", "--count", "10", *limits)

    assert ended.returncode == code
    assert line in ended.stderr


def test_nobody_there_is_kept_as_refused() -> None:
    reported = json.loads(traffic("http://127.0.0.1:9/", "--rate", "50", "--count", "5", "--json").stdout)

    assert (reported["failures"], reported["outcomes"]) == (5, {"refused": 5})


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_and_the_sum_is_reported(signum: signal.Signals) -> None:
    with server() as url:
        command = [sys.executable, "-m", "crashy", "traffic", url, "--rate", "50", "--lines"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout
            process.stdout.readline()
            process.send_signal(signum)
            _, reported = process.communicate(timeout=30)

    assert process.returncode == 0
    assert "0 failed, 100.00 % answered" in reported


def test_a_reader_that_leaves_ends_it() -> None:
    with server() as url:
        command = [sys.executable, "-m", "crashy", "traffic", url, "--rate", "50", "--lines"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout
            process.stdout.readline()
            process.stdout.close()
            assert process.wait(30) == 141
            assert process.stderr
            assert "Traceback" not in process.stderr.read()


def test_a_full_output_ends_it() -> None:
    with server() as url, Path("/dev/full").open("w", encoding="utf-8") as full:
        command = [sys.executable, "-m", "crashy", "traffic", url, "--rate", "50", "--lines"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False)

    assert done.returncode == 2
    assert done.stderr.endswith("crashy traffic: can't write the output: No space left on device\n")


def test_a_terminal_sees_a_live_line() -> None:
    leader, follower = os.openpty()
    with server(2, 2) as url:
        command = [sys.executable, "-m", "crashy", "traffic", url, "--rate", "20", "--count", "12"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=follower)
        os.close(follower)
        shown = b""
        end = time.monotonic() + 30
        with contextlib.suppress(OSError):  # EIO: the other side has closed
            while time.monotonic() < end and (more := os.read(leader, 4096)):
                shown += more
        os.close(leader)
        assert process.wait(30) == 0

    assert "▇".encode() in shown
    assert b" requests, 2 failed, " in shown


@pytest.mark.parametrize(
    ("args", "line"),
    [
        ([], "the following arguments are required: URL"),
        (["https://x/"], "URL: 'https://x/': must be http://HOST"),
        (["http://x:99999/"], "URL: 'http://x:99999/': Port out of range"),
        (["http://x/", "--rate", "0"], "argument --rate: '0': must be a number above 0, at most 100000"),
        (["http://x/", "--rate", "nan"], "argument --rate: 'nan': must be a number above 0"),
        (["http://x/", "--duration", "soon"], "argument --duration: 'soon': must be a duration such as 10s"),
        (["http://x/", "--timeout", "0"], "argument --timeout: '0': must be more than 0"),
        (["http://x/", "--count", "-1"], "argument --count: '-1': must be a whole number from 1"),
        (["http://x/", "--path", "x"], "--path: 'x': must begin with /"),
        (["http://x/", "--path", "/a b"], "must be written as in a URL"),
        (["http://x/", "--header", "X"], "--header: 'X': must be 'NAME: VALUE'"),
        (["http://x/", "--header", "X: a\r\nY: b"], "control characters are not allowed"),
        (["http://x/", "--method", "BREW"], "argument --method: invalid choice: 'BREW'"),
        (["http://x/", "--json", "--csv"], "not allowed with argument"),
        (["http://x/", "--min-availability", "2"], "'2': must be a number from 0 to 1"),
        (["http://x/", "--max-outage", "-1s"], "argument --max-outage"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(args: list[str], line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["traffic", *args]) == 2
    reported = capsys.readouterr().err
    assert reported.startswith("crashy traffic: ")
    assert line in reported

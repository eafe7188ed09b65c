"""What the faults of one response do to real clients of a real patient, on the wire."""

from __future__ import annotations

import pkgutil
import random
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from crashy.engines.sim import responses as modelled
from crashy.faults.base import FAULTS, parse_spec
from crashy.faults.effects import ResponseChange
from crashy.faults.scope import Request
from crashy.patient.personas import GREETINGS
from crashy.server import responses
from tests.server.running import DEADLINE, Running, until

KUBELET = "kube-probe/1.32"
PAGE = GREETINGS["crashy-app"].format(pod="webapp-1").encode()
LASTING = ("blackhole", "drip over=10m", "slow-headers over=10m", "stall-body clients=users")
QUICK = (
    "abort",
    "reset",
    "exception",
    "truncate",
    "truncate mode=chunk",
    "corrupt",
    "redirect path=/info",
    "redirect mode=host",
    "redirect mode=loop",
    "rate-limit requests=1 per=24h",
    "wrong-identity",
)


class Raw:
    """One connection, in bytes."""

    def __init__(self, app: Running, path: str = "/", *, method: str = "GET", version: str = "1.1", agent: str = "x"):
        self.socket = socket.create_connection(("127.0.0.1", app.port), DEADLINE)
        self.got = b""
        self.send(f"{method} {path} HTTP/{version}\r\nHost: x\r\nUser-Agent: {agent}\r\n\r\n")

    def send(self, text: str) -> None:
        self.socket.sendall(text.encode())

    def more(self) -> bool:
        """Receive more; return whether there was any before the end."""
        piece = self.socket.recv(65536)
        self.got += piece
        return bool(piece)

    def until(self, text: bytes) -> bytes:
        """Receive until this is there."""
        while text not in self.got:
            assert self.more(), self.got
        return self.got

    def rest(self) -> bytes:
        """Receive to the end of the connection."""
        while self.more():
            pass
        return self.got

    @property
    def quiet(self) -> bool:
        """Whether nothing is there to be received, the end of the connection included."""
        self.socket.setblocking(False)
        try:
            return not self.more() and False
        except BlockingIOError:
            return True
        finally:
            self.socket.settimeout(DEADLINE)

    def close(self) -> None:
        self.socket.close()


@pytest.fixture(scope="module")
def shared() -> Iterator[Running]:
    app = Running.start({"GRPC_PORT": "0"})
    app.line("serving on")
    app.admin("DELETE", "faults")
    yield app
    app.end()


@pytest.fixture
def patient(shared: Running) -> Iterator[Running]:
    """Return one patient to every test; each leaves it as it was."""
    before = descriptors(shared)
    yield shared
    shared.admin("DELETE", "faults")
    until(lambda: shared.admin("GET", "status")["in_flight"] == 0, "no request is in flight")
    until(lambda: descriptors(shared) <= before, "its connections are closed")


@pytest.fixture
def raw(patient: Running) -> Iterator[Callable[..., Raw]]:
    opened: list[Raw] = []

    def ask(*where: str, **how: str) -> Raw:
        opened.append(Raw(patient, *where, **how))
        return opened[-1]

    yield ask
    for one in opened:
        one.close()


def descriptors(app: Running) -> int:
    return len(list(Path(f"/proc/{app.process.pid}/fd").iterdir()))


def split(response: bytes) -> tuple[int, dict[str, str], bytes]:
    head, _, body = response.partition(b"\r\n\r\n")
    status, *fields = head.decode().split("\r\n")
    return int(status.split()[1]), dict(field.split(": ", 1) for field in fields), body


# --- connections that end without a response


def test_abort_ends_the_connection_without_a_byte(patient: Running, raw: Callable[..., Raw]) -> None:
    patient.inject("abort")

    assert raw("/").rest() == b""


def test_reset_resets_it(patient: Running, raw: Callable[..., Raw]) -> None:
    patient.inject("reset")
    one = raw("/")

    with pytest.raises(ConnectionResetError):
        one.rest()


def test_a_black_hole_swallows_what_follows_too_and_answers_nothing_of_it_later(
    patient: Running, raw: Callable[..., Raw]
) -> None:
    patient.inject("blackhole")
    one = raw("/")
    until(lambda: patient.admin("GET", "status")["in_flight"] == 1, "the request is there")
    one.send("GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")

    assert raw("/readyz").until(b"ok").startswith(b"HTTP/1.1 200")
    assert one.quiet
    seen = len(patient.lines)
    patient.admin("DELETE", "faults")
    assert one.rest() == b""
    until(lambda: any("Unanswered: GET / 444 " in line for line in patient.lines[seen:]), "it is logged")


@pytest.mark.parametrize(("spec", "status", "reason"), [
    ("abort times=1", 444, "Unanswered"),
    ("reset times=1", 444, "Unanswered"),
    ("truncate times=1", 200, "Answered"),
    ("redirect mode=loop times=1 code=307", 307, "Answered"),
])  # fmt: skip
def test_the_log_has_the_status_that_the_client_got_or_444_for_none(
    patient: Running, spec: str, status: int, reason: str
) -> None:
    patient.inject(spec)
    seen = len(patient.lines)
    with closing(Raw(patient)) as one:
        until(lambda: any(" GET / " in line for line in patient.lines[seen:]), "it is logged")
        one.close()

    assert f" {reason}: GET / {status} " in next(line for line in patient.lines[seen:] if " GET / " in line)


# --- responses that are another


def test_an_exception_is_a_500_outside_and_a_traceback_in_the_log(serve: Callable[..., Running]) -> None:
    app = serve(FAULTS="exception message='no such customer: 42' times=1", GRPC_PORT="0")
    answer = app.ask("/checkout")

    assert (answer.status, answer.body) == (500, "500 Internal Server Error")
    app.line("^GET /checkout$")
    app.line("^Traceback ")
    app.line(r"^RuntimeError: no such customer: 42$")
    app.line("Answered: GET /checkout 500 ")
    assert app.ask("/").status == 200
    app.lines = [line for line in app.lines if "Traceback" not in line]


@pytest.mark.parametrize(
    ("spec", "path", "location"),
    [
        ("redirect path=/info", "/", "/info"),
        ("redirect path=/info", "/info", ""),
        ("redirect mode=host host=login.example:8443", "/a%20b", "http://login.example:8443/a%20b"),
        ("redirect mode=loop", "/", "/"),
        ("redirect mode=loop", "//evil.example/%0d%0aSet-Cookie:x", "/evil.example/%0D%0ASet-Cookie%3Ax"),
    ],
)
def test_redirects(patient: Running, raw: Callable[..., Raw], spec: str, path: str, location: str) -> None:
    patient.inject(spec)
    status, headers, _ = split(raw(path).until(b"\r\n\r\n"))

    assert (status, headers.get("Location", "")) == ((302, location) if location else (200, ""))


def test_a_rate_limit_answers_429_and_says_when_to_come_again(patient: Running) -> None:
    patient.inject("rate-limit requests=1 per=1h burst=3")
    answers = [patient.ask("/") for _ in range(5)]

    assert [answer.status for answer in answers] == [200, 200, 200, 429, 429]
    assert all(3590 < int(answer.headers["Retry-After"]) <= 3600 for answer in answers[3:])


def test_a_wrong_identity_is_in_the_body_and_in_x_pod(patient: Running) -> None:
    patient.inject("wrong-identity pod=web-0 version=v0")
    page, info = patient.ask("/"), patient.ask("/info")

    assert page.body == PAGE.decode().replace("webapp-1", "web-0")
    assert info.body == "Hello, Application Version: v0 ; Color: blue"
    assert (page.headers["X-Pod"], patient.ask("/readyz").headers["X-Pod"]) == ("web-0", "webapp-1")


def test_a_corrupted_body_has_its_length_and_is_the_same_for_a_seed(patient: Running) -> None:
    bodies = []
    for seed in (7, 7, 8):
        patient.inject(f"corrupt share=20% seed={seed} times=1")
        with closing(Raw(patient)) as one:
            one.until(b"\r\n\r\n")
            while len(split(one.got)[2]) < len(PAGE):
                assert one.more()
            assert split(one.got)[1]["Content-Length"] == str(len(PAGE))
            bodies.append(split(one.got)[2])

    assert bodies[0] == bodies[1] != bodies[2]
    assert sum(one != other for one, other in zip(bodies[0], PAGE, strict=True)) == len(PAGE) // 5


# --- bodies that are cut short


@pytest.mark.parametrize(("keep", "kept"), [("50%", len(PAGE) // 2), ("100%", len(PAGE) - 1), ("1%", 0)])
def test_a_truncated_body_is_promised_whole(patient: Running, raw: Callable[..., Raw], keep: str, kept: int) -> None:
    patient.inject(f"truncate keep={keep}")
    status, headers, body = split(raw("/").rest())

    assert (status, headers["Content-Length"], body) == (200, str(len(PAGE)), PAGE[:kept])


def test_a_truncated_chunk_is_promised_whole(patient: Running, raw: Callable[..., Raw]) -> None:
    patient.inject("truncate mode=chunk")
    _, headers, body = split(raw("/").rest())

    assert (headers["Transfer-Encoding"], body) == ("chunked", b"%x\r\n" % len(PAGE) + PAGE[: len(PAGE) // 2])
    assert split(raw("/", version="1.0").rest())[1]["Content-Length"] == str(len(PAGE))


# --- responses that come slowly, and the end of the fault, or of the client


@pytest.mark.parametrize("spec", ["drip over=1h", "drip rate=1", "stall-body clients=users"])
def test_the_head_comes_at_once_and_the_rest_of_the_body_with_the_end_of_the_fault(
    patient: Running, raw: Callable[..., Raw], spec: str
) -> None:
    patient.inject(spec)
    one = raw("/4000")
    status, headers, body = split(one.until(b"\r\n\r\n"))

    assert (status, headers["X-Pod"], headers["Content-Length"]) == (200, "webapp-1", "4000")
    assert len(body) < 4000
    patient.admin("DELETE", "faults")
    while len(split(one.got)[2]) < 4000:
        assert one.more()
    one.got = b""
    one.send("GET /hostname HTTP/1.1\r\nHost: x\r\n\r\n")
    assert one.until(b"webapp-1")


def test_the_head_itself_comes_slowly(patient: Running, raw: Callable[..., Raw]) -> None:
    patient.inject("slow-headers over=20s")
    one = raw("/")
    assert one.more()

    assert one.got.startswith(b"H")
    assert b"\r\n\r\n" not in one.got
    patient.admin("DELETE", "faults")
    status, headers, body = split(one.rest())
    assert (status, headers["Content-Length"], headers["X-Pod"], body) == (200, str(len(PAGE)), "webapp-1", PAGE)
    assert {"Content-Type", "Date", "Server"} <= headers.keys()


@pytest.mark.parametrize("spec", ["drip over=300ms", "slow-headers over=300ms"])
def test_what_is_slow_is_whole_after_its_time(patient: Running, spec: str) -> None:
    patient.inject(spec)
    began = time.monotonic()
    answer = patient.ask("/")

    assert (answer.status, answer.body) == (200, PAGE.decode())
    assert time.monotonic() - began >= 0.3


@pytest.mark.parametrize("spec", [spec for spec in LASTING if "blackhole" not in spec])
def test_a_response_without_a_body_is_not_held_by_what_is_about_bodies(patient: Running, spec: str) -> None:
    patient.inject(spec)
    with closing(Raw(patient, method="HEAD")) as one:
        if "slow-headers" in spec:
            patient.admin("DELETE", "faults")
        _, headers, body = split(one.until(b"\r\n\r\n"))

    assert (headers["Content-Length"], body) == (str(len(PAGE)), b"")


@pytest.mark.parametrize("spec", LASTING)
def test_a_client_that_gives_up_is_let_go_and_the_last_of_them_ends_a_fault_of_so_many_times(
    patient: Running, raw: Callable[..., Raw], spec: str
) -> None:
    patient.inject(f"{spec} times=2")
    held = [raw("/"), raw("/")]
    until(lambda: patient.admin("GET", "status")["in_flight"] == 2, "both are held")

    assert raw("/").until(PAGE)
    held[0].close()
    until(lambda: patient.admin("GET", "status")["in_flight"] == 1, "one is let go")
    assert patient.admin("GET", "status")["faults"][0]["state"] == "active"
    held[1].close()
    until(lambda: patient.admin("GET", "status")["faults"] == [], "the fault has ended")
    patient.line("GaveUp: GET / 499 ")


# --- what all have in common


@pytest.mark.parametrize("spec", [*LASTING, *QUICK])
def test_probes_are_not_touched(patient: Running, spec: str) -> None:
    patient.inject(spec)

    for _ in range(2):
        assert patient.ask("/readyz").body == "ok"
        assert patient.ask("/", User_Agent=KUBELET).body == PAGE.decode()


@pytest.mark.parametrize("spec", [spec for spec in QUICK if not spec.startswith("exception")])
def test_after_its_times_all_is_as_before(patient: Running, raw: Callable[..., Raw], spec: str) -> None:
    patient.inject(f"{spec} times=2")
    for _ in range(2):
        one = raw("/")
        with suppress(ConnectionResetError):
            one.more()

    assert patient.ask("/").body == PAGE.decode()
    assert patient.admin("GET", "status")["faults"] == []


@pytest.mark.parametrize("spec", LASTING)
def test_after_its_time_all_is_as_before(patient: Running, raw: Callable[..., Raw], spec: str) -> None:
    patient.inject(f"{spec} for={'1s' if spec == 'blackhole' else '200ms'}")
    one = raw("/")

    assert one.rest() == b"" if spec == "blackhole" else one.until(PAGE)
    assert patient.ask("/").body == PAGE.decode()


def test_every_change_is_there_and_modelled() -> None:
    given = [
        parse_spec(example).responder(random.Random(1))(Request("GET", "/"), 0.0)
        for fault in FAULTS.values()
        for example in fault.examples
        if parse_spec(example).process_effect() is None
    ]
    there = {module.name for module in pkgutil.iter_modules(responses.__path__)}

    assert {part.file for part in given if isinstance(part, ResponseChange)} == there
    assert {module.name for module in pkgutil.iter_modules(modelled.__path__)} == there


def test_a_change_is_imported_when_it_is_used() -> None:
    code = "import sys, crashy.server.serve, crashy.engines.sim.patient; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()

    assert [name for name in modules if "server.responses" in name or "sim.responses." in name] == []

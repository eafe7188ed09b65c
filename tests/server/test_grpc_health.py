"""The patient's gRPC port, asked by the kubelet's probe and by grpcio."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, PingAckReceived, ResponseReceived, StreamEnded
from h2.settings import SettingCodes, Settings
from hypothesis import given
from hypothesis import strategies as st

from crashy.errors import BadInput
from crashy.kubelet.handlers.grpc import probe_grpc
from crashy.kubelet.handlers.http2 import Channel
from crashy.kubelet.handlers.judge import RpcError
from crashy.kubelet.outcome import Outcome, Result
from crashy.objects.pod import GRPC
from crashy.patient.settings import load
from crashy.server.grpc_health import _read_request
from crashy.server.serve import serve as run_patient
from tests.server.running import DEADLINE, Running, until

Serve = Callable[..., Running]

SERVING = Outcome(Result.SUCCESS, "service healthy")
NOT_SERVING = Outcome(Result.FAILURE, 'service unhealthy (responded with "NOT_SERVING")')
HEALTH = "grpc.health.v1.Health"
CHECK = f"/{HEALTH}/Check"


def port_of(app: Running) -> int:
    return int(app.line(r"gRPC health on 127\.0\.0\.1:(\d+)")[1])


def ask(app: Running, service: str = "", timeout: float = DEADLINE) -> Outcome:
    """Ask as the kubelet does."""
    port = port_of(app)
    return asyncio.run(probe_grpc(GRPC(port, service), host="127.0.0.1", port=port, timeout=timeout))


def call(app: Running, path: str, body: bytes, *headers: tuple[str, str]) -> bytes:
    """Call any method with any bytes, as a user; raises RpcError."""

    async def unary() -> bytes:
        channel = await Channel.open("127.0.0.1", port_of(app), lambda host, port: (host, port))
        try:
            own = {":method": "POST", ":scheme": "http", ":path": path, ":authority": "x", "te": "trailers"}
            return await channel.unary([*({**own, "content-type": "application/grpc", **dict(headers)}).items()], body)
        finally:
            channel.close()

    async def within() -> bytes:
        async with asyncio.timeout(DEADLINE):
            return await unary()

    return asyncio.run(within())


@pytest.fixture(scope="module")
def shared() -> Iterator[Running]:
    app = Running.start({"GRPC_PORT": "0"})
    yield app
    app.end()


@pytest.fixture
def patient(shared: Running) -> Iterator[Running]:
    """Return one patient to most tests; each finds it without faults."""
    yield shared
    shared.admin("DELETE", "faults")


# --- what it answers


@pytest.mark.parametrize("service", ["", "readiness", "liveness", "startup"])
def test_a_healthy_patient_serves(patient: Running, service: str) -> None:
    assert ask(patient, service) == SERVING


def test_an_unknown_service_is_not_found(patient: Running) -> None:
    text = "error: health rpc probe failed: rpc error: code = NotFound desc = unknown service"
    assert ask(patient, "shop") == Outcome(Result.FAILURE, text)


@pytest.mark.parametrize(
    ("spec", "sick"),
    [
        ("unready", {"", "readiness"}),
        ("unlive", {"liveness"}),
        ("crash mode=errors", {"", "readiness", "liveness", "startup"}),
        ("unready clients=users", set()),
        ("error code=503", set()),  # users' routes, which probes are not
        ("unready routes=/ready", set()),
    ],
)
def test_faults_show_as_they_do_on_the_routes(patient: Running, spec: str, sick: set[str]) -> None:
    fault = patient.inject(spec)
    answers = {service: ask(patient, service) for service in ("", "readiness", "liveness", "startup")}
    patient.admin("DELETE", f"faults/{fault}")

    assert {service for service, outcome in answers.items() if outcome == NOT_SERVING} == sick
    assert {service for service, outcome in answers.items() if outcome == SERVING} == set(answers) - sick
    assert ask(patient) == SERVING


def test_times_counts_the_kubelets_questions(patient: Running) -> None:
    patient.inject("unready times=2")
    assert [ask(patient) for _ in range(3)] == [NOT_SERVING, NOT_SERVING, SERVING]


def test_headers_are_a_calls_metadata(patient: Running) -> None:
    patient.inject("error clients=all headers=x-user=4*")

    assert call(patient, CHECK, b"", ("x-user", "24"))
    with pytest.raises(RpcError):
        call(patient, CHECK, b"", ("x-user", "42"))


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("503", "error: health rpc probe failed: rpc error: code = Unavailable desc = 503 Service Unavailable"),
        ("418", "error: health rpc probe failed: rpc error: code = Unknown desc = 418 I'm a Teapot"),
        (
            "599 body='so it is: 100 %'",
            "error: health rpc probe failed: rpc error: code = Unknown desc = so it is: 100 %",
        ),
        (
            "404",
            "error: this server does not implement the grpc health protocol (grpc.health.v1.Health): 404 Not Found",
        ),
    ],
)
def test_an_error_is_a_status_of_the_call(patient: Running, code: str, text: str) -> None:
    patient.inject(f"error code={code} clients=kubelet")
    assert ask(patient).output.casefold() == text.casefold()


def test_latency_for_the_kubelet_delays_the_answer(patient: Running) -> None:
    patient.inject("latency delay=300ms clients=kubelet")
    began = time.monotonic()
    assert ask(patient) == SERVING
    assert time.monotonic() - began >= 0.3


def test_a_hung_answer_never_comes_and_comes_once_the_fault_is_over(patient: Running) -> None:
    patient.inject("freeze mode=hang clients=kubelet")
    assert ask(patient, timeout=1) == Outcome(Result.FAILURE, "timeout: health rpc did not complete within 1s")
    patient.line("GaveUp: POST /grpc.health.v1.Health/Check 499")
    patient.admin("DELETE", "faults")
    assert ask(patient) == SERVING


@pytest.mark.parametrize("mode", ["loop", "deaf", "stop for=3s"])
def test_who_does_not_answer_can_not_be_reached(patient: Running, mode: str) -> None:
    assert ask(patient) == SERVING
    patient.inject(f"freeze mode={mode}")
    gone = Outcome(
        Result.FAILURE,
        f'timeout: failed to connect service "127.0.0.1:{port_of(patient)}" within 500ms: context deadline exceeded',
    )
    until(lambda: ask(patient, timeout=0.5) == gone, "the freeze")
    if "for" not in mode:
        patient.admin("DELETE", "faults")
    assert ask(patient) == SERVING


def test_a_patient_that_is_not_ready_yet_says_so(serve: Serve) -> None:
    app = serve(GRPC_PORT="0", READY_AFTER="60")
    assert (ask(app), ask(app, "liveness"), ask(app, "startup")) == (NOT_SERVING, SERVING, SERVING)


def test_its_port_opens_after_the_warm_up(serve: Serve) -> None:
    app = serve(GRPC_PORT="0", APP_START_DELAY="0.5")
    app.line("Warming Up Application")
    assert "gRPC health" not in app.log
    assert ask(app, "startup") == SERVING


# --- its events


def test_healthy_probes_of_the_kubelet_have_no_line_others_do(serve: Serve) -> None:
    app = serve(GRPC_PORT="0")
    ask(app)
    app.inject("unlive")
    ask(app, "liveness")
    app.line(r"info Answered: POST /grpc.health.v1.Health/Check 500 [0-9.]+ms 127.0.0.1$")
    assert app.log.count(CHECK) == 1


def test_the_timeline_knows_which_probe_it_was(serve: Serve) -> None:
    app = serve(GRPC_PORT="0", LOG_FORMAT="json")
    port = int(app.line(r'"ports":\[(\d+)\],"plane":"grpc"')[1])
    asyncio.run(probe_grpc(GRPC(port, "shop"), host="127.0.0.1", port=port, timeout=DEADLINE))
    event = json.loads(app.line(r".*Health/Check.*")[0])
    assert {key: event[key] for key in ("status", "client", "probe", "service")} == {
        "status": 404, "client": "kubelet", "probe": None, "service": "shop"}  # fmt: skip


def test_a_check_that_can_not_be_read_is_no_probe(serve: Serve) -> None:
    app = serve(GRPC_PORT="0", LOG_FORMAT="json")
    with pytest.raises(RpcError):
        call(app, CHECK, b"\x0b")
    event = json.loads(app.line(r".*Health/Check.*")[0])
    assert (event["status"], event["probe"], "service" in event) == (500, None, False)


# --- calls that are no Check


@pytest.mark.parametrize(
    ("path", "body", "headers", "code", "text"),
    [
        (f"/{HEALTH}/List", b"", (), "Unimplemented", f"unknown method List for service {HEALTH}"),
        ("/shop.v1.Cart/Add", b"", (), "Unimplemented", "unknown service shop.v1.Cart"),
        (CHECK, b"\x0a\x05web", (), "Internal", "the request is not a HealthCheckRequest"),
        (CHECK, b"\x0a\x01\xff", (), "Internal", "the request is not a HealthCheckRequest"),
        (CHECK, b"\x0b", (), "Internal", "the request is not a HealthCheckRequest"),
        (CHECK, b"\x0a\x88\x27" + b"s" * 5000, (), "ResourceExhausted", "received message larger than max (4096)"),
        (CHECK, b"", (("content-type", "text/plain"),), "Internal", "content-type: must be application/grpc"),
    ],
)  # fmt: skip
def test_refusals(
    patient: Running, path: str, body: bytes, headers: tuple[tuple[str, str], ...], code: str, text: str
) -> None:
    with pytest.raises(RpcError) as error:
        call(patient, path, body, *headers)
    assert str(error.value) == f"rpc error: code = {code} desc = {text}"
    assert ask(patient) == SERVING


@pytest.mark.parametrize(
    "said",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 1, 4, 0, 0, 0, 0, 0, 9)),
    ],
)
def test_who_speaks_something_else_is_left(patient: Running, said: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port_of(patient)), timeout=DEADLINE) as sock:
        sock.sendall(said)
        try:
            while sock.recv(4096):
                pass
        except ConnectionResetError:
            pass
    assert ask(patient) == SERVING


def test_an_answer_waits_for_room(patient: Running) -> None:
    http2 = H2Connection(H2Configuration(client_side=True))
    http2.local_settings = Settings(True, {SettingCodes.INITIAL_WINDOW_SIZE: 0})
    http2.initiate_connection()
    headers = {
        ":method": "POST",
        ":scheme": "http",
        ":path": CHECK,
        ":authority": "x",
        "content-type": "application/grpc",
    }
    http2.send_headers(1, headers.items())
    http2.send_data(1, bytes(5), end_stream=True)
    answer = b""
    with socket.create_connection(("127.0.0.1", port_of(patient)), timeout=DEADLINE) as sock:
        ended = False
        while not ended:
            sock.sendall(http2.data_to_send())
            for event in http2.receive_data(sock.recv(4096)):
                if isinstance(event, ResponseReceived):
                    http2.increment_flow_control_window(3, 1)  # too little
                    http2.ping(b"12345678")
                elif isinstance(event, PingAckReceived):
                    assert answer == b""
                    http2.increment_flow_control_window(100, 1)
                elif isinstance(event, DataReceived):
                    answer += event.data
                ended = ended or isinstance(event, StreamEnded)
    assert answer == b"\0\0\0\0\x02\x08\x01"


# --- against grpcio, which knows nothing of us


@contextmanager
def stub(app: Running) -> Iterator[tuple[Any, Any]]:
    grpc = pytest.importorskip("grpc", reason="grpcio is not installed")
    pytest.importorskip("grpc_health.v1.health", reason="grpcio-health-checking is not installed")
    from grpc_health.v1 import health_pb2, health_pb2_grpc  # noqa: PLC0415 - a test's counterpart, which may be missing

    with grpc.insecure_channel(f"127.0.0.1:{port_of(app)}") as channel:
        yield health_pb2_grpc.HealthStub(channel), health_pb2.HealthCheckRequest


def test_grpcio_checks(patient: Running) -> None:
    with stub(patient) as (health, request):
        for service in ("", "readiness", "liveness", "startup"):
            answer, call = health.Check.with_call(request(service=service), timeout=DEADLINE)
            assert answer.status == 1
            assert dict(call.initial_metadata())["x-pod"] == "webapp-1"
        with pytest.raises(Exception, match="NOT_FOUND"):
            health.Check(request(service="shop"), timeout=DEADLINE)
        patient.inject("unready")
        assert health.Check(request(), timeout=DEADLINE).status == 2


class Watch:
    """Follows one service, as grpcio sees it, until the stream ends with an error."""

    def __init__(self, health: Any, request: Any) -> None:
        self.seen: list[int] = []
        self.error: Any = None
        self._stream = health.Watch(request)
        threading.Thread(target=self._follow, daemon=True).start()

    def _follow(self) -> None:
        try:
            for answer in self._stream:
                self.seen.append(answer.status)
        except Exception as error:  # noqa: BLE001 - it is what the test looks at
            self.error = error

    def wait(self, *seen: int) -> None:
        until(lambda: self.seen == [*seen], f"{seen}, got {self.seen}")


def test_grpcio_watches_changes(patient: Running) -> None:
    with stub(patient) as (health, request):
        watches = {service: Watch(health, request(service=service)) for service in ("", "liveness", "shop")}
        watches[""].wait(1)
        watches["liveness"].wait(1)
        watches["shop"].wait(3)
        fault = patient.inject("unready")
        watches[""].wait(1, 2)
        patient.inject("crash mode=errors")
        watches["liveness"].wait(1, 2)
        patient.admin("DELETE", f"faults/{fault}")
        patient.admin("DELETE", "faults")
        watches[""].wait(1, 2, 1)
        watches["liveness"].wait(1, 2, 1)
        watches["shop"].wait(3)


def test_a_watch_sees_the_drain_and_ends_with_the_process(serve: Serve) -> None:
    app = serve(GRPC_PORT="0", DRAIN_SECONDS="5")
    with stub(app) as (health, request):
        ready, alive = Watch(health, request()), Watch(health, request(service="liveness"))
        ready.wait(1)
        alive.wait(1)
        app.process.terminate()
        ready.wait(1, 2)
        assert app.exit_code() == 0
        until(lambda: ready.error and alive.error, "the end of the watches")
        assert alive.seen == [1]
        assert "UNAVAILABLE" in str(ready.error.code())


def test_a_users_check_in_flight_is_answered_before_the_end(serve: Serve) -> None:
    app = serve(GRPC_PORT="0", DRAIN_SECONDS="10")
    app.inject("latency delay=1s routes=/grpc.*")
    with stub(app) as (health, request):
        answer = health.Check.future(request(service="liveness"), timeout=DEADLINE)
        until(lambda: app.admin("GET", "status")["in_flight"] == 1, "the request")
        app.process.terminate()
        assert answer.result().status == 1
    assert app.exit_code() == 0


@given(body=st.binary(max_size=40))
def test_what_protobuf_reads_is_read_the_same(body: bytes) -> None:
    message = pytest.importorskip("google.protobuf.message", reason="protobuf is not installed")
    from grpc_health.v1 import health_pb2  # noqa: PLC0415

    try:
        expected = health_pb2.HealthCheckRequest.FromString(body).service
        read = _read_request(body)
    except (message.DecodeError, IndexError, ValueError):
        return
    assert read == expected


# --- the setting


def test_without_the_setting_nothing_of_it_is_loaded(serve: Serve) -> None:
    app = serve()
    app.line("serving on")
    assert "gRPC" not in app.log
    script = "import sys, crashy.server.serve; sys.exit('h2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False, timeout=60).returncode == 0


def test_without_the_extra_one_line_says_what_is_missing() -> None:
    run = "from crashy.cli import main; sys.exit(main(['serve', '--grpc-port', '9090']))"
    script = f"import sys; sys.modules['h2'] = None; {run}"
    done = subprocess.run([sys.executable, "-c", script], check=False, timeout=60, capture_output=True, text=True)
    assert done.returncode == 2
    assert re.fullmatch(r".*GRPC_PORT: 9090: needs the extra `grpc`: pip install 'crashy\[grpc\]'\n", done.stderr)
    assert done.stdout == ""


def test_missing_is_reported_before_anything_is_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crashy.server.serve.find_spec", lambda _: None)
    with pytest.raises(BadInput, match="needs the extra"):
        run_patient(load([], {"GRPC_PORT": "0"}), {})


@pytest.mark.parametrize("environ", [{"PORT": "80,9090"}, {"ADMIN_PORT": "9090"}])
def test_its_port_is_its_own(environ: dict[str, str]) -> None:
    with pytest.raises(BadInput, match="GRPC_PORT: 9090: must be a port that is neither in PORT nor ADMIN_PORT"):
        load([], {"GRPC_PORT": "9090", **environ})


def test_a_service_named_grpc_does_not_set_it() -> None:
    loaded = load([], {"GRPC_PORT": "tcp://10.96.0.9:9090"})
    assert loaded.grpc_port is None
    assert loaded.warnings == ("GRPC_PORT: tcp://10.96.0.9:9090: set by Kubernetes for a Service named grpc; ignored",)


def test_a_port_that_is_taken_is_an_error(serve: Serve) -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        app = serve(GRPC_PORT=str(sock.getsockname()[1]))
        app.line(r"GRPC_PORT: \d+: can't be bound on 127.0.0.1: Address already in use")
        assert app.exit_code() == 2

"""What the faults of one response do to gRPC calls, as grpcio sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.server.running import DEADLINE, Running, until
from tests.server.test_grpc_health import CHECK, HEALTH, Watch, stub

LASTING = ("blackhole", "drip over=10m", "slow-headers over=10m", "stall-body")


@pytest.fixture(scope="module")
def shared() -> Iterator[Running]:
    app = Running.start({"GRPC_PORT": "0"})
    yield app
    app.lines = [line for line in app.lines if "Traceback" not in line]  # the one of `exception`
    app.end()


@pytest.fixture
def patient(shared: Running) -> Iterator[Running]:
    """Return one patient to every test; each leaves it as it was."""
    yield shared
    shared.admin("DELETE", "faults")
    until(lambda: shared.admin("GET", "status")["in_flight"] == 0, "no call is in flight")


@pytest.fixture
def check(patient: Running) -> Iterator[Callable[..., Any]]:
    """Call Check and return the status, or the error's code and details."""
    with stub(patient) as (health, request):

        def ask(timeout: float = DEADLINE) -> Any:
            try:
                return health.Check(request(), timeout=timeout).status
            except Exception as error:  # noqa: BLE001 - grpcio, which may be missing, has its class
                return error.code().name, error.details()  # type: ignore[attr-defined]

        yield ask


def on(spec: str, route: str = CHECK) -> str:
    return f"{spec} routes={route}"


@pytest.mark.parametrize(
    ("spec", "code", "details"),
    [
        ("abort", "UNAVAILABLE", ""),
        ("reset", "UNAVAILABLE", ""),
        ("exception", "INTERNAL", "Internal Server Error"),
        ("truncate", "INTERNAL", ""),
        ("corrupt", "INTERNAL", ""),
        ("redirect", "UNKNOWN", "302 Found"),
        ("rate-limit requests=1 per=24h", "UNAVAILABLE", "429 Too Many Requests"),
    ],
)
def test_a_call_fails(patient: Running, check: Callable[..., Any], spec: str, code: str, details: str) -> None:
    patient.inject(on(spec))
    if "rate-limit" in spec:
        assert check() == 1
    got = check()

    assert got[0] == code
    assert got[1] == details or not details
    patient.admin("DELETE", "faults")
    assert check() == 1


def test_an_exceptions_traceback_is_in_the_log(patient: Running, check: Callable[..., Any]) -> None:
    patient.inject(on("exception message='so it goes'"))
    check()

    patient.line(r"^RuntimeError: so it goes$")
    patient.line(f"Answered: POST {CHECK} 500 ")


def test_a_closed_connection_is_logged_as_unanswered(patient: Running, check: Callable[..., Any]) -> None:
    patient.inject(on("abort"))
    check()

    patient.line(f"Unanswered: POST {CHECK} 444 ")


def test_another_name_is_in_the_headers(patient: Running) -> None:
    with stub(patient) as (health, request):
        patient.inject(on("wrong-identity pod=web-0"))
        _, call = health.Check.with_call(request(), timeout=DEADLINE)

    assert dict(call.initial_metadata())["x-pod"] == "web-0"


@pytest.mark.parametrize("spec", LASTING)
def test_a_held_call_is_let_go_with_its_client_or_with_the_fault(
    patient: Running, check: Callable[..., Any], spec: str
) -> None:
    patient.inject(on(f"{spec} times=1"))

    assert check(timeout=0.2)[0] == "DEADLINE_EXCEEDED"
    until(lambda: patient.admin("GET", "status")["faults"] == [], "the fault has ended with its only call")
    patient.inject(on(f"{spec} for={'1s' if spec == 'blackhole' else '200ms'}"))
    assert check() == 1 if spec != "blackhole" else check()[0] == "INTERNAL"


def test_a_connection_that_is_closed_ends_every_call_on_it(patient: Running) -> None:
    with stub(patient) as (health, request):
        watch = Watch(health, request())
        watch.wait(1)
        patient.inject(on("abort"))
        with pytest.raises(Exception, match="UNAVAILABLE"):
            health.Check(request(), timeout=DEADLINE)
        until(lambda: watch.error is not None, "the watch has ended")


def test_a_watch_is_changed_at_its_first_message(patient: Running) -> None:
    patient.inject(on("stall-body", f"/{HEALTH}/Watch"))
    with stub(patient) as (health, request):
        watch = Watch(health, request())
        until(lambda: patient.admin("GET", "status")["faults"][0]["hits"] == 1, "it is hit")
        assert watch.seen == []
        patient.admin("DELETE", "faults")
        watch.wait(1)


def test_a_user_of_other_services_is_told_so_late(patient: Running) -> None:
    patient.inject(on("drip over=100ms"))
    with stub(patient) as (health, request), pytest.raises(Exception, match="NOT_FOUND"):
        health.Check(request(service="shop"), timeout=DEADLINE)

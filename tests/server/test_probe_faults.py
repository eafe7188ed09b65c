"""A patient whose probe flaps, or whose protocols disagree, seen from outside."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from crashy.faults.scope import PROTOCOLS
from tests.server.running import Running, until
from tests.server.test_grpc_health import Watch, stub


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("state")


@pytest.fixture(scope="module")
def started(folder: Path) -> Iterator[Running]:
    app = Running.start({"GRPC_PORT": "0", "METRICS": "1", "STATE_DIR": str(folder)})
    yield app
    app.end()


@pytest.fixture
def app(started: Running) -> Iterator[Running]:
    yield started
    started.admin("DELETE", "faults")
    until(lambda: accepts(started), "the patient is whole again")


def accepts(app: Running) -> bool:
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", app.port)) == 0


def readiness(app: Running) -> dict[str, bool]:
    by = app.admin("GET", "status")["protocols"]
    return {protocol: by[protocol]["readiness"] for protocol in PROTOCOLS}


def test_the_file_and_a_watch_follow_each_edge_of_a_flap(app: Running, folder: Path) -> None:
    with stub(app) as (health, request):
        watch = Watch(health, request(service="readiness"))
        watch.wait(1)
        app.inject("flap period=300ms for=20s")
        for there in (False, True, False, True):
            until(lambda there=there: (folder / "is_ready").exists() is there, f"is_ready is there: {there}")
        until(lambda: len(watch.seen) >= 5, "the watch hears of each edge")
        assert watch.seen[:5] == [1, 2, 1, 2, 1]
    assert (folder / "is_healthy").exists()


def test_http_says_no_while_the_file_and_grpc_say_yes(app: Running, folder: Path) -> None:
    app.inject("unready protocols=http")

    assert app.ask("/readyz").status == 503
    assert readiness(app) == {"http": False, "grpc": True, "exec": True, "tcp": True}
    assert (folder / "is_ready").exists()
    assert app.admin("GET", "status")["health"] == {"startup": True, "readiness": False, "liveness": True}
    assert 'crashy_healthy{probe="readiness"} 0' in app.ask("/metrics").body


def test_only_the_file_is_missing(app: Running, folder: Path) -> None:
    fault = app.inject("unstarted protocols=exec")

    until(lambda: not (folder / "is_started").exists(), "the file is removed")
    assert app.ask("/startupz").status == 200
    app.admin("DELETE", f"faults/{fault}")
    until((folder / "is_started").exists, "the file is there again")


def test_by_tcp_the_port_is_closed_to_all_and_grpc_and_the_admin_port_are_not(app: Running, folder: Path) -> None:
    descriptors = Path(f"/proc/{app.process.pid}/fd")
    before = len([*descriptors.iterdir()]) if descriptors.exists() else 0
    fault = app.inject("unready protocols=tcp")

    until(lambda: not accepts(app), "connections are refused")
    assert readiness(app) == {"http": True, "grpc": True, "exec": True, "tcp": False}
    assert (folder / "is_ready").exists()
    with stub(app) as (health, request):
        assert health.Check(request(service="readiness"), timeout=10).status == 1
    app.admin("DELETE", f"faults/{fault}")
    until(lambda: accepts(app), "connections are taken again")
    if before:
        until(lambda: len([*descriptors.iterdir()]) <= before, "no descriptor is left")


def test_where_two_close_the_port_it_opens_when_the_last_ends(app: Running) -> None:
    deaf, tcp = app.inject("freeze mode=deaf"), app.inject("unlive protocols=tcp")
    until(lambda: not accepts(app), "connections are refused")

    app.admin("DELETE", f"faults/{deaf}")
    until(lambda: readiness(app)["tcp"], "the patient goes on")
    assert not accepts(app)
    app.admin("DELETE", f"faults/{tcp}")
    until(lambda: accepts(app), "connections are taken again")

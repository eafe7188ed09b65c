"""GET /peers: names are looked up in the file first, then by this machine's resolver."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer

from crashy.server.app import create_app
from crashy.server.names import look_up
from crashy.server.patient import Patient

Make = Callable[..., Patient]
LINES = ["db 8080 127.0.0.2 8080", "db 8080 127.0.0.3 8080", "db-0.db 80 127.0.0.1 18080"]
WRONG = ["", "db", "db 8080", "db 8080 127.0.0.4", "db 8080 127.0.0.4 http", "db 8080 127.0.0.4 80 80"]


def _has_ipv6() -> bool:
    with suppress(OSError), socket.create_server(("::1", 0), family=socket.AF_INET6):
        return True
    return False


@pytest.mark.parametrize(
    ("name", "port", "places"),
    [
        ("db", 8080, [("127.0.0.2", 8080), ("127.0.0.3", 8080)]),
        ("db.", 8080, [("127.0.0.2", 8080), ("127.0.0.3", 8080)]),
        ("db-0.db", 80, [("127.0.0.1", 18080)]),
        ("db-0.db", 8080, []),
        ("db-1.db", 80, []),
    ],
)
def test_a_name_leads_to_the_places_of_its_port(name: str, port: int, places: list[tuple[str, int]]) -> None:
    assert look_up(name, port, [*WRONG, *LINES]) == places


async def test_each_peer_is_asked_for_its_name(make_patient: Make, tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        table = tmp_path / "names"
        async with TestServer(create_app(make_patient(POD_NAME="db-0"), admin=False)) as peer:
            table.write_text(f"db-0.db 8080 127.0.0.1 {peer.port}\ndb-1.db 8080 127.0.0.1 {unused.getsockname()[1]}\n")
            peers = f"db-0.db,db-1.db,localhost:{peer.port},no-such.invalid"

            assert await asked(make_patient(PEERS=peers, NAMES_FILE=str(table))) == (
                200,
                f"db-0.db db-0\ndb-1.db refused\nlocalhost:{peer.port} db-0\nno-such.invalid no such name\n",
            )


@pytest.mark.skipif(not _has_ipv6(), reason="this machine has no ::1")
async def test_a_peer_may_have_an_ipv6_address(make_patient: Make, tmp_path: Path) -> None:
    async with TestServer(create_app(make_patient(POD_NAME="db-0"), admin=False), host="::1") as peer:
        table = tmp_path / "names"
        table.write_text(f"db 8080 ::1 {peer.port}\n")

        assert await asked(make_patient(PEERS="db", NAMES_FILE=str(table))) == (200, "db db-0\n")


async def test_without_peers_there_is_no_such_route(make_patient: Make) -> None:
    assert (await asked(make_patient()))[0] == 404


async def asked(patient: Patient) -> tuple[int, str]:
    async with TestClient(TestServer(create_app(patient, admin=False))) as client:
        response = await client.get("/peers")
        return response.status, await response.text()

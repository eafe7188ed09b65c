"""A lab's loopback addresses."""

from __future__ import annotations

import json
import socket
import subprocess
import sys

import pytest

from crashy.engines.lab.addresses import SPARE, Addresses
from tests.elsewhere import Elsewhere, needs_addresses, why_not

# Two pods of a lab that want the same ports, one of them taken by another program, on a machine with one address.
ONE_ADDRESS = """
import json, socket
from crashy.engines.lab.addresses import Addresses
notes = []
addresses = Addresses(notes.append)
first, second = addresses.pod_ip(), addresses.pod_ip()
taken = socket.create_server(("127.0.0.1", 5000))
listening = [addresses.listen(ip, port) for ip in (first, second) for port in (8080, 5000)]
dialled = [addresses.dial(ip, port) for ip, port in ((first, 8080), (second, 8080), (second, 9), ("10.0.0.1", 80))]
print(json.dumps([addresses.host(first), listening, dialled, notes]))
"""


@pytest.fixture
def notes() -> list[str]:
    return []


@needs_addresses
def test_two_labs_share_no_address(notes: list[str]) -> None:
    one, other = Addresses(notes.append), Addresses(notes.append)
    ours = {one.pod_ip() for _ in range(600)} | {one.cluster_ip() for _ in range(100)}
    theirs = {other.pod_ip() for _ in range(600)} | {other.cluster_ip() for _ in range(100)}
    one.close()
    other.close()

    assert len(ours) == len(theirs) == 700
    assert not ours & theirs


@needs_addresses
def test_a_closed_lab_leaves_its_addresses_to_the_next(notes: list[str]) -> None:
    first = Addresses(notes.append)
    ip = first.pod_ip()
    first.close()
    second = Addresses(notes.append)

    assert second.pod_ip() == ip
    second.close()


@needs_addresses
def test_a_port_keeps_its_number_where_it_can_be_bound(notes: list[str]) -> None:
    addresses = Addresses(notes.append)
    ip = addresses.pod_ip()

    assert addresses.listen(ip, 8080) == 8080
    assert addresses.dial(ip, 8080) == (ip, 8080)
    assert notes == []
    addresses.close()


@needs_addresses
def test_a_port_that_is_taken_is_found_elsewhere_and_said_once(notes: list[str]) -> None:
    addresses = Addresses(notes.append)
    ip = addresses.pod_ip()
    with socket.create_server((ip, 8080)), socket.create_server((ip, 8081)):
        port = addresses.listen(ip, 8080)
        addresses.listen(ip, 8081)

        assert port != 8080
        assert addresses.listen(ip, 8080) == port
        assert addresses.dial(ip, 8080) == (ip, port)
        assert len(notes) == 1
        assert "port 8080" in notes[0]
    addresses.close()


def test_with_a_single_loopback_address_the_first_pod_gets_its_port_and_the_others_get_others() -> None:
    if reason := why_not():
        pytest.skip(reason)
    there = Elsewhere(addresses=False).within()
    done = subprocess.run([*there, sys.executable, "-c", ONE_ADDRESS], stdout=subprocess.PIPE, check=True)
    host, listening, dialled, notes = json.loads(done.stdout)

    assert host == "127.0.0.1"
    assert listening[0] == 8080
    assert all(port in SPARE for port in listening[1:])
    assert len(set(listening)) == 4
    assert dialled == [[host, 8080], [host, listening[2]], [host, 9], ["10.0.0.1", 80]]
    assert len(notes) == 1
    assert "no loopback address but 127.0.0.1" in notes[0]

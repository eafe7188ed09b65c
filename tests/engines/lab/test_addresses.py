"""A lab's loopback addresses."""

from __future__ import annotations

import socket
import sys

import pytest

from crashy.engines.lab.addresses import Addresses

linux = pytest.mark.skipif(sys.platform != "linux", reason="other platforms have one loopback address")


@pytest.fixture
def notes() -> list[str]:
    return []


@linux
def test_two_labs_share_no_address(notes: list[str]) -> None:
    one, other = Addresses(notes.append), Addresses(notes.append)
    ours = {one.pod_ip() for _ in range(600)} | {one.cluster_ip() for _ in range(100)}
    theirs = {other.pod_ip() for _ in range(600)} | {other.cluster_ip() for _ in range(100)}
    one.close()
    other.close()

    assert len(ours) == len(theirs) == 700
    assert not ours & theirs


@linux
def test_a_closed_lab_leaves_its_addresses_to_the_next(notes: list[str]) -> None:
    first = Addresses(notes.append)
    ip = first.pod_ip()
    first.close()
    second = Addresses(notes.append)

    assert second.pod_ip() == ip
    second.close()


@linux
def test_a_port_keeps_its_number_where_it_can_be_bound(notes: list[str]) -> None:
    addresses = Addresses(notes.append)
    ip = addresses.pod_ip()

    assert addresses.listen(ip, 8080) == 8080
    assert addresses.dial(ip, 8080) == (ip, 8080)
    assert notes == []
    addresses.close()


@linux
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


def test_with_a_single_loopback_address_every_pod_listens_there_on_ports_of_its_own(notes: list[str]) -> None:
    addresses = Addresses(notes.append, single=True)
    one, other = addresses.pod_ip(), addresses.pod_ip()
    ports = {addresses.listen(one, 80), addresses.listen(other, 80)}

    assert addresses.host(one) == "127.0.0.1"
    assert len(ports) == 2
    assert addresses.dial(one, 80) == ("127.0.0.1", addresses.listen(one, 80))
    assert addresses.dial(one, 9) == ("127.0.0.1", 9)
    assert len(notes) == 1


def test_addresses_elsewhere_are_left_alone(notes: list[str]) -> None:
    addresses = Addresses(notes.append, single=True)

    assert addresses.dial("10.0.0.1", 80) == ("10.0.0.1", 80)

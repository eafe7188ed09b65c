"""Loopback addresses: one for each pod and each Service of a lab, and none that two labs share."""

from __future__ import annotations

import errno
import os
import random
import socket
from collections.abc import Callable
from itertools import count, islice

from crashy.errors import BadInput

BLOCKS = range(64, 128)  # the second number of 127.A.x.y: a lab has one of these blocks to itself
PODS = 200 * 250  # 127.A.0.1 to 127.A.199.250; Services have 127.A.200.1 and above
ANY_HOST = "127.0.0.1"
# Ports for what can't have its own: below NodePorts, and below those that outgoing connections are given (on Linux from
# 32768, on macOS from 49152), so that a program that restarts finds its port as it left it.
SPARE = range(10_000, 30_000)
_UNBINDABLE = {errno.EACCES, errno.EADDRINUSE, errno.EADDRNOTAVAIL}


class Addresses:
    """The addresses of one lab: `containerPort` keeps its meaning, as each pod has an address of its own.

    Where a port can't be bound (below 1024 by an ordinary user, taken by a program that listens on every address)
    another is chosen, and `dial` says which. So it is with a single loopback address, that of most systems but Linux:
    there the first that asks for a port gets it. `note` is called with a line for the user, once, where that is so.
    """

    def __init__(self, note: Callable[[str], None]) -> None:
        self._note = note
        self._block = BLOCKS[0]
        self._lock: socket.socket | None = None
        self._single = bool(_refusal(self._address(0), 0))
        if self._single:
            note(
                f"this machine has no loopback address but {ANY_HOST}: of the pods' programs that want the same port "
                "all but one listen on others, where the lab's probes and Services find them (docs/lab.md)"
            )
        else:
            self._lock, self._block = _claim()
        self._pods = 0
        self._services = 0
        self._places: dict[tuple[str, int], tuple[str, int]] = {}
        self._taken: set[tuple[str, int]] = set()
        self._spare = count(random.randrange(len(SPARE)))
        self._noted = self._single

    def pod_ip(self) -> str:
        """Return a pod's address; the first 50,000 pods of a lab get different ones."""
        self._pods += 1
        return self._address(self._pods % PODS)

    def cluster_ip(self) -> str:
        """Return a Service's address."""
        self._services += 1
        return self._address(PODS + self._services)

    def _address(self, number: int) -> str:
        high, low = divmod(number, 250)
        return f"127.{self._block}.{high}.{low + 1}"

    def host(self, ip: str) -> str:
        """Return the address that a program listens on so as to be found at `ip`."""
        return ANY_HOST if self._single and ip.startswith("127.") else ip

    def listen(self, ip: str, port: int) -> int:
        """Find the port that a program binds so as to be found at `ip:port`: that one, wherever it can be bound.

        Once found it stays, as the program may have bound it since.
        """
        if (ip, port) not in self._places:
            host = self.host(ip)
            reason = "taken by another pod" if (host, port) in self._taken else _refusal(host, port)
            place = self._places[ip, port] = (host, self._spare_port(host) if reason else port)
            self._taken.add(place)
            if reason and not self._noted:
                self._noted = True
                self._note(
                    f"port {port} of {ip} can't be bound here ({reason}): the pods' programs listen on other ports, "
                    f"where the lab's probes and Services find them"
                )
        return self._places[ip, port][1]

    def _spare_port(self, host: str) -> int:
        for number in islice(self._spare, len(SPARE)):
            port = SPARE[number % len(SPARE)]
            if (host, port) not in self._taken and not _refusal(host, port):
                return port
        raise BadInput(f"no port from {SPARE[0]} to {SPARE[-1]} of {host} can be bound")

    def dial(self, ip: str, port: int) -> tuple[str, int]:
        """Return where `ip:port` really listens."""
        return self._places.get((ip, port), (self.host(ip), port))

    def close(self) -> None:
        """Leave the block to the next lab."""
        if self._lock:
            self._lock.close()


def _claim() -> tuple[socket.socket, int]:
    """Take a block: the lock is a socket name, which the kernel frees however its owner ends."""
    for block in BLOCKS:
        lock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            lock.bind(f"\0crashy-lab-127.{block}")
        except OSError:
            lock.close()
        else:
            return lock, block
    raise BadInput(f"every block of loopback addresses is taken: {len(BLOCKS)} labs run on this machine")


def _refusal(host: str, port: int) -> str:
    """Return why `host:port` can't be bound; empty if it can."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen()
        except OSError as error:
            if error.errno not in _UNBINDABLE:
                raise
            return os.strerror(error.errno)
    return ""

"""How a network probe connects: its socket options, and Go's texts of errors.

Source: kubelet: pkg/probe/dialer_others.go; texts: Go's net package.
"""

from __future__ import annotations

import asyncio
import asyncio.trsock
import ipaddress
import os
import re
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from crashy.kubelet.handlers.judge import WireError, refused, unknown_host

Dial = Callable[[str, int], tuple[str, int]]
"""Resolves a nominal address to the real one; errors and URLs keep the nominal one."""

HEAD = 5
"""How many bytes a `Socket` keeps: as many as the head of a TLS record has."""

_NAME = re.compile(r"(?=.*[A-Za-z_-])[\w.-]+", re.ASCII)
"""What may be a host's name. Source: Go: net/dnsclient.go isDomainName; other resolvers take 127.1 for an address."""

_LINGER = struct.pack("ii", 1, 1)
_NO_LINGER = struct.pack("ii", 0, 0)


class Socket(socket.socket):
    """A socket that keeps the first bytes that it has read through asyncio's transport of TLS.

    OpenSSL's errors don't say whether a server that doesn't speak TLS speaks HTTP.
    """

    first = b""

    def recv_into(self, buffer: Any, *more: int) -> int:
        """Read into a buffer."""
        size = super().recv_into(buffer, *more)
        if len(self.first) < HEAD:
            self.first += bytes(memoryview(buffer)[:size])[: HEAD - len(self.first)]
        return size


def direct(host: str, port: int) -> tuple[str, int]:
    """Dial the nominal address itself."""
    return host, port


async def connect(host: str, port: int, dial: Dial = direct) -> Socket:
    """Open a TCP connection that leaves TIME_WAIT quickly (SO_LINGER of 1 s); raises WireError.

    The caller sets the timeout.
    """
    if not 0 <= port <= 65535:
        raise WireError(f"dial tcp: address {port}: invalid port")
    error, reached = None, host
    for family, address in await _resolve(*dial(host, port)):
        sock = Socket(family, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)
            await asyncio.get_running_loop().sock_connect(sock, address)
        except OSError as failure:
            sock.close()
            if error is None:
                error, reached = failure, host if _is_address(host) else address[0]
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise WireError(refused(authority(reached, port), errno_text(error)))


def let_go(sock: socket.socket | asyncio.trsock.TransportSocket) -> None:
    """Make the next close of a socket of `connect` not wait for the peer.

    A close that lingers blocks the loop until the peer's kernel has acknowledged everything, 40 ms for a stuck server.
    """
    with suppress(OSError):  # it is closed already
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)


async def _resolve(host: str, port: int) -> list[tuple[int, Any]]:
    if _is_address(host):
        return [(socket.AF_INET6 if ":" in host else socket.AF_INET, (host, port))]
    if not _NAME.fullmatch(host):
        raise WireError(unknown_host(host))
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise WireError(unknown_host(host)) from None
    return [(family, address) for family, _, _, _, address in found]


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def authority(host: str, port: int) -> str:
    """Join host and port as a URL does, an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def errno_text(error: OSError | None) -> str:
    """Return the system's text for an error, in Go's lower case."""
    return os.strerror(error.errno).lower() if error and error.errno else str(error)

"""Python programs that an image is mapped to listen on their pod's address, where they would listen on every address.

Python imports this at its start from the PYTHONPATH that the lab gives them: all pods share this machine, so only one
of them could have a port of every address. For a port that can't be bound there is another, as `80:10080,443:10443`.
"""

from __future__ import annotations

import os
import socket
from typing import Any

_POD_IP = os.environ.get("_CRASHY_POD_IP", "")
_PORTS = {p.partition(":")[0]: p.partition(":")[2] for p in os.environ.get("_CRASHY_PORTS", "").split(",")}
_bind = socket.socket.bind


def _own(self: socket.socket, address: Any, /) -> None:
    if isinstance(address, tuple) and address[0] in {"", "0.0.0.0", "::"}:
        port = int(_PORTS.get(str(address[1])) or address[1])
        host = _POD_IP
        if self.family == socket.AF_INET6:
            self.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            host = f"::ffff:{_POD_IP}"
        address = (host, port, *address[2:])
    _bind(self, address)


if _POD_IP:
    socket.socket.bind = _own  # type: ignore[assignment, method-assign]  # a function of ours in its place

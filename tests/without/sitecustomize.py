"""For a lab of tests/elsewhere.py: no Python function that Linux alone has, and macOS' limits on open files."""

from __future__ import annotations

import os
import resource
import signal
import socket

OPEN_MAX, AT_FIRST = 10_240, 256

for module, names in (
    (os, ("fork", "forkpty", "memfd_create", "pidfd_open", "pipe2", "sched_getaffinity", "sched_setaffinity")),
    (signal, ("pidfd_send_signal",)),
    (socket, ("SOCK_CLOEXEC", "SOCK_NONBLOCK", "SO_PEERCRED", "TCP_USER_TIMEOUT")),
):
    for name in names:
        if hasattr(module, name):
            delattr(module, name)

_set = resource.setrlimit
_set(resource.RLIMIT_NOFILE, (AT_FIRST, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))


def setrlimit(which: int, limits: tuple[int, int]) -> None:
    if which == resource.RLIMIT_NOFILE and limits[0] > OPEN_MAX:
        raise ValueError("current limit exceeds maximum limit")
    _set(which, limits)


resource.setrlimit = setrlimit

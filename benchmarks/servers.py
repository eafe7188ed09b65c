"""Servers to measure, started and stopped."""

from __future__ import annotations

import contextlib
import http.client
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

CRASHY = ["-m", "crashy", "serve", "--port", "{port}", "--admin-port", "", "--access-log", "0"]
BARE = ["-m", "benchmarks.bare", "{port}"]


def free_port() -> int:
    """Give a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def serving(args: list[str]) -> Iterator[tuple[subprocess.Popen[bytes], int, float]]:
    """Run a server until the block ends; gives its process, its port and the seconds to its first 200 on /health."""
    port = free_port()
    begin = time.perf_counter()
    command = [sys.executable, *(a.format(port=port) for a in args)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        while not answers(port):
            if server.poll() is not None:
                raise RuntimeError(f"{command}: exited with {server.returncode} before it answered")
            time.sleep(0.0005)
        yield server, port, time.perf_counter() - begin
    finally:
        server.terminate()
        server.wait()


def answers(port: int) -> bool:
    """Say whether /health is answered with 200."""
    with contextlib.suppress(OSError, http.client.HTTPException):
        client = http.client.HTTPConnection("127.0.0.1", port)
        with contextlib.closing(client):
            client.request("GET", "/health")
            return client.getresponse().status == 200
    return False

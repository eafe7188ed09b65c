"""Servers to measure: how they are started, what they cost."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.environment import ENVIRON, GO, PYTHON, ROOT

QUIET = {"ADMIN_PORT": "0", "ACCESS_LOG": "0", "POD_NAME": "web-1"}


@dataclass(frozen=True)
class Server:
    """A command, in which {port} stands for the port, and what its environment has besides."""

    command: Sequence[str]
    environ: Mapping[str, str] = field(default_factory=dict)


def crashy(**environ: str) -> Server:
    """Return the patient as its image starts it: by variables, admin plane included."""
    return Server([PYTHON, "-m", "crashy", "serve"], {"PORT": "{port}", **QUIET, **environ})


BARE = Server([PYTHON, "-m", "benchmarks.peers.bare", "{port}"])
FLOOR = Server([PYTHON, "-m", "benchmarks.peers.floor", "{port}"])
PEERS = {
    "bare": BARE,
    "flask": Server([PYTHON, "-m", "benchmarks.peers.flask_app", "{port}"]),
    "gunicorn": Server(
        [
            *(PYTHON, "-m", "gunicorn", "-k", "gthread", "-w", "2", "--threads", "4", "--log-level", "warning"),
            *("-b", "127.0.0.1:{port}", "benchmarks.peers.flask_app:app"),
        ]
    ),
    "fastapi": Server(
        [
            *(PYTHON, "-m", "uvicorn", "--port", "{port}", "--no-access-log", "--log-level", "warning"),
            "benchmarks.peers.fastapi_app:app",
        ]
    ),
}


def peers() -> dict[str, Server]:
    """Return the peers that can be had here."""
    return {**PEERS, **({"go": Server([str(GO), "{port}"])} if GO.exists() else {})}


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Running:
    """A server that runs: `took` seconds from its exec to its first 200."""

    process: subprocess.Popen[bytes]
    port: int
    took: float
    ended: float = 0.0
    peak: float = 0.0
    """Its maximum resident set in MB and the page faults it took, as `/usr/bin/time -v` tells them at its end."""
    faults: int = 0

    def memory(self) -> float:
        """Return the resident MB of it and its children."""
        pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in self._family())
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def cpu(self) -> float:
        """Return the seconds of CPU time that its threads, and its children's, have had."""
        spent = 0
        for pid in self._family():
            for task in Path(f"/proc/{pid}/task").iterdir():
                with contextlib.suppress(OSError):  # a thread of Flask's server has ended
                    spent += int((task / "schedstat").read_text().split()[0])
        return spent / 1e9

    def _family(self) -> list[int]:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [self.process.pid, *map(int, children)]


def start(server: Server) -> Running:
    """Start a server and wait for its first 200 on /health."""
    port = free_port()
    command = [part.format(port=port) for part in server.command]
    environ = {**ENVIRON, **{name: value.format(port=port) for name, value in server.environ.items()}}
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT, env=environ)
    while not answers(port):
        if process.poll() is not None:
            raise RuntimeError(f"{command}: exited with {process.returncode} before it answered")
        time.sleep(0.0005)
    return Running(process, port, time.perf_counter() - begin)


@contextlib.contextmanager
def serving(server: Server) -> Iterator[Running]:
    """Run a server until the block ends; then `ended` tells how long SIGTERM took, `peak` and `faults` what it used."""
    running = start(server)
    try:
        yield running
    finally:
        begin = time.perf_counter()
        running.process.terminate()
        _, status, usage = os.wait4(running.process.pid, 0)
        running.ended = time.perf_counter() - begin
        running.process.returncode = os.waitstatus_to_exitcode(status)
        running.peak, running.faults = usage.ru_maxrss * 1024 / 1e6, usage.ru_minflt + usage.ru_majflt


def answers(port: int, host: str = "127.0.0.1") -> bool:
    """Return whether /health is answered with 200."""
    with contextlib.suppress(OSError, http.client.HTTPException):
        client = http.client.HTTPConnection(host, port, timeout=5)
        with contextlib.closing(client):
            client.request("GET", "/health")
            return client.getresponse().status == 200
    return False

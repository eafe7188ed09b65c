"""What toxics of `crashy proxy --toxiproxy` do against what their attributes ask for."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import socketserver
import statistics
import subprocess
import threading
import time
from collections.abc import Iterator
from typing import Any

from benchmarks.environment import ENVIRON, PYTHON, ROOT
from benchmarks.probes import percentile
from benchmarks.servers import free_port
from benchmarks.table import Line, line

ASKS = 50
RUNS = 5


class _Echo(socketserver.BaseRequestHandler):
    """Sends back what comes."""

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError):
            while data := self.request.recv(1 << 16):
                self.request.sendall(data)


class _Echoes(socketserver.ThreadingTCPServer):
    daemon_threads = True


class _Api:
    """A proxy before the echo, by the API on a port."""

    def __init__(self, port: int, upstream: int) -> None:
        self._port = port
        made = self._ask("POST", "/proxies", {"name": "echo", "upstream": f"127.0.0.1:{upstream}"})
        self.port = int(made["listen"].rpartition(":")[2])

    def _ask(self, method: str, path: str, document: Any = None) -> Any:
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)) as asked:
            asked.request(method, path, json.dumps(document), {"Content-Type": "application/json"})
            text = asked.getresponse().read()
        return json.loads(text) if text else None

    @contextlib.contextmanager
    def toxic(self, kind: str, **attributes: int) -> Iterator[None]:
        """Add a toxic to the connections of the body."""
        self._ask("POST", "/proxies/echo/toxics", {"type": kind, "attributes": attributes})
        yield
        self._ask("DELETE", f"/proxies/echo/toxics/{kind}_downstream")


@contextlib.contextmanager
def _client(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield client


def _echoed(client: socket.socket, data: bytes) -> float:
    """Return the milliseconds until all of it is back."""
    sending = threading.Thread(target=client.sendall, args=(data,))
    begin, left = time.perf_counter(), len(data)
    sending.start()
    while left:
        left -= len(client.recv(1 << 16))
    sending.join()
    return 1000 * (time.perf_counter() - begin)


def _until_end(port: int, *, first: bytes = b"", half: bool = False) -> tuple[float, int]:
    """Return the milliseconds until the connection ends, and how many bytes came before."""
    with _client(port) as client:
        begin, size = time.perf_counter(), 0
        client.sendall(first)
        if half:
            client.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionResetError):
            while data := client.recv(1 << 16):
                size += len(data)
        return 1000 * (time.perf_counter() - begin), size


@contextlib.contextmanager
def _serving(port: int) -> Iterator[None]:
    """Run a proxy process with the API on a port, and no proxy yet."""
    words = [PYTHON, "-m", "crashy", "proxy", "--admin-port", "", "--toxiproxy", str(port)]
    process = subprocess.Popen(words, env={**ENVIRON, "LOG_FORMAT": "text"}, cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        for _ in range(500):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.02)
        yield
    finally:
        process.terminate()
        process.wait()


def measure() -> list[Line]:
    """Measure every toxic."""
    port = free_port()
    with _Echoes(("127.0.0.1", 0), _Echo) as echo, _serving(port):
        threading.Thread(target=echo.serve_forever, args=(0.05,), daemon=True).start()
        try:
            return list(_toxics(_Api(port, echo.server_address[1]), echo.server_address[1]))
        finally:
            echo.shutdown()


def _toxics(api: _Api, direct: int) -> Iterator[Line]:
    with _client(direct) as near, _client(api.port) as far:
        _echoed(near, b"x"), _echoed(far, b"x")
        added = [_echoed(far, b"x") - _echoed(near, b"x") for _ in range(10 * ASKS)]
    yield line("no toxic: added, p50", [statistics.median(added)], unit="ms", note=f"p99 {percentile(added, 0.99):.3g}")
    with api.toxic("latency", latency=100), _client(api.port) as client:
        late = [_echoed(client, b"x") for _ in range(ASKS)]
    note = f"p99 {percentile(late, 0.99):.4g}"
    yield line("latency 100 ms: p50", [statistics.median(late)], unit="ms", note=note)
    with api.toxic("latency", latency=100, jitter=50), _client(api.port) as client:
        yield line("latency 100 ms, jitter 50 ms", [_echoed(client, b"x") for _ in range(ASKS)], unit="ms")
    with api.toxic("bandwidth", rate=1000), _client(api.port) as client:
        rates = [500_000 / _echoed(client, bytes(500_000)) for _ in range(RUNS)]
    yield line("bandwidth 1000 KB/s", rates, unit="KB/s")
    with api.toxic("slow_close", delay=500):
        yield line("slow_close 500 ms", [_until_end(api.port, half=True)[0] for _ in range(RUNS)], unit="ms")
    with api.toxic("timeout", timeout=500):
        yield line("timeout 500 ms", [_until_end(api.port, first=b"x")[0] for _ in range(RUNS)], unit="ms")
    with api.toxic("reset_peer", timeout=500):
        yield line("reset_peer 500 ms", [_until_end(api.port, first=b"x")[0] for _ in range(RUNS)], unit="ms")
    with api.toxic("slicer", average_size=100, size_variation=50, delay=10_000), _client(api.port) as client:
        yield line("slicer 10 KB in 100 ± 50, 10 ms", [_echoed(client, bytes(10_000)) for _ in range(RUNS)], unit="ms")
    with api.toxic("limit_data", bytes=1000):
        yield line("limit_data 1000", [_until_end(api.port, first=bytes(5000))[1] for _ in range(RUNS)], unit="bytes")

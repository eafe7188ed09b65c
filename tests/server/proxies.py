"""Real proxies, each in a process of its own, and the servers behind them."""

from __future__ import annotations

import http.server
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.server.running import DEADLINE, Running


class Proxied(Running):
    @classmethod
    def before(cls, upstream: int, *flags: str, **settings: str) -> Proxied:
        return cls.start(settings, "0", f"127.0.0.1:{upstream}", *flags, command="proxy")

    @property
    def port(self) -> int:
        return int(self.line(r"(?:TCP|HTTP) from 127\.0\.0\.1:(\d+) to")[1])

    @property
    def admin_url(self) -> str:
        return f"http://127.0.0.1:{self.admin_port}"

    @property
    def open(self) -> int:
        return sum(one["connections"] for one in self.status["proxy"]["passages"])

    @property
    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = self.admin("GET", "status")
        return found

    @contextmanager
    def connected(self) -> Iterator[socket.socket]:
        with socket.create_connection(("127.0.0.1", self.port), timeout=DEADLINE) as connection:
            yield connection


class _App(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = f"{self.command} {self.path}\n".encode()
        if self.path == "/slow":
            time.sleep(0.5)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
        pass


@contextmanager
def app() -> Iterator[int]:
    """Serve HTTP/1.1 on the port that is given."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _App) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join(DEADLINE)


def ping(connection: socket.socket) -> float:
    """Ask a Redis on an open connection; return how many seconds it took."""
    began = time.monotonic()
    connection.sendall(b"PING\r\n")
    answer = b""
    while not answer.endswith(b"\r\n"):
        more = connection.recv(64)
        if not more:
            raise ConnectionError("closed")
        answer += more
    assert answer == b"+PONG\r\n"
    return time.monotonic() - began

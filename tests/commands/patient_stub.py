"""A stand-in for a patient's admin port: it answers what a test tells it, and keeps what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Stub(ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: dict[str, tuple[int, str, Any]] = {}
        self.requested: list[tuple[str, Any]] = []
        self.tokens: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def answer(self, line: str, value: Any, status: int = 200, kind: str = "application/json") -> None:
        """Answer `METHOD PATH` with a value."""
        self.answers[line] = (status, kind, value)


class _Handler(BaseHTTPRequestHandler):
    server: Stub

    def _serve(self) -> None:
        line = f"{self.command} {self.path}"
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.requested.append((line, json.loads(body) if body else None))
        self.server.tokens.append(self.headers.get("Authorization"))
        status, kind, value = self.server.answers.get(line, (404, "text/plain", "no such page"))
        data = value.encode() if isinstance(value, str) else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_DELETE = _serve  # noqa: N815

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def running() -> Iterator[Stub]:
    with Stub() as stub:
        thread = threading.Thread(target=stub.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield stub
        finally:
            stub.shutdown()
            thread.join()

"""An app that knows nothing of crashy: HTTP on POD_IP:8080, grpc.health.v1 on 9000; each path is answered alike."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

BODY = b"the app's own answer\n"


class App(BaseHTTPRequestHandler):
    """Answers on connections that are kept."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer."""
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
        """Log nothing."""


def main() -> None:
    """Serve until SIGTERM."""
    host = os.environ["POD_IP"]
    servicer = health.HealthServicer()
    for service in ("readiness", "liveness", "startup"):
        servicer.set(service, health_pb2.HealthCheckResponse.SERVING)
    calls = grpc.server(ThreadPoolExecutor(4))
    health_pb2_grpc.add_HealthServicer_to_server(servicer, calls)
    calls.add_insecure_port(f"{host}:9000")
    calls.start()
    app = ThreadingHTTPServer((host, 8080), App)
    Thread(target=app.serve_forever, daemon=True).start()
    signal.sigwait({signal.SIGTERM, signal.SIGINT})


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    main()

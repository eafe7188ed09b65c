"""The traffic loop beside ab, hey and wrk: how much it can send, and whether it tells the truth about failures."""

from __future__ import annotations

import http.server
import json
import re
import shutil
import subprocess
import sys
import threading
import time
from typing import Any

from benchmarks.servers import crashy, serving
from benchmarks.table import Line, line
from crashy.report.terminal import columns

SECONDS = 3


def _crashy(url: str, rate: int, *options: str, seconds: float = SECONDS) -> dict[str, Any]:
    command = [
        sys.executable,
        "-m",
        "crashy",
        "traffic",
        url,
        "--rate",
        str(rate),
        "--duration",
        f"{seconds}s",
        "--json",
    ]
    output = subprocess.run([*command, *options], capture_output=True, text=True, check=True).stdout
    found: dict[str, Any] = json.loads(output)
    return found


def _closed_loop(name: str, command: list[str]) -> Line | None:
    """Return what a tool without a schedule reaches."""
    if not shutil.which(command[0]):
        return None
    out = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    found = re.search(r"Requests(?: per second|/sec):\s+([\d.]+)", out)
    return line(f"{name}: requests/s", [float(found[1])], unit="/s", note="as fast as it goes") if found else None


def measure() -> list[Line]:
    """Ask one patient with every tool that is here, in one run."""
    lines = []
    with serving(crashy(ADMIN_PORT="")) as running:
        url = f"http://127.0.0.1:{running.port}/health"
        for rate, kept in ((1000, False), (2000, False), (5000, True)):
            rates, lags, failed = [], [], 0
            for _ in range(3):
                summary = _crashy(url, rate, *(["--keepalive"] if kept else []))
                rates.append(summary["requests"] / summary["seconds"])
                lags.append(1000 * summary["schedule"]["lag_p99"])
                failed += summary["failures"]
            name = f"crashy traffic --rate {rate}, {'kept' if kept else 'new'} connections"
            least = None if rate == 1000 else 0.99 * rate
            lines += [
                line(f"{name}: requests/s", rates, unit="/s", least=least, note=f"{failed} failed"),
                line(f"{name}: lag p99", lags, unit="ms", most=5 if rate == 1000 else None),
            ]
        for name, command in (
            ("ab -c 10, new", ["ab", "-q", "-c", "10", "-n", "20000", url]),
            ("hey -c 10, new", ["hey", "-disable-keepalive", "-c", "10", "-z", f"{SECONDS}s", url]),
            ("hey -c 10, kept", ["hey", "-c", "10", "-z", f"{SECONDS}s", url]),
            ("wrk -t1 -c10, kept", ["wrk", "-t1", "-c10", f"-d{SECONDS}s", url]),
        ):
            if found := _closed_loop(name, command):
                lines.append(found)
    return lines


def notes() -> list[str]:
    """Return what each tool reports of a server that drops every connection for one second."""
    return ["", "A server that drops every connection for one known second:", columns(truth())]


class _Failing(http.server.ThreadingHTTPServer):
    """Closes every connection unanswered from 1 to 2 s after the first."""

    daemon_threads = True
    request_queue_size = 256
    began = 0.0
    lost = 0


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        """Answer, or not."""
        server = self.server
        assert isinstance(server, _Failing)
        server.began = server.began or time.monotonic()
        if 1 <= time.monotonic() - server.began < 2:
            server.lost += 1
            self.close_connection = True
            return
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Log nothing."""


def truth() -> list[tuple[str, ...]]:
    """Ask a server that fails for one known second, 50 times a second for 3 s; return what each tool says of it."""
    rows: list[tuple[str, ...]] = [("TOOL", "FAILED IN TRUTH", "SAMPLES KEPT OF THEM", "OUTAGE FOUND")]
    for tool in ("crashy traffic", "hey -o csv"):
        with _Failing(("127.0.0.1", 0), _Handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            url = f"http://127.0.0.1:{server.server_address[1]}/"
            if tool == "crashy traffic":
                summary = _crashy(url, 50, seconds=3)
                found = ", ".join(f"{o['start']:.2f}s to {o['end']:.2f}s" for o in summary["outages"])
                rows.append((tool, str(server.lost), str(summary["failures"]), found))
            elif shutil.which("hey"):
                command = ["hey", "-disable-keepalive", "-c", "1", "-q", "50", "-z", "3s", "-o", "csv", url]
                out = subprocess.run(command, capture_output=True, text=True, check=False).stdout
                statuses = [line.split(",")[6] for line in out.splitlines()[1:]]
                rows.append(
                    (
                        tool,
                        str(server.lost),
                        str(sum(status != "200" for status in statuses)),
                        "(it has no such figure)",
                    )
                )
            server.shutdown()
    return rows

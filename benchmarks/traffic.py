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

from benchmarks.servers import CRASHY, serving

SECONDS = 4


def _crashy(url: str, rate: int, *options: str, seconds: float = SECONDS) -> dict[str, object]:
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
    told = subprocess.run([*command, *options], capture_output=True, text=True, check=True).stdout
    found: dict[str, object] = json.loads(told)
    return found


def _line(text: str, pattern: str) -> str:
    found = re.search(pattern, text)
    return found[1] if found else "?"


def throughput() -> list[tuple[str, ...]]:
    """Ask one patient with every tool that is here, in one run; give a table."""
    rows: list[tuple[str, ...]] = [("TOOL", "CONNECTIONS", "ASKED FOR", "REQUESTS/S", "FAILED", "LAG P99")]
    with serving(CRASHY) as (_, port, _took):
        url = f"http://127.0.0.1:{port}/health"
        for kept, rate in ((False, 1000), (False, 2000), (True, 5000)):
            told = _crashy(url, rate, *(["--keepalive"] if kept else []))
            sent = int(str(told["requests"])) / float(str(told["seconds"]))
            schedule = told["schedule"]
            assert isinstance(schedule, dict)
            lag = f"{1000 * schedule['lag_p99']:.1f} ms"
            rows.append(
                ("crashy traffic", "kept" if kept else "new", f"{rate}/s", f"{sent:.0f}", str(told["failures"]), lag)
            )
        for tool, kind, command, pattern in (
            ("ab -c 10", "new", ["ab", "-q", "-c", "10", "-n", "20000", url], r"Requests per second:\s+(\d+)"),
            (
                "hey -c 10",
                "new",
                ["hey", "-disable-keepalive", "-c", "10", "-z", f"{SECONDS}s", url],
                r"Requests/sec:\s+(\d+)",
            ),
            ("hey -c 10", "kept", ["hey", "-c", "10", "-z", f"{SECONDS}s", url], r"Requests/sec:\s+(\d+)"),
            ("wrk -t1 -c10", "kept", ["wrk", "-t1", "-c10", f"-d{SECONDS}s", url], r"Requests/sec:\s+(\d+)"),
        ):
            if shutil.which(command[0]):
                out = subprocess.run(command, capture_output=True, text=True, check=False).stdout
                rows.append((tool, kind, "as fast as it goes", _line(out, pattern), "", "(closed loop)"))
            else:
                rows.append((tool, kind, "", "not on this machine", "", ""))
    return rows


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
        """Say nothing."""


def truth() -> list[tuple[str, ...]]:
    """Ask a server that fails for one known second, 50 times a second for 3 s; give what each tool says of it."""
    rows: list[tuple[str, ...]] = [("TOOL", "FAILED IN TRUTH", "SAMPLES KEPT OF THEM", "OUTAGE FOUND")]
    for tool in ("crashy traffic", "hey -o csv"):
        with _Failing(("127.0.0.1", 0), _Handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            url = f"http://127.0.0.1:{server.server_address[1]}/"
            if tool == "crashy traffic":
                told = _crashy(url, 50, seconds=3)
                outages = told["outages"]
                assert isinstance(outages, list)
                found = ", ".join(f"{o['start']:.2f}s to {o['end']:.2f}s" for o in outages)
                rows.append((tool, str(server.lost), str(told["failures"]), found))
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

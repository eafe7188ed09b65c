"""What a probe feels while users saturate the server, and how exactly a countdown ends."""

from __future__ import annotations

import contextlib
import http.client
import json
import math
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator

from benchmarks.servers import Running, crashy, free_port, serving
from benchmarks.table import Line, line

RUNS = 7
SECONDS = 2.0
EVERY = 0.02
TIMEOUT = 2.0


def percentile(values: list[float], share: float) -> float:
    """Return the nearest-rank percentile."""
    return sorted(values)[max(0, math.ceil(len(values) * share) - 1)]


def ask(port: int, path: str, method: str = "GET", body: str | None = None) -> int:
    """Ask by a new connection, as the kubelet does; return the status."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)) as client:
        client.request(method, path, body, {"User-Agent": "kube-probe/1.36"})
        response = client.getresponse()
        response.read()
        return response.status


def _latencies(port: int, path: str, into: list[float]) -> None:
    """Ask by new connections every 20 ms; a request that is not answered in 2 s counts as 2 s."""
    begin = time.perf_counter()
    for number in range(int(SECONDS / EVERY)):
        time.sleep(max(0.0, begin + number * EVERY - time.perf_counter()))
        sent = time.perf_counter()
        if sent - begin > SECONDS:
            return
        with contextlib.suppress(OSError):
            ask(port, path)
        into.append(1000 * (time.perf_counter() - sent))


@contextlib.contextmanager
def _users(running: Running) -> Iterator[None]:
    """Let 100 users at a time ask for /1 until the block ends."""
    url = f"http://127.0.0.1:{running.port}/1"
    command = ["ab", "-q", "-c", "100", "-n", "10000000", url]
    load = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(0.3)
    try:
        yield
    finally:
        load.kill()
        load.wait()


def _under_load(mode: str) -> list[Line]:
    admin = free_port()
    felt: dict[str, list[list[float]]] = {"data": [], "admin": []}
    with serving(crashy(RNG_MODE=mode, ADMIN_PORT=str(admin))) as running:
        for run in range(RUNS + 1):
            data: list[float] = []
            control: list[float] = []
            with _users(running):
                asking = [
                    threading.Thread(target=_latencies, args=(running.port, "/health", data)),
                    threading.Thread(target=_latencies, args=(admin, "/admin/status", control)),
                ]
                for thread in asking:
                    thread.start()
                for thread in asking:
                    thread.join()
            if run:
                felt["data"].append(data)
                felt["admin"].append(control)
    lines = []
    for port, runs in felt.items():
        most = 10 if port == "admin" else 25 if mode == "async" else None
        name = f"probe under load, RNG_MODE={mode}, {port} port"
        lines += [
            line(f"{name}: p50", [percentile(run, 0.5) for run in runs], unit="ms"),
            line(f"{name}: p99", [percentile(run, 0.99) for run in runs], unit="ms", most=most),
            line(f"{name}: max", [max(run) for run in runs], unit="ms"),
        ]
    return lines


def _countdown(running: Running, admin: int, seconds: float) -> float:
    """Arm an error, send requests until one fails; return the ms between the time set and the first failure."""
    before = time.perf_counter()
    ask(admin, "/admin/faults", "POST", json.dumps({"spec": f"error after={seconds:g}s times=1 clients=kubelet"}))
    armed = (before + time.perf_counter()) / 2
    time.sleep(seconds - 0.01)
    while True:
        sent = time.perf_counter()
        if ask(running.port, "/health") == 500:
            return 1000 * abs((sent + time.perf_counter()) / 2 - armed - seconds)
        if sent - armed > TIMEOUT:  # never felt
            return 1000 * TIMEOUT


def _countdowns(count: int, *, loaded: bool) -> list[Line]:
    admin = free_port()
    with serving(crashy(ADMIN_PORT=str(admin))) as running, _users(running) if loaded else contextlib.nullcontext():
        errors = [_countdown(running, admin, 0.1) for _ in range(count)]
    name = f"countdown error, {'under load' if loaded else 'idle'}"
    return [
        line(f"{name}: p50", [percentile(errors, 0.5)], unit="ms"),
        line(f"{name}: p99 of {count}", [percentile(errors, 0.99)], unit="ms", most=None if loaded else 5),
    ]


def measure() -> list[Line]:
    """Measure all of it; without ab, what needs no load."""
    lines = _countdowns(100, loaded=False)
    if shutil.which("ab"):
        lines += [*_countdowns(50, loaded=True), *_under_load("async"), *_under_load("blocking")]
    return lines

"""Requests a second: `wrk -t1 -c32` on kept connections, `ab -c 10` on new ones; what each of our layers costs."""

from __future__ import annotations

import re
import shutil
import subprocess
from contextlib import ExitStack

from benchmarks.servers import BARE, Running, Server, crashy, peers, serving
from benchmarks.table import Line, against, line

RUNS = 7
VARIANTS = {
    "crashy": crashy(),
    "crashy, access log": crashy(ACCESS_LOG="1"),
    "crashy, metrics": crashy(METRICS="1"),
    "crashy, 100 faults elsewhere": crashy(FAULTS="; ".join(f"error routes=/other/{n}" for n in range(100))),
    "bare, access log": Server([*BARE.command, "log"]),
}


def wrk(running: Running, path: str) -> tuple[float, float]:
    """Return the requests a second, and the CPU microseconds of each."""
    before = running.cpu()
    url = f"http://127.0.0.1:{running.port}{path}"
    out = subprocess.run(["wrk", "-t1", "-c32", "-d1s", url], capture_output=True, text=True, check=True).stdout
    count = int(re.findall(r"(\d+) requests in", out)[0])
    return float(re.findall(r"Requests/sec:\s+([\d.]+)", out)[0]), 1e6 * (running.cpu() - before) / max(count, 1)


def ab(running: Running, path: str) -> float:
    """Return the requests a second, each by a new connection."""
    url = f"http://127.0.0.1:{running.port}{path}"
    out = subprocess.run(["ab", "-q", "-c", "10", "-n", "2000", url], capture_output=True, text=True, check=True).stdout
    return float(re.findall(r"Requests per second:\s+([\d.]+)", out)[0])


def measure() -> list[Line]:
    """Ask all servers in turns."""
    if not shutil.which("wrk"):
        return []
    servers = {**VARIANTS, **peers()}
    rate: dict[str, list[float]] = {name: [] for name in servers}
    cost: dict[str, list[float]] = {name: [] for name in servers}
    more: dict[str, list[float]] = {}
    with ExitStack() as stack:
        running = {name: stack.enter_context(serving(server)) for name, server in servers.items()}
        for run in range(RUNS + 1):
            for name, one in running.items():
                found, spent = wrk(one, "/")
                if run:
                    rate[name].append(found)
                    cost[name].append(spent)
            if run:
                for name, path in (("crashy", "/health"), ("bare", "/health"), ("crashy", "/ready")):
                    more.setdefault(f"{path}, kept: {name}", []).append(wrk(running[name], path)[0])
                urls = [(name, "/health") for name in ("crashy", *peers())]
                urls += [("crashy", "/"), ("bare", "/"), ("crashy", "/ready")]
                for name, path in urls if shutil.which("ab") else ():
                    more.setdefault(f"{path}, new: {name}", []).append(ab(running[name], path))
        memory = {name: one.memory() for name, one in running.items()}
    figure = "requests/s on /, kept"
    return [
        against(figure, rate, "crashy", "bare", least=0.85),
        against("CPU a request on /, kept", cost, "crashy", "bare", note="steadier than requests/s; 1 / 0.85 is 1.18"),
        against(figure, rate, "crashy", "fastapi", least=2),
        against(figure, rate, "crashy", "flask", least=15),
        against(figure, rate, "crashy, access log", "crashy", least=0.80),
        against(figure, rate, "bare, access log", "bare", note="aiohttp's own log, for comparison"),
        against(figure, rate, "crashy, metrics", "crashy", least=0.92),
        against(figure, rate, "crashy, 100 faults elsewhere", "crashy", least=0.95),
        *(against("CPU a request on /, kept", cost, name, "crashy") for name in VARIANTS if "crashy, " in name),
        *(line(f"{figure}: {name}", values, unit="/s") for name, values in rate.items()),
        *(line(f"CPU a request: {name}", values, unit="us") for name, values in cost.items()),
        *(line(f"requests/s on {name}", values, unit="/s") for name, values in more.items()),
        *(line(f"memory after load: {name}", [size], unit="MB") for name, size in memory.items()),
    ]

"""Cold start, from exec to the first 200 on /health; SIGTERM to exit; the memory that the server holds at rest."""

from __future__ import annotations

import time

from benchmarks.servers import FLOOR, crashy, peers, serving
from benchmarks.table import Line, against, line

RUNS = 15


def measure() -> list[Line]:
    """Start each server in turn."""
    servers = {"crashy": crashy(DRAIN_SECONDS="0"), "floor": FLOOR, **peers()}
    starts: dict[str, list[float]] = {name: [] for name in servers}
    work: dict[str, list[float]] = {name: [] for name in servers}
    ends: dict[str, list[float]] = {name: [] for name in servers}
    memory: dict[str, list[float]] = {name: [] for name in servers}
    peaks: dict[str, list[float]] = {name: [] for name in servers}
    faults: dict[str, list[float]] = {name: [] for name in servers}
    for run in range(RUNS + 1):
        for name, server in servers.items():
            with serving(server) as running:
                spent = running.cpu()
                time.sleep(0.05)
                resident = running.memory()
            if run:  # the first warms the machine's caches
                starts[name].append(1000 * running.took)
                work[name].append(1000 * spent)
                ends[name].append(1000 * running.ended)
                memory[name].append(resident)
                peaks[name].append(running.peak)
                faults[name].append(running.faults)
    return [
        against("cold start", starts, "crashy", "bare", most=0.80),
        against("CPU to the first 200", work, "crashy", "bare", note="the same, steadier on a busy machine"),
        against("cold start", starts, "floor", "bare", note="an empty app with the levers of docs/benchmarks.md"),
        against("cold start", starts, "crashy", "flask", note="its own server, which is 0.68 x bare"),
        *(line(f"cold start: {name}", values, unit="ms") for name, values in starts.items()),
        against("memory at rest", memory, "crashy", "bare", most=0.95),
        against("memory at rest", memory, "floor", "bare", note="the same empty app"),
        *(line(f"memory at rest: {name}", values, unit="MB") for name, values in memory.items()),
        *(line(f"maximum resident set: {name}", values, unit="MB") for name, values in peaks.items()),
        *(line(f"page faults: {name}", values, unit="") for name, values in faults.items()),
        *(line(f"SIGTERM to exit: {name}", values, unit="ms") for name, values in ends.items()),
    ]

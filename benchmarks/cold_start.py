"""Cold start: from exec to the first 200 on /health, and the memory that the server then holds."""

from __future__ import annotations

import os
import statistics
from pathlib import Path

from benchmarks.servers import BARE, CRASHY, serving

SERVERS = {"crashy": CRASHY, "bare aiohttp+uvloop": BARE}


def start_once(args: list[str]) -> tuple[float, float]:
    """Start a server and stop it; give the seconds to its first 200 and its resident MB."""
    with serving(args) as (server, _, took):
        pages = int(Path(f"/proc/{server.pid}/statm").read_text().split()[1])
        return took, pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def measure(runs: int = 9) -> list[tuple[str, ...]]:
    """Start each server `runs` times, in turn, after one warm-up; give a table of medians and ratios."""
    results: dict[str, list[tuple[float, float]]] = {name: [] for name in SERVERS}
    for run in range(runs + 1):
        for name, args in SERVERS.items():
            result = start_once(args)
            if run:
                results[name].append(result)
    base = results["bare aiohttp+uvloop"]
    rows: list[tuple[str, ...]] = [("SERVER", "START", "RATIO", "MIN", "MAX", "MEMORY")]
    for name, pairs in results.items():
        ratios = [mine[0] / other[0] for mine, other in zip(pairs, base, strict=True)]
        start = statistics.median(took for took, _ in pairs)
        memory = statistics.median(size for _, size in pairs)
        spread = (statistics.median(ratios), min(ratios), max(ratios))
        rows.append((name, f"{1000 * start:.0f} ms", *(f"{ratio:.2f}" for ratio in spread), f"{memory:.1f} MB"))
    return rows

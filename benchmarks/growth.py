"""Growth: what one more sample of a report, and one more active fault, costs; it stays flat, or the bar shows it."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
import tracemalloc
from functools import partial

from benchmarks.servers import Running, crashy, serving
from benchmarks.table import Line, line
from crashy.faults.active import FaultSet
from crashy.faults.base import parse_spec
from crashy.faults.scope import Request
from crashy.server.answered import answered
from crashy.timeline import Timeline
from crashy.traffic.samples import Sample, Samples
from crashy.traffic.summary import summary

_BARS: list[tuple[str, float, str]] = []


def _samples(count: int) -> tuple[float, float, float]:
    """Return the us a sample of keeping it, its bytes, and the us of the report a sample."""
    tracemalloc.start()
    kept, begin = Samples(), time.process_time()
    for number in range(count):
        kept.append(Sample(number / 10, 0.001, 0.0, 200, f"web-{number % 3}", ""))
    keeping, size = time.process_time() - begin, tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    begin = time.process_time()
    summary(kept, rate=10)
    return 1e6 * keeping / count, size / count, 1e6 * (time.process_time() - begin) / count


def _faults(count: int) -> float:
    """Return the us that a request costs which meets none of so many active faults."""
    import random  # noqa: PLC0415 - for this alone

    faults = FaultSet(time.monotonic, random.Random(7))
    for number in range(count):
        faults.inject(parse_spec(f"error routes=/other{number}"))
    asked, rounds = Request("GET", "/"), 200
    begin = time.process_time()
    for _ in range(rounds):
        faults.on_request(asked)
    return 1e6 * (time.process_time() - begin) / rounds


def _kept(count: int) -> float:
    """Return the bytes of a timeline that keeps 10,000 events, after so many."""
    tracemalloc.start()
    timeline = Timeline(time.monotonic, keep=10_000)
    tell = timeline.promise("request", partial(answered, "web-1"))
    for number in range(count):
        tell("GET", f"/{number}", "users", 200, number / 1e9, "127.0.0.1")
    size = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return size / 1e6


def _patient(running: Running) -> float:
    url = f"http://127.0.0.1:{running.port}/"
    out = subprocess.run(["wrk", "-t1", "-c32", "-d2s", url], capture_output=True, text=True, check=True).stdout
    return float(re.findall(r"Requests/sec:\s+([\d.]+)", out)[0])


def measure() -> list[Line]:
    """Measure what grows, each at several sizes."""
    _BARS.clear()
    lines = []
    for count in (1_000, 10_000, 100_000, 1_000_000):
        keeping, size, report = _samples(count)
        lines += [
            line(f"{count:,} samples: bytes a sample", [size], unit="B"),
            line(f"{count:,} samples: the report a sample", [report], unit="us"),
        ]
        _BARS.append((f"report, {count:,} samples", report, "us a sample"))
        del keeping
    for count in (0, 1, 10, 100, 1000):
        cost = _faults(count)
        lines.append(line(f"{count} active faults: a request", [cost], unit="us"))
        _BARS.append((f"{count} faults", cost / max(count, 1), "us a request and fault"))
    for count in (10_000, 100_000, 1_000_000):
        size = _kept(count)
        lines.append(line(f"a patient's timeline after {count:,} requests", [size], unit="MB"))
        _BARS.append((f"timeline, {count:,} requests", size, "MB"))
    if shutil.which("wrk"):
        with serving(crashy()) as running:
            rested = running.memory()
            for number in (1, 2, 3):
                _patient(running)
                lines.append(line(f"patient's memory, {number * 2} s of wrk", [running.memory()], unit="MB"))
        lines.append(line("patient's memory at rest", [rested], unit="MB"))
    return lines


def notes() -> list[str]:
    """Draw the figures: a bar for each size, longest of its kind full."""
    most: dict[str, float] = {}
    for _, value, unit in _BARS:
        most[unit] = max(most.get(unit, 0.0), value)
    drawn = [f"{name:32} {'#' * round(40 * value / most[unit]):40} {value:.3g} {unit}" for name, value, unit in _BARS]
    return ["", *drawn]

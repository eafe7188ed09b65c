"""What a command costs before it does anything: whole processes, beside `python -c pass`."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from benchmarks.environment import ENVIRON
from benchmarks.probes import ask
from benchmarks.servers import crashy, serving
from benchmarks.table import Line, against

RUNS = 15
CRASHY = str(Path(sys.executable).with_name("crashy"))
THIN = ("inject", "recover", "status", "probe", "event-simulator")


def _took(command: list[str]) -> float:
    begin = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=ENVIRON, check=True)
    return 1000 * (time.perf_counter() - begin)


def measure() -> list[Line]:
    """Run each command in turn."""
    took: dict[str, list[float]] = {}
    with serving(crashy()) as running:
        url = f"http://127.0.0.1:{running.port}/health"
        commands = {
            "python -c pass": [sys.executable, "-c", "pass"],
            "crashy --help": [CRASHY, "--help"],
            **{f"crashy {name} --help": [CRASHY, name, "--help"] for name in THIN},
            "crashy probe --http": [CRASHY, "probe", "--http", url],
        }
        for run in range(RUNS + 1):
            for name, command in commands.items():
                seconds = _took(command)
                if run:
                    took.setdefault(name, []).append(seconds)
            begin = time.perf_counter()
            ask(running.port, "/health")
            if run:
                request = 1000 * (time.perf_counter() - begin)
                took.setdefault("python -c pass + the request", []).append(took["python -c pass"][-1] + request)
    lines = [
        against("whole process", took, name, "python -c pass", most=2.5)
        for name in ("crashy --help", *(f"crashy {name} --help" for name in THIN))
    ]
    return [*lines, against("whole process", took, "crashy probe --http", "python -c pass + the request", most=1.6)]

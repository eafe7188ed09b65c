"""`make bench`: measure, print, and write build/bench/figures.txt and .json. Arguments name the sections to run."""

from __future__ import annotations

import dataclasses
import datetime as dt
import importlib
import json
import signal
import sys
import time

from benchmarks import environment
from benchmarks.table import HEAD, Line
from crashy.report.terminal import columns

SECTIONS = {
    "cold_start": "Cold start and memory (whole processes)",
    "commands": "Commands (whole processes)",
    "throughput": "Requests a second (wrk -t1 -c32, 1 s a run; ab -c 10)",
    "probes": "Probes under users' load (ab -c 100 on /1), and countdowns",
    "traffic": "The traffic loop against one patient, beside ab, hey and wrk",
    "proxy": "crashy proxy beside a bare splice and HAProxy (wrk -t1 -c32, 1 s a run; ab -c 10)",
    "lab": "The lab: scheduling lag, CPU, restart",
    "check": "crashy check on 3,000 files (CPU of a whole process)",
    "toxics": "Toxics of crashy proxy --toxiproxy, against what is asked of them",
    "growth": "Growth",
}


def main(chosen: list[str]) -> int:
    """Run the chosen sections, or all of them."""
    unknown = [name for name in chosen if name not in SECTIONS]
    if unknown:
        print(f"benchmarks: no section {', '.join(unknown)}; there are: {', '.join(SECTIONS)}", file=sys.stderr)
        return 2
    environment.prepare()
    head = {"when": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"), **environment.machine()}
    texts = [*(f"{name}: {value}" for name, value in head.items())]
    texts += [f"skipped: {what}" for what in environment.SKIPPED]
    texts += ["Ratios are of two that ran in turns; the median of the runs, the lowest, the highest."]
    print("\n".join(texts), flush=True)
    figures: dict[str, list[Line]] = {}
    for name in chosen or SECTIONS:
        begin = time.monotonic()
        lines, notes = _measure(name)
        figures[name] = lines
        took = f"{time.monotonic() - begin:.0f} s"
        text = f"\n{SECTIONS[name]} [{name}, {took}]\n{columns([HEAD, *(line.cells() for line in lines)])}"
        texts += [text, *notes]
        print("\n".join([text, *notes]), flush=True)
        document = {"head": head, "figures": {k: [dataclasses.asdict(one) for one in v] for k, v in figures.items()}}
        (environment.BUILD / "figures.txt").write_text("\n".join(texts) + "\n")
        (environment.BUILD / "figures.json").write_text(json.dumps(document, indent=1) + "\n")
    judged = [line for lines in figures.values() for line in lines if line.met is not None]
    print(f"\n{sum(bool(line.met) for line in judged)} of {len(judged)} targets met; written to {environment.BUILD}")
    return 0


def _measure(name: str) -> tuple[list[Line], list[str]]:
    section = importlib.import_module(f"benchmarks.{name}")
    notes: list[str] = []
    try:
        lines: list[Line] = section.measure()
        if hasattr(section, "notes"):
            notes = section.notes()
    except (OSError, RuntimeError) as error:
        return [], [f"not measured: {error}"]
    return lines, notes


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # an exit as any other: what was started is ended
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)

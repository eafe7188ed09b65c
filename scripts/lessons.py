"""Run every lesson of experiments/ in the lab, and on sim where it can be modelled; a line each, an HTML report each.

Then a line for each that ran on both: the same order of reasons, the same restarts, the same moments, or what its file
says of why not. A lesson that fails, or differs, runs once more at the end, alone, and that counts: what is crashy's
own is there again, what was another program's share of this machine is not. The file that the variable RETRIED names
collects the names of those.

usage: python scripts/lessons.py [--at-once N] [FOLDER]     reports go to FOLDER (default build/lessons)
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from crashy.errors import BadInput
from crashy.experiment.model import Experiment
from crashy.experiment.read import read_experiment
from crashy.report.parity import Row, comparable, compare
from crashy.timeline import Event

ROOT = Path(__file__).parent.parent
AT_ONCE = 4  # labs side by side: with many more on two cores, probes of one lab come late because of another's
SECONDS = 0.25  # the most that times of lab and sim may differ
COMPARED = frozenset({"reasons", "times", "restarts", "detect", "recover"})  # the rest is the users' luck
NEEDS = {"11": ("redis-server", "redis-cli", "tini"), "13": ("/proc/self/fd/1",)}  # programs and files


def missing(file: Path) -> list[str]:
    """Return what a lesson needs in the lab and this machine lacks."""
    return [need for need in NEEDS.get(file.name[:2], ()) if not (shutil.which(need) or Path(need).exists())]


async def lesson(experiment: Experiment, engine: str, folder: Path, turn: asyncio.Semaphore) -> bool:
    """Run one lesson on one engine and print its line."""
    html, timeline = (folder / f"{experiment.name}-{engine}.{suffix}" for suffix in ("html", "jsonl"))
    command = [sys.executable, "-m", "crashy", "run", experiment.source, "--on", engine, "--seed", "1"]
    async with turn:
        process = await asyncio.create_subprocess_exec(
            *command,
            *("--json", "--html", str(html), "--timeline", str(timeline)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
    result: dict[str, Any] = json.loads(out) if out.strip() else {"expectations": []}
    seen = "; ".join(f"{e['name']} {e['wanted']}: {e['seen']}" for e in result["expectations"])
    print(f"{'pass' if process.returncode == 0 else 'FAIL'}  {engine:4}{experiment.name:42}{seen}", flush=True)
    if process.returncode:
        print(err.decode(errors="replace"), file=sys.stderr)
    return process.returncode == 0


def parity(
    experiment: Experiment, lab: Sequence[Event], other: Sequence[Event], engine: str = "sim"
) -> tuple[bool, str]:
    """Compare the lab's run of a lesson with another engine's; return whether they agree, and a line that says so."""
    may = experiment.differs.get(engine, {})
    rows = [row for row in compare(comparable(lab), comparable(other), seconds=SECONDS) if row.what in COMPARED]
    wrong = [row for row in rows if row.differs and row.what not in may]
    result = [f"{what}: {why}" for what, why in may.items()]
    times = [abs(row.apart) for row in rows if row.what == "times" and row.apart is not None and "times" not in may]
    if times:
        result.insert(0, f"at most {max(times):.2f}s apart")
    line = "; ".join(map(_difference, wrong)) if wrong else f"as the lab; {'; '.join(result)}"
    return not wrong, line


def _difference(row: Row) -> str:
    return f"{row.what} {row.object}: lab {row.left}, not {row.right}"


async def both(experiment: Experiment, folder: Path, turn: asyncio.Semaphore) -> tuple[bool, bool | None]:
    """Run a lesson wherever it runs; return whether it passes, and whether its runs agree (None: there is only one)."""
    engines = [engine for engine in ("lab", "sim") if engine in experiment.engines]
    passed = all(await asyncio.gather(*(lesson(experiment, engine, folder, turn) for engine in engines)))
    return passed, agree(experiment, folder) if passed and len(engines) == 2 else None


def agree(experiment: Experiment, folder: Path) -> bool:
    """Compare what was written of a lesson's two runs, and print the line; return whether they agree."""
    lab, sim = (_read(folder / f"{experiment.name}-{engine}.jsonl") for engine in ("lab", "sim"))
    same, line = parity(experiment, lab, sim)
    print(f"{'same' if same else 'FAIL':6}sim {experiment.name:42}{line}", flush=True)
    return same


def _note_retry(name: str) -> None:
    print(f"once more: {name}", flush=True)
    if "RETRIED" in os.environ:
        with Path(os.environ["RETRIED"]).open("a") as file:
            file.write(f"lesson {name}\n")


def _read(file: Path) -> list[Event]:
    return [Event.from_json(line) for line in file.read_text().splitlines()]


async def main(folder: Path, at_once: int) -> int:
    """Run them all; 0 if all pass."""
    turn = asyncio.Semaphore(at_once)
    lessons = []
    for file in sorted((ROOT / "experiments").glob("*.yaml")):
        experiment = read_experiment(file)
        if lacks := missing(file):
            print(f"skip  {experiment.name}: not on this machine: {', '.join(lacks)}")
        else:
            lessons.append(experiment)
    lessons.sort(key=lambda one: -one.duration)  # so that no long one is left to run alone at the end
    result = await asyncio.gather(*(both(experiment, folder, turn) for experiment in lessons))
    wrong = []
    for experiment, (passed, same) in zip(lessons, result, strict=True):
        if passed and same is not False:
            continue
        _note_retry(experiment.name)
        if False in await both(experiment, folder, turn):
            wrong.append(experiment.name)
    compared = sum(same is not None for _, same in result)
    print(
        f"{len(lessons)} lessons, {compared} of them compared; wrong: {', '.join(wrong) or 'none'}; reports in {folder}"
    )
    return int(bool(wrong))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "build/lessons")
    parser.add_argument("--at-once", type=int, default=AT_ONCE, metavar="N")
    args = parser.parse_args()
    try:
        args.folder.mkdir(parents=True, exist_ok=True)
        sys.exit(asyncio.run(main(args.folder, args.at_once)))
    except BadInput as error:
        sys.exit("\n".join(error.lines))

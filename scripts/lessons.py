"""Run every lesson of experiments/ in the lab, and on sim where it can be modelled; a line each, an HTML report each.

usage: python scripts/lessons.py [FOLDER]     reports are written to FOLDER (default build/lessons)
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from pathlib import Path
from typing import Any

from crashy.errors import BadInput
from crashy.experiment.model import Experiment
from crashy.experiment.read import read_experiment

ROOT = Path(__file__).parent.parent
AT_ONCE = 4  # labs side by side: more would wait for each other on two cores
NEEDS = {"11": "redis-server"}


async def lesson(experiment: Experiment, engine: str, folder: Path, turn: asyncio.Semaphore) -> bool:
    """Run one lesson on one engine and print its line."""
    html = folder / f"{experiment.name}-{engine}.html"
    command = [sys.executable, "-m", "crashy", "run", experiment.source, "--on", engine, "--seed", "1"]
    async with turn:
        process = await asyncio.create_subprocess_exec(
            *command, "--json", "--html", str(html), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        out, err = await process.communicate()
    told: dict[str, Any] = json.loads(out) if out.strip() else {"expectations": []}
    seen = "; ".join(f"{e['name']} {e['wanted']}: {e['seen']}" for e in told["expectations"])
    print(f"{'pass' if process.returncode == 0 else 'FAIL'}  {engine:4}{experiment.name:42}{seen}", flush=True)
    if process.returncode:
        print(err.decode(errors="replace"), file=sys.stderr)
    return process.returncode == 0


async def main(folder: Path) -> int:
    """Run them all; 0 if all pass."""
    turn = asyncio.Semaphore(AT_ONCE)
    runs = []
    for file in sorted((ROOT / "experiments").glob("*.yaml")):
        experiment = read_experiment(file)
        need = NEEDS.get(file.name[:2])
        if need and not shutil.which(need):
            print(f"skip  {experiment.name}: {need} is not on this machine")
            continue
        runs += [lesson(experiment, engine, folder, turn) for engine in ("lab", "sim") if engine in experiment.engines]
    passed = await asyncio.gather(*runs)
    print(f"{sum(passed)} of {len(passed)} runs passed; reports in {folder}")
    return int(not all(passed))


if __name__ == "__main__":
    try:
        reports = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build/lessons")
        reports.mkdir(parents=True, exist_ok=True)
        sys.exit(asyncio.run(main(reports)))
    except BadInput as error:
        sys.exit("\n".join(error.lines))

"""Run every lesson in the lab, on a cluster and, where it can be modelled, on sim, and say where they differ.

Programs that a lesson needs and this machine lacks, as redis-server, are named, and it doesn't run in the lab.

Each lesson runs --repeat times on each, so that the phase of a probe, which is luck, is taken out by the median. The
cluster is the one that KUBECONFIG names; lab and sim follow the rules of its version.
"""

from __future__ import annotations

import argparse
import asyncio
import copy
import itertools
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lessons import missing

from crashy.errors import BadInput
from crashy.experiment.model import Experiment
from crashy.experiment.read import read_experiment
from crashy.experiment.record import read_record
from crashy.report.parity import ComparableRun, comparable, compare
from crashy.report.typical import typical

ROOT = Path(__file__).parent.parent
SECONDS = 1.5  # a median time may be so far from the cluster's
SUMS = ("detect", "drain", "recover", "outage", "availability")
LEFT_OUT = {"FailedToUpdateEndpointSlices", "FailedToUpdateEndpoint"}  # a controller whose write came second
LATE = 10.0  # seconds before a run's end: what only one side came to then is a matter of how fast its node is


@dataclass(frozen=True, slots=True)
class Plan:
    """What is run: each lesson `repeat` times on each engine, the reports in `folder`."""

    repeat: int
    folder: Path
    extra: dict[str, list[str]]
    """More arguments by engine."""
    no_dns: bool


def without_dns(experiment: Experiment, folder: Path) -> str:
    """Write a lesson's file anew, for a cluster that has no DNS: no pod asks for it, so no kubelet complains."""
    raw = copy.deepcopy(dict(experiment.raw))
    steps = [step.get("apply", []) for step in raw.get("steps", [])]
    for manifest in itertools.chain(raw["manifests"], *steps):
        spec = manifest.get("spec", {})
        pod = spec.get("template", {}).get("spec", spec)
        if "containers" in pod:
            pod["dnsPolicy"] = "Default"
    file = folder / f"{experiment.name}.json"
    file.write_text(json.dumps(raw))
    return str(file)


async def run(experiment: Experiment, engine: str, number: int, plan: Plan) -> ComparableRun | None:
    """Run a lesson once; None, with a line that says why, if the engine failed."""
    timeline = plan.folder / f"{experiment.name}-{engine}-{number}.jsonl"
    file = without_dns(experiment, plan.folder) if plan.no_dns else experiment.source
    command = ["run", file, "--on", engine, "--seed", str(number), "--timeline", str(timeline), "--json"]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "crashy", *command, *plan.extra[engine]),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, err = await process.communicate()
    if process.returncode not in (0, 1):
        print(f"{experiment.name} on {engine}: {err.decode(errors='replace').strip()[-500:]}", file=sys.stderr)
        return None
    with timeline.open(encoding="utf-8") as lines:
        return comparable([event for event in read_record(lines, str(timeline)).events if event.reason not in LEFT_OUT])


async def lesson(
    experiment: Experiment, plan: Plan, turn: asyncio.Semaphore
) -> tuple[Experiment, dict[str, ComparableRun]]:
    """Run a lesson on all its engines, again and again, and return the typical run on each."""

    async def once(engine: str, number: int) -> tuple[str, ComparableRun | None]:
        async with turn:
            return engine, await run(experiment, engine, number, plan)

    engines = [engine for engine in plan.extra if engine in experiment.engines]
    if "lab" in engines and (lacks := missing(Path(experiment.source))):
        print(f"skip  {experiment.name} in the lab: not on this machine: {', '.join(lacks)}", file=sys.stderr)
        engines.remove("lab")
    wanted = [(engine, n) for n in range(1, plan.repeat + 1) for engine in engines]
    finished = await asyncio.gather(*(once(*which) for which in wanted))
    found: dict[str, ComparableRun] = {}
    for engine in ("kube", "lab", "sim"):
        runs = [one for name, one in finished if name == engine and one]
        if runs:
            found[engine] = typical(runs, found.get("kube"))
    print(f"done  {experiment.name}", file=sys.stderr, flush=True)
    return experiment, found


def rows(experiment: Experiment, found: dict[str, ComparableRun]) -> Iterator[str]:
    """Return a line of Markdown for each engine of a lesson: its sums, and what differs from the cluster."""
    for number, (engine, here) in enumerate(found.items()):
        excused = {**experiment.differs.get("kube", {}), **experiment.differs.get(engine, {})}
        share = SECONDS / experiment.duration  # an outage longer by that is an availability lower by this
        against = compare(found["kube"], here, seconds=SECONDS, share=share, late=LATE) if "kube" in found else []
        wrong = [row for row in against if row.differs and row.what != "times" and row.what not in excused]
        differences = "; ".join(f"{row.what} {row.object}: {row.left} → {row.right}" for row in wrong)
        own = compare(here, here)
        sums = [" ".join(row.left for row in own if row.what == what) or "none" for what in SUMS]
        restarts = sum(here.restarts.values())
        verdict = (differences or "none") if "kube" in found and engine != "kube" else ""
        name = "" if number else experiment.name
        yield f"| {name} | {engine} | {' | '.join(sums)} | {restarts} | {verdict} |"


async def main(args: argparse.Namespace) -> int:
    """Run the chosen lessons; 0 if no lesson differs from the cluster."""
    rules = ["--kubernetes", args.kubernetes]
    plan = Plan(args.repeat, args.folder, {"lab": rules, "sim": rules, "kube": args.kube}, args.no_dns)
    args.folder.mkdir(parents=True, exist_ok=True)
    files = sorted((ROOT / "experiments").glob("*.yaml"))
    experiments = [read_experiment(file) for file in files if not args.lessons or file.name.startswith(args.lessons)]
    turn = asyncio.Semaphore(args.at_once)
    differences = await asyncio.gather(*(lesson(one, plan, turn) for one in experiments))
    table = [line for experiment, found in differences for line in rows(experiment, found)]
    print(f"| lesson | engine | {' | '.join(SUMS)} | restarts | differs from the cluster |")
    print("|" + " --- |" * (len(SUMS) + 4))
    print("\n".join(table))
    return int(any(not line.endswith(("| none |", "|  |")) for line in table))


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "lessons", nargs="*", type=str, help="lessons by the begin of their names, as 05 (default: all)"
    )
    parser.add_argument("--repeat", type=int, default=5, metavar="N", help="runs of each on each (default 5)")
    parser.add_argument("--at-once", type=int, default=4, metavar="N", help="runs at the same time (default 4)")
    parser.add_argument("--kubernetes", default="1.20", metavar="VERSION", help="the cluster's rules (default 1.20)")
    parser.add_argument("--folder", type=Path, default=ROOT / "build/parity", help="where the timelines go")
    parser.add_argument(
        "--kube", nargs="*", default=[], metavar="ARG", help="more arguments for the runs on the cluster"
    )
    no_dns = "the cluster has no DNS: else its kubelet's complaints use up the events that it may write for a pod"
    parser.add_argument("--no-dns", action="store_true", help=no_dns)
    args = parser.parse_args()
    args.lessons = tuple(args.lessons)
    return args


if __name__ == "__main__":
    try:
        sys.exit(asyncio.run(main(arguments())))
    except BadInput as error:
        sys.exit("\n".join(error.lines))

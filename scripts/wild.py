"""Run other people's manifests: how many an API server accepts, how many run on sim, and how many `check` can read.

Prints a table for a folder, and below it each file that does not do what its row counts, with the reason. A file counts
as accepted when each of its objects is right by itself and by the rules of those kinds that are known here; the files
that `wild-refused.txt` names (`PATH: reason`, paths as the folder has them) count as refused, whatever is found here.

usage: python scripts/wild.py [--for SECONDS] [--all] FOLDER...
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from crashy.check.files import INVALID, read_sources
from crashy.check.model import findings
from crashy.check.traps import TRAPS
from crashy.clock import VirtualLoop
from crashy.controllers.base import PodView
from crashy.engines.sim import sim
from crashy.engines.sim.plans import program
from crashy.engines.sim.shell import others
from crashy.errors import BadInput
from crashy.experiment.model import Experiment
from crashy.experiment.runner import perform
from crashy.manifest.kustomization import KUSTOMIZATIONS
from crashy.manifest.kustomize import build
from crashy.manifest.load import SUFFIXES, read_file
from crashy.manifest.walk import sources
from crashy.objects.document import Document
from crashy.objects.manifests import Manifests, read, read_object
from crashy.timeline import Timeline

REFUSED = Path(__file__).with_name("wild-refused.txt")
SECONDS = 600.0
TOLD = "told: "
NOT_MANIFESTS = frozenset({"Kustomization", "Component"})  # kustomize's own files


@dataclass
class Tried:
    """What became of one file; an empty reason means that it went well."""

    path: Path
    refused: str = ""
    check: str = ""
    run: str = ""
    unready: str = ""
    seconds: float = 0.0
    kinds: set[str] = field(default_factory=set)


def main(folders: Sequence[Path], seconds: float, *, verbose: bool) -> int:
    """Try every file and print the table."""
    tried = [one for folder in folders for one in _try_folder(folder, seconds)]
    accepted = [one for one in tried if not one.refused]
    told = [one for one in accepted if one.unready.startswith(TOLD)]
    rows = {
        "an API server accepts": (len(accepted), len(tried)),
        f"lab --on sim --for {seconds:g}s runs": (sum(not one.run for one in accepted), len(accepted)),
        "every pod ready without a restart": (sum(not (one.run or one.unready) for one in accepted), len(accepted)),
        "... or not, for a reason that is told": (len(told), len(accepted)),
        "check gives findings or nothing wrong": (sum(not one.check for one in accepted), len(accepted)),
    }
    built = [result for folder in folders for result in _build_folder(folder)]
    rows["kustomizations that need no network build"] = (sum(not error for error in built), len(built))
    for error in filter(None, built):
        print(f"kustomization: {error}")
    for what in ("refused", "run", "unready", "check"):
        _explain(what, tried if what == "refused" else accepted, verbose=verbose)
    for title, (count, of) in rows.items():
        print(f"{title:42}{count:5} of {of:5}{100 * count / max(of, 1):7.1f} %")
    print(f"{'took':42}{sum(one.seconds for one in tried):7.1f} s")
    return 0


def _explain(what: str, tried: Sequence[Tried], *, verbose: bool) -> None:
    reasons = Counter(str(getattr(one, what)).partition("\t")[0] for one in tried if getattr(one, what))
    for reason, count in reasons.most_common(None if verbose else 25):
        print(f"{what}: {count:4}  {reason}")
        if verbose:
            for one in tried:
                if str(getattr(one, what)).partition("\t")[0] == reason:
                    print(f"            {one.path} {str(getattr(one, what)).partition(chr(9))[2]}")


def _try_folder(folder: Path, seconds: float) -> Iterator[Tried]:
    listed = dict(_refused())
    for path in sorted(folder.rglob("*")):
        if path.suffix in SUFFIXES and path.is_file():
            tried = Tried(path)
            began = time.perf_counter()
            _try(tried, seconds)
            name = str(path.relative_to(folder))
            tried.refused = listed.get(name, tried.refused)
            tried.seconds = time.perf_counter() - began
            yield tried


def _build_folder(folder: Path) -> Iterator[str]:
    """Yield the first error of each kustomization below a folder, empty if there is none."""
    for path in sorted(folder.rglob("*")):
        if path.name in KUSTOMIZATIONS and path.is_file():
            found, _ = read_file(path)
            if any(one.object.get("kind") == "Component" for one in found):
                continue  # only others can use it
            _, errors = build(path.parent, read_file)
            if not any(" is not on this machine" in error for error in errors):
                yield errors[0] if errors else ""


def _refused() -> Iterator[tuple[str, str]]:
    for line in REFUSED.read_text().splitlines() if REFUSED.exists() else ():
        if line.strip() and not line.startswith("#"):
            path, _, reason = line.partition(": ")
            yield path, reason


def _try(tried: Tried, seconds: float) -> None:
    documents, errors = read_file(tried.path)
    tried.refused = _short(errors[0]) if errors else _refusal(documents)
    try:
        checked = read_sources(sources([str(tried.path)]))
        findings(TRAPS, checked.targets)
        if wrong := [finding for finding in checked.findings if finding.trap is INVALID]:
            tried.check = _short(f"{wrong[0].place}: {wrong[0].message}")
    except Exception:  # noqa: BLE001 - it is to be counted
        tried.check = _traceback()
    try:
        manifests = read(documents, errors)
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            tried.unready = runner.run(_run(manifests, seconds))
    except BadInput as error:
        tried.run = _short(error.lines[0])
    except Exception:  # noqa: BLE001 - it is to be counted
        tried.run = _traceback()


def _refusal(documents: Sequence[Document]) -> str:
    """Return why an API server accepts these not; empty if it does."""
    for document in documents:
        if document.object.get("kind") in NOT_MANIFESTS:
            return "kustomize's own"
        _, wrong = read_object(document)
        wrong = [error for error in wrong if not (error.path == "kind" and error.kind == "Unsupported value")]
        if wrong:
            return f"{wrong[0].path.partition('[')[0]}: {wrong[0].kind}\t{wrong[0]}"
    return "" if documents else "no object"


async def _run(manifests: Manifests, seconds: float) -> str:
    """Run the manifests for so long; return which pod is not as a healthy app's, and why."""
    timeline = Timeline(asyncio.get_running_loop().time)
    rng = random.Random(1)
    experiment = Experiment("wild", "", manifests, None, seconds, ())
    async with sim.running(timeline, rng=rng) as engine:
        await perform(experiment, engine, timeline, rng=random.Random(1), stop=asyncio.Event())
        for view in engine.pods():
            status = view.status
            restarts = sum(one.restart_count for one in (*status.init_containers, *status.containers))
            if restarts or not (status.ready or status.phase == "Succeeded"):
                waiting = [f"{c.name} {c.reason}" for c in (*status.init_containers, *status.containers) if not c.ready]
                why = _why(view, manifests) or f"{status.phase}, {'restarts' if restarts else 'not ready'}"
                return f"{why}\t{view.pod.name}: {waiting}"
    return ""


def _why(view: PodView, manifests: Manifests) -> str:
    """Return what of its manifest keeps a pod from being ready, and that is told to whoever runs it."""
    template, status = view.pod.template, view.status
    if status.phase == "Pending" and any(line.endswith("the pod waits for it") for line in manifests.warnings):
        return f"{TOLD}waits for a ConfigMap or Secret"
    if template.readiness_gates:
        return f"{TOLD}has readiness gates"
    if any(program(one) and not others(program(one)) for one in template.containers):
        return f"{TOLD}its command ends, or is no server"
    return ""


def _short(line: str) -> str:
    """Return the reason of a line without its place, for counting; the whole line after a tab."""
    parts = line.split(": ")
    return f"{': '.join(parts[2:4] if len(parts) > 3 else parts[1:])}\t{line}"


def _traceback() -> str:
    last = traceback.format_exc().splitlines()
    return f"traceback: {last[-1]}\t{last[-3].strip()}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--for", dest="seconds", type=float, default=SECONDS, metavar="SECONDS")
    parser.add_argument("--all", action="store_true", help="name every file that is not counted")
    args = parser.parse_args()
    missing = [folder for folder in args.folders if not folder.is_dir()]
    if missing:
        print(f"skipped: not here: {', '.join(map(str, missing))}")
        sys.exit(0)
    sys.exit(main(args.folders, args.seconds, verbose=args.all))

"""`crashy run`: run experiments and judge them."""

from __future__ import annotations

import argparse
import asyncio
import random
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import TextIO

from crashy import __version__
from crashy.bundled import lesson
from crashy.clock import VirtualLoop
from crashy.commands import kube
from crashy.commands.arguments import Parser
from crashy.commands.local import add_propagation
from crashy.commands.local import engine as local_engine
from crashy.commands.local import notes as local_notes
from crashy.commands.reports import add_arguments, show
from crashy.commands.versions import AUTO, add_version
from crashy.errors import BadInput, printable
from crashy.experiment.model import ENGINES, Experiment
from crashy.experiment.read import read_experiment
from crashy.experiment.record import KEPT, Record
from crashy.experiment.runner import run
from crashy.kubelet.versions import NEWEST, RANGE
from crashy.report.terminal import WORTH_A_LINE, event_line
from crashy.timeline import Event, Timeline, kinds

DEFAULT_ENGINES = ("lab", "sim")  # those used without --on; a cluster is used only with --on kube
FAILED = 3


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments."""
    parser = Parser("crashy run", description=__doc__, epilog=main.__doc__)
    parser.add_argument("experiments", nargs="+", type=Path, metavar="FILE", help="a file, or a lesson's name")
    parser.add_argument("--on", choices=ENGINES, help="the engine (default: the first that the file allows)")
    parser.add_argument("--seed", type=int, default=None, metavar="N", help="make every random choice repeatable")
    parser.add_argument("--timeline", type=Path, metavar="FILE", help="write everything that happens, as JSON lines")
    parser.add_argument("--quiet", action="store_true", help="print nothing while it runs")
    add_version(parser, auto=True)
    add_propagation(parser)
    kube.add_arguments(parser)
    add_arguments(parser)
    return parser


def main(argv: Sequence[str]) -> int:
    """Run the experiments in turn; exit 0 pass, 1 an expectation failed, 2 bad input, 3 the engine failed."""
    args = parser().parse_args(argv)
    plans = _plans(args)
    kube.refuse(args, [engine for _, engine in plans])
    if args.on == "kube" and args.kubernetes not in {None, AUTO}:
        raise BadInput(
            f"--kubernetes: a cluster has a version of its own: {AUTO}, or leave it out; or run on lab or sim"
        )
    if args.on != "kube" and args.kubernetes == AUTO:
        raise BadInput(f"--kubernetes {AUTO}: only with --on kube; name a version {RANGE}")
    if args.on == "kube" and args.propagation:
        raise BadInput("--propagation: a cluster's proxies take their own time; leave it out, or run on lab or sim")
    if args.timeline and len(plans) > 1:
        raise BadInput("--timeline: holds one run; name one experiment")
    records: list[Record] = []
    failed = False
    with ExitStack() as files:
        file = _open(args.timeline, files)
        for experiment, engine in plans:
            seen: list[Event] = []
            quiet = args.quiet or args.json
            record = _recorder(seen, file, quiet=quiet)
            for text in () if quiet or engine == "kube" else local_notes(engine, experiment):
                _note(text)
            try:
                interrupted = _run(experiment, engine, args, record)
            except BadInput:
                raise
            except Exception as error:  # noqa: BLE001 - however an engine fails, what was seen is reported
                print(f"crashy run: {experiment.name}: the {engine} engine failed: {error!r}", file=sys.stderr)
                interrupted = failed = True
            if seen:
                records.append(Record.of(seen, experiment.source))
            if interrupted:
                break
    missed = show(args, records) if records else 0
    return FAILED if failed else missed


def _open(path: Path | None, files: ExitStack) -> TextIO | None:
    try:
        return files.enter_context(path.open("w")) if path else None
    except OSError as error:
        raise BadInput(f"--timeline: {path}: {error.strerror}") from None


def _plans(args: argparse.Namespace) -> list[tuple[Experiment, str]]:
    """Read every file; raises BadInput with every mistake in any of them."""
    plans: list[tuple[Experiment, str]] = []
    lines: list[str] = []
    for path in args.experiments:
        try:
            experiment = read_experiment(lesson(path))
        except BadInput as error:
            lines += error.lines
            continue
        here = [engine for engine in DEFAULT_ENGINES if engine in experiment.engines]
        engine = args.on or (here[0] if here else "lab")
        if engine not in experiment.engines:
            why = experiment.why_not.get(engine, f"it runs on {', '.join(experiment.engines)}")
            lines.append(f"{path}: does not run on {engine}: {why}")
        plans.append((experiment, engine))
    if lines:
        raise BadInput(*lines)
    return plans


def _recorder(seen: list[Event], file: TextIO | None, *, quiet: bool) -> Callable[[Event], None]:
    """Return what keeps the events that reports need, writes every event to the file, and shows them unless quiet."""

    def record(event: Event) -> None:
        if event.kind in KEPT:
            seen.append(event)
        if file:
            file.write(event.to_json() + "\n")
        if not quiet and event.kind in WORTH_A_LINE:
            sys.stderr.write(f"{event_line(event)}\n")

    return record


def _run(experiment: Experiment, engine: str, args: argparse.Namespace, record: Callable[[Event], None]) -> bool:
    """Run one experiment; return whether it was interrupted. Raises BadInput where its manifests can't be applied."""

    async def main() -> bool:
        loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        rng = random.Random(args.seed)
        profile = args.kubernetes or NEWEST
        begun: kinds.Experiment = {"engine": engine, "seed": args.seed, "version": __version__}
        async with AsyncExitStack() as stack:
            cluster = await stack.enter_async_context(kube.session(experiment, args)) if engine == "kube" else None
            timeline = Timeline(loop.time)  # begins when the cluster is ready: steps are timed from here
            timeline.subscribe(record)
            running = await stack.enter_async_context(
                cluster.running(timeline)
                if cluster
                else local_engine(
                    engine,
                    timeline,
                    rng=rng,
                    profile=profile,
                    note=_note,
                    experiment=experiment,
                    propagation=args.propagation,
                )
            )
            await run(experiment, running, timeline, rng=rng, stop=stop, begun=begun)
        return stop.is_set()

    with asyncio.Runner(loop_factory=VirtualLoop if engine == "sim" else None) as runner:
        return runner.run(main())


def _note(text: str) -> None:
    print(printable(f"note: {text}"), file=sys.stderr)

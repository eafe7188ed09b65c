"""`crashy run`: run experiments and judge them."""

from __future__ import annotations

import argparse
import asyncio
import random
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, ExitStack
from pathlib import Path
from typing import TextIO

from crashy import __version__
from crashy.bundled import lesson
from crashy.client import labs_folder
from crashy.clock import VirtualLoop
from crashy.commands import kube
from crashy.commands.arguments import Parser
from crashy.commands.kubernetes import add_version
from crashy.commands.reports import add_arguments, show
from crashy.engines.base import Engine
from crashy.engines.lab.running import running as lab
from crashy.engines.sim.sim import running as sim
from crashy.errors import BadInput
from crashy.experiment.model import ENGINES, Experiment
from crashy.experiment.read import read_experiment
from crashy.experiment.record import KEPT, Record
from crashy.experiment.runner import run
from crashy.kubelet.versions import NEWEST, Profile
from crashy.report.terminal import WORTH_A_LINE, event_line
from crashy.timeline import Event, Timeline, kinds

AT_HAND = ("lab", "sim")
"""The engines that a file may choose by itself; a cluster is used only where it was asked for."""
FAILED = 3


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments."""
    parser = Parser("crashy run", description=__doc__, epilog=main.__doc__)
    parser.add_argument("experiments", nargs="+", type=Path, metavar="FILE", help="a file, or a lesson's name")
    parser.add_argument("--on", choices=ENGINES, help="the engine (default: the first that the file allows)")
    parser.add_argument("--seed", type=int, default=None, metavar="N", help="make every random choice repeatable")
    parser.add_argument("--timeline", type=Path, metavar="FILE", help="write everything that happens, as JSON lines")
    parser.add_argument("--quiet", action="store_true", help="show nothing while it runs")
    add_version(parser)
    kube.add_arguments(parser)
    add_arguments(parser)
    return parser


def main(argv: Sequence[str]) -> int:
    """Run the experiments in turn; exit 0 pass, 1 an expectation failed, 2 bad input, 3 the engine failed."""
    args = parser().parse_args(argv)
    plans = _plans(args)
    kube.refuse(args, [engine for _, engine in plans])
    if args.on == "kube" and args.kubernetes is not NEWEST:
        raise BadInput("--kubernetes: a cluster has a version of its own; leave it out, or run on lab or sim")
    if args.timeline and len(plans) > 1:
        raise BadInput("--timeline: holds one run; name one experiment")
    records: list[Record] = []
    failed = False
    with ExitStack() as files:
        file = _open(args.timeline, files)
        for experiment, engine in plans:
            seen: list[Event] = []
            told = _Telling(seen, None if args.quiet or args.json else sys.stderr.write, file.write if file else None)
            try:
                interrupted = _run(experiment, engine, args, told)
            except BadInput:
                raise
            except Exception as error:  # noqa: BLE001 - whatever an engine dies of, what was seen is reported
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
    """Read every file; raises BadInput with all that is wrong with any of them."""
    plans: list[tuple[Experiment, str]] = []
    lines: list[str] = []
    for path in args.experiments:
        try:
            experiment = read_experiment(lesson(path))
        except BadInput as error:
            lines += error.lines
            continue
        here = [engine for engine in AT_HAND if engine in experiment.engines]
        engine = args.on or (here[0] if here else "lab")
        if engine not in experiment.engines:
            why = experiment.why_not.get(engine, f"it runs on {', '.join(experiment.engines)}")
            lines.append(f"{path}: does not run on {engine}: {why}")
        plans.append((experiment, engine))
    if lines:
        raise BadInput(*lines)
    return plans


class _Telling:
    """Keeps the events that reports are made of, and passes each on to whoever wants lines."""

    def __init__(
        self, seen: list[Event], show: Callable[[str], object] | None, write: Callable[[str], object] | None
    ) -> None:
        self._seen = seen
        self._show = show
        self._write = write

    def __call__(self, event: Event) -> None:
        if event.kind in KEPT:
            self._seen.append(event)
        if self._write:
            self._write(event.to_json() + "\n")
        if self._show and event.kind in WORTH_A_LINE:
            self._show(f"{event_line(event)}\n")


def _run(experiment: Experiment, engine: str, args: argparse.Namespace, told: _Telling) -> bool:
    """Run one experiment; return whether it was interrupted. Raises BadInput where its manifests can't be applied."""

    async def main() -> bool:
        loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        rng = random.Random(args.seed)
        begun: kinds.Experiment = {"engine": engine, "seed": args.seed, "version": __version__}
        async with AsyncExitStack() as stack:
            cluster = await stack.enter_async_context(kube.session(experiment, args)) if engine == "kube" else None
            timeline = Timeline(loop.time)  # begins when the cluster is ready: steps are timed from here
            timeline.subscribe(told)
            started = cluster.running(timeline) if cluster else _engine(engine, timeline, rng, args.kubernetes)
            running = await stack.enter_async_context(started)
            await run(experiment, running, timeline, rng=rng, stop=stop, begun=begun)
        return stop.is_set()

    with asyncio.Runner(loop_factory=VirtualLoop if engine == "sim" else None) as runner:
        return runner.run(main())


def _engine(name: str, timeline: Timeline, rng: random.Random, profile: Profile) -> AbstractAsyncContextManager[Engine]:
    if name == "sim":
        return sim(timeline, rng=rng, profile=profile)
    return lab(timeline, labs=labs_folder(), note=_note, rng=rng, profile=profile)


def _note(text: str) -> None:
    print(f"note: {text}", file=sys.stderr)

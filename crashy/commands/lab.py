"""`crashy lab`: run manifests on this machine."""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

from crashy.bundled import locate
from crashy.clock import VirtualLoop
from crashy.commands import lab_ctl
from crashy.commands.arguments import Parser, duration, number
from crashy.commands.lab_experiment import experiment
from crashy.commands.lab_watch import Watch
from crashy.commands.local import add_propagation, engine
from crashy.commands.local import notes as local_notes
from crashy.commands.output import Output
from crashy.commands.versions import add_version
from crashy.engines.base import Engine
from crashy.engines.lab.keyboard import Keyboard, listens, restorer
from crashy.engines.lab.lab import LabEngine
from crashy.engines.lab.notes import notes
from crashy.engines.lab.view import PlainView
from crashy.errors import BadInput, printable
from crashy.experiment.model import Experiment
from crashy.experiment.runner import perform
from crashy.manifest.load import gather
from crashy.objects.manifests import read
from crashy.report.results import KINDS
from crashy.report.terminal import summary
from crashy.timeline import Event, Timeline, kinds

HIGHEST_RATE = 1000.0
STDIN = 0
SHOW_CURSOR = b"\x1b[?25h\r\n"  # and leave the live view's last line
_EXAMPLES = """\
examples:
  crashy lab manifests/webapp
  crashy lab manifests/demo --traffic web --at '8s any crash' --at '20s any freeze' --for 45s
  crashy lab --on sim manifests/demo --for 24h --at '1h any freeze' --seed 7
  crashy lab --watch app.yaml
  crashy lab --json app.yaml | jq 'select(.kind == "event")'

crashy lab ctl --help shows how to control a running lab.
Ctrl-C ends the lab and every process it has started; a second Ctrl-C ends it at once.
"""


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments."""
    parser = Parser(
        "crashy lab",
        description="Run manifests (workloads of every kind, Pods, Services) on this machine: pods are processes "
        "on loopback addresses, probed, killed and restarted as the kubelet does it.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("manifests", nargs="+", metavar="MANIFEST", help="a file, a folder, or - for standard input")
    add("--for", dest="seconds", type=duration, metavar="TIME", help="end after this time (90s, 1m30s)")
    on = "lab (default): processes of this machine; sim: modelled containers on a virtual clock, hours in moments"
    add("--on", choices=("lab", "sim"), default="lab", metavar="lab|sim", help=on)
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--json", action="store_true", help="print the timeline as JSON lines, nothing else")
    how.add_argument(
        "--plain", action="store_true", help="print a line for each change (the default without a terminal)"
    )
    add("--traffic", metavar="SERVICE[:PORT][/PATH]", help="send requests to a Service once it has an endpoint")
    rate = number(f"above 0, at most {HIGHEST_RATE:g}", 0, HIGHEST_RATE)
    add("--rate", type=rate, default=10.0, metavar="N", help="requests a second (default 10)")
    at = "inject a fault; TARGET: the start of a pod's name, any, all, '2 of app=web' or service/NAME; repeatable"
    add("--at", action="append", default=[], metavar="'TIME TARGET FAULT'", help=at)
    add(
        "--image-command",
        action="append",
        default=[],
        metavar="'IMAGE=COMMAND'",
        help="the command that an image is on this machine, as 'nginx=python3 -m http.server 80'; --on sim has "
        "stand-ins only; repeatable",
    )
    add("--image-commands", type=Path, metavar="FILE", help="a file of such lines; # begins a comment")
    add_version(parser)
    add_propagation(parser)
    add("--watch", action="store_true", help="apply the manifests again whenever their files change")
    add("--seed", type=int, metavar="N", help="make every random choice of the lab repeatable")
    return parser


def main(argv: Sequence[str]) -> int:
    """Run the lab to its end; exit 0, or 2 for bad input, before anything has started."""
    if argv[:1] == ["ctl"]:
        return lab_ctl.main(argv[1:])
    args = parser().parse_args(argv)
    if args.on == "sim" and args.seconds is None:
        raise BadInput("--on sim: needs --for: on a virtual clock nobody could end it in time")
    if args.on == "sim" and args.watch:
        raise BadInput("--watch: only with --on lab: on a virtual clock nobody could edit a file in time")
    manifest_paths = locate(args.manifests)
    watch = Watch(manifest_paths) if args.watch else None
    documents, errors = gather(manifest_paths, sys.stdin.buffer)
    described = experiment(args, read(documents, errors))
    with asyncio.Runner(loop_factory=VirtualLoop if args.on == "sim" else None) as runner:
        return runner.run(_run(args, described, watch))


def _print_error(line: str) -> None:
    print(printable(f"crashy lab: {line}"), file=sys.stderr, flush=True)


def _note(text: str) -> None:
    _print_error(f"note: {text}")


class _Speed:
    """Measures the speed of a sim from now on: pod-hours on the timeline against wall-clock and CPU time."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._wall = time.perf_counter()
        self._cpu = time.process_time()
        self._pods = 0
        self._since = 0.0
        self._pod_seconds = 0.0
        timeline.subscribe(self._count)

    def _count(self, event: Event) -> None:
        if event.reason == "Scheduled":
            self._advance(event.t, 1)
        elif event.kind == kinds.POD and event.reason == "Deleted":
            self._advance(event.t, -1)

    def _advance(self, now: float, change: int) -> None:
        self._pod_seconds += self._pods * (now - self._since)
        self._since = now
        self._pods += change

    def text(self) -> str:
        """Return the measurement as a line."""
        self._advance(self._timeline.now(), 0)
        wall, cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu
        hours = self._pod_seconds / 3600
        return (
            f"{self._since / 3600:.2f} h passed in {wall:.1f} s: {hours:.1f} pod-hours, "
            f"{hours / cpu:.1f} for each second of CPU time"
        )


async def _run(args: argparse.Namespace, experiment: Experiment, watch: Watch | None) -> int:
    stop = asyncio.Event()
    _end_on_signals(stop)
    timeline = Timeline(asyncio.get_running_loop().time)
    rng = random.Random(args.seed)
    output = Output(stop)
    seen: list[Event] = []
    manifests = experiment.manifests
    if experiment.steps:
        timeline.subscribe(lambda event: seen.append(event) if event.kind in KINDS else None)
    modelled = args.on == "sim"
    for text in (
        *manifests.warnings,
        *local_notes(args.on, experiment),
        *(() if modelled else notes(manifests)),
    ):
        _note(text)
    speed = _Speed(timeline)
    started = engine(
        args.on,
        timeline,
        rng=rng,
        profile=args.kubernetes,
        note=_note,
        experiment=experiment,
        propagation=args.propagation,
    )
    async with started as lab, _shown(args, lab, timeline, output, stop):
        edits = watch.run(lab, manifests.documents, _print_error) if watch and isinstance(lab, LabEngine) else None
        watching = asyncio.create_task(edits) if edits else None
        await perform(experiment, lab, timeline, rng=random.Random(args.seed), stop=stop)
        stop.set()
        if watching and not watching.cancel():
            await watching  # it has failed: raise its error
        kinds.LAB.add(timeline.add, "lab", "lab", "Ending")
    if experiment.steps and not args.json:
        output("\n" + summary(seen))
    if modelled:
        _note(speed.text())
    if output.error:
        raise output.error
    return 0


@asynccontextmanager
async def _shown(
    args: argparse.Namespace, lab: Engine, timeline: Timeline, output: Callable[[str], None], stop: asyncio.Event
) -> AsyncIterator[None]:
    """Show the timeline as the options say; the live view's key for quitting sets `stop`."""
    if args.json:
        timeline.subscribe(lambda event: output(event.to_json()))
        yield
    elif args.plain or not isinstance(lab, LabEngine) or not sys.stdout.isatty():
        timeline.subscribe(PlainView(lab, output))
        yield
    else:
        from rich.console import Console  # noqa: PLC0415 - only a terminal pays for it

        from crashy.engines.lab.live import LiveView  # noqa: PLC0415
        from crashy.engines.lab.steering import Steering  # noqa: PLC0415

        steering = Steering(lab, stop.set) if listens(STDIN) else None
        view = LiveView(lab, timeline, Console(), steering)
        timeline.subscribe(view)
        with ExitStack() as shown:
            if steering:
                keyboard = Keyboard(STDIN, steering.press)
                shown.callback(keyboard.stop)
                keyboard.start()
            shown.callback(view.stop)
            view.start()
            yield


def _end_on_signals(stop: asyncio.Event) -> None:
    """End on the first signal; on the second exit at once, and leave the cleaning up to the warden."""
    restore = restorer(STDIN)

    def end() -> None:
        if stop.is_set():
            restore()
            if sys.stdout.isatty():
                os.write(sys.stdout.fileno(), SHOW_CURSOR)
            os._exit(130)
        stop.set()

    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(signum, end)

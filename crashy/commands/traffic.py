"""`crashy traffic`: send requests on a fixed schedule, keep every response, report what users saw."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Sequence
from typing import Any

from crashy.commands.arguments import Parser, duration, number, whole
from crashy.commands.output import Output
from crashy.commands.traffic_views import CSV_HEAD, LiveLine, csv_line, curl_test_line, report
from crashy.errors import BadInput
from crashy.traffic.request import KeptConnections, Target, ask
from crashy.traffic.sampler import sample
from crashy.traffic.samples import Sample, Samples
from crashy.traffic.summary import summary

HIGHEST_RATE = 100_000.0
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments."""
    parser = Parser(
        "crashy traffic",
        description="Send requests on a fixed schedule, whatever happens to the earlier ones, and report what users "
        "saw: availability, outages, latency from the scheduled time, each pod's share.",
        epilog="Ends with --duration, --count or Ctrl-C. Exit 0; 1 when --min-availability or --max-outage is missed; "
        "2 for bad input.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("url", metavar="URL", help="http://HOST[:PORT][/PATH]")
    rate = number("above 0, at most 100000", 0, HIGHEST_RATE)
    add("--rate", type=rate, default=10.0, metavar="N", help="requests a second (default 10)")
    add("--duration", type=duration, metavar="TIME", help="end after this time (30s, 5m)")
    add("--count", type=whole(1), metavar="N", help="end after N requests")
    add("--timeout", type=duration, default=2.0, metavar="TIME", help="the deadline of one request (default 2s)")
    add("--path", metavar="PATH", help="request this path of the URL's server")
    add("--method", type=str.upper, choices=_METHODS, default="GET", help="the HTTP method (default GET)")
    add("--header", action="append", default=[], metavar="'NAME: VALUE'", help="send this header too; repeatable")
    kept = "keep connections, and so stay on a pod that is no longer ready (default: one a request, as curl)"
    add("--keepalive", action="store_true", help=kept)
    ends = "an outage ends with the first of N successes in a row (default 1)"
    add("--successes", type=whole(1), default=1, metavar="N", help=ends)
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--lines", action="store_true", help="print a line for each request, as the labs' curl-test.sh")
    how.add_argument("--json", action="store_true", help="print one JSON document at the end, nothing else")
    how.add_argument("--csv", action="store_true", help="print every sample as CSV")
    add("--min-availability", type=number("from 0 to 1", -1e-9, 1), metavar="SHARE", help="exit 1 below it (0.99)")
    add("--max-outage", type=duration, metavar="TIME", help="exit 1 when an outage was longer (5s)")
    return parser


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name or any(c.isspace() for c in name):
        raise BadInput(f"--header: {text!r}: must be 'NAME: VALUE'")
    return name, value.strip()


def main(argv: Sequence[str]) -> int:
    """Send requests until the end and print the report; exit as the usage says."""
    args = parser().parse_args(argv)
    headers = tuple(_header(text) for text in args.header)
    url = args.url if "://" in args.url else f"http://{args.url}"
    if args.path is not None:
        if not args.path.startswith("/"):
            raise BadInput(f"--path: {args.path!r}: must begin with /")
        url = "/".join(url.split("/")[:3]) + args.path
    target = Target.of(url, method=args.method, headers=headers, keepalive=args.keepalive)
    samples = Samples()
    unwritable = asyncio.run(_run(args, target, samples))
    totals = summary(samples, rate=args.rate, successes=args.successes)
    if args.json:
        print(json.dumps(totals))
    elif not args.csv:
        print(report(totals), file=sys.stderr if args.lines else sys.stdout)
    if unwritable:
        raise unwritable
    return int(_missed(args, totals))


def _missed(args: argparse.Namespace, totals: dict[str, Any]) -> bool:
    longest = max((outage["seconds"] for outage in totals["outages"]), default=0.0)
    missed = []
    if args.min_availability is not None and totals["availability"] < args.min_availability:
        missed.append(f"availability {totals['availability']:.4f} is below {args.min_availability:g}")
    if args.max_outage is not None and longest > args.max_outage:
        missed.append(f"an outage of {longest:.2f}s is longer than {args.max_outage:g}s")
    for text in missed:
        print(f"crashy traffic: {text}", file=sys.stderr)
    return bool(missed)


async def _run(args: argparse.Namespace, target: Target, samples: Samples) -> OSError | None:
    """Send requests until the end; return the error of the output, if it failed."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(signum, stop.set)
    live = LiveLine(sys.stderr) if sys.stderr.isatty() and not (args.lines or args.csv) else None
    out = Output(stop)
    if args.csv:
        out(CSV_HEAD)

    def record(one: Sample) -> None:
        samples.append(one)
        if args.lines:
            out(curl_test_line(one))
        elif args.csv:
            out(csv_line(one))
        elif live:
            live.add(one, loop.time())

    kept = KeptConnections(target) if args.keepalive else None
    count = args.count
    if args.duration is not None:
        due = max(1, round(args.duration * args.rate))
        count = due if count is None else min(count, due)
    try:
        await sample(
            (lambda: kept.ask(args.timeout)) if kept else (lambda: ask(target, args.timeout)),
            record,
            rate=args.rate,
            count=count,
            stop=stop,
        )
    finally:
        if kept:
            kept.close()
        if live:
            live.clear()
    return out.error

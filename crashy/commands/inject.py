"""`crashy inject`: inject faults into a patient, a proxy, or any pod or ExternalName Service of a running lab."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Sequence

from crashy.client import Client
from crashy.commands.targets import add_arguments, for_each
from crashy.errors import BadInput

_EXAMPLES = """\
examples:
  crashy inject freeze for=10s
  crashy inject 'error code=503 p=0.3' latency delay=200ms
  crashy inject crash --pod any
  crashy inject latency delay=2s --service db
  crashy inject 'latency delay=200ms via=outside' --pod web --container app
"""


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments."""
    parser = argparse.ArgumentParser(
        "crashy inject",
        description=__doc__,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "spec", nargs="+", metavar="SPEC", help="a fault spec: a fault's name, then its parameters as KEY=VALUE"
    )
    add_arguments(parser)
    parser.add_argument(
        "--container",
        default="",
        metavar="NAME",
        help="with --pod: which container (default: the patient, or the first)",
    )
    return parser


def main(argv: Sequence[str]) -> int:
    """Inject each fault in turn and print its id and spec; see `for_each` for the exit code."""
    args = parser().parse_args(argv)
    specs = join_words(args.spec)
    if args.container and not args.pod:
        raise BadInput("--container: only with --pod")
    where = {"container": args.container} if args.container else {}
    through_lab = bool(args.container) or any(re.search(r"\svia=", spec) for spec in specs)

    def act(client: Client) -> None:
        for spec in specs:
            fault = client.request("POST", "/admin/faults", {"spec": spec, **where})
            print(f"{client.name}: " if client.name else "", f"{fault['id']} {fault['spec']}", sep="")

    faults = {"specs": specs, "container": args.container}
    return for_each("inject", args, act, faults=faults, through_lab=through_lab)


def join_words(words: Sequence[str]) -> list[str]:
    """Return the specs in command-line words: a lone KEY=VALUE, as in `freeze for=10s`, belongs to the fault before."""
    specs: list[str] = []
    for word in words:
        if specs and re.match(r"[\w-]+=", word):
            key, _, value = word.partition("=")
            specs[-1] += f" {key}={shlex.quote(value)}"
        else:
            specs.append(word)
    return specs

"""`crashy recover`: take faults back."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from crashy.client import Client
from crashy.commands.targets import add_arguments, for_each


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments."""
    parser = argparse.ArgumentParser("crashy recover", description=__doc__)
    parser.add_argument(
        "which",
        nargs="?",
        metavar="FAULT",
        help="a fault's id, as crashy inject printed it, or its name (default: all)",
    )
    add_arguments(parser)
    return parser


def main(argv: Sequence[str]) -> int:
    """Take back one fault, those of one name, or all, and print each; see `for_each` for the exit code."""
    args = parser().parse_args(argv)
    is_id = args.which and args.which[:1] == "f" and args.which[1:].isdecimal()
    body = {"id" if is_id else "fault": args.which} if args.which else {}

    def act(client: Client) -> None:
        recovered = client.request("POST", "/admin/recover", body)["recovered"]
        name = f"{client.name}: " if client.name else ""
        for fault in recovered:
            print(f"{name}recovered {fault['id']} {fault['spec']}")
        if not recovered:
            print(f"{name}nothing to recover")

    return for_each("recover", args, act)

"""Which patients a command means: its options `--url`, `--pod` and `--token`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable

from crashy.client import DEFAULT_URL, Client, UnreachableError, find
from crashy.errors import BadInput


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which patient is meant."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--url", help=f"where the patient's admin API is (default {DEFAULT_URL})")
    which.add_argument(
        "--pod",
        metavar="NAME",
        help="a pod of a running lab: its name, how its name begins, any (by chance, a ready one), all, '2 of app=web'",
    )
    parser.add_argument("--token", help="the patient's ADMIN_TOKEN (default: the variable of that name)")


def for_each(command: str, args: argparse.Namespace, act: Callable[[Client], None]) -> int:
    """Act on every patient that is meant, on the rest even where one fails; return the exit code.

    0 when all did as asked, 1 when one could not be reached, 2 when one refused; each failure is a line on
    standard error.
    """
    code = 0
    try:
        clients = find(args.url, args.pod, args.token or os.environ.get("ADMIN_TOKEN"))
    except UnreachableError as error:
        print(f"crashy {command}: {error}", file=sys.stderr)
        return 1
    for client in clients:
        try:
            act(client)
        except UnreachableError as error:
            print(f"crashy {command}: {error}", file=sys.stderr)
            code = max(code, 1)
        except BadInput as error:
            print(f"crashy {command}: {error}", file=sys.stderr)
            code = 2
    return code

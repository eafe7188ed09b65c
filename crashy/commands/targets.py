"""The options that select patients: `--url`, `--pod`, `--service` and `--token`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

from crashy.client import DEFAULT_URL, Client, UnreachableError, find, find_service
from crashy.errors import BadInput


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that select patients."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--url", help=f"the patient's admin API (default {DEFAULT_URL})")
    which.add_argument(
        "--pod",
        metavar="NAME",
        help="a pod of a running lab: its name or the start of it, any (a random ready one), all, '2 of app=web'",
    )
    which.add_argument("--service", metavar="NAME", help="an ExternalName Service of a running lab: its proxy")
    parser.add_argument("--token", help="the patient's ADMIN_TOKEN (default: the variable of that name)")


def for_each(
    command: str,
    args: argparse.Namespace,
    act: Callable[[Client], None],
    *,
    faults: Mapping[str, Any] | None = None,
    through_lab: bool = False,
) -> int:
    """Act on every selected patient, even after one fails; print each failure and return the exit code.

    0 when all succeeded, 1 when one could not be reached, 2 when one refused. The options are as for `find`.
    """
    code = 0
    try:
        token = args.token or os.environ.get("ADMIN_TOKEN")
        if args.service:
            clients = [find_service(args.service)]
        else:
            clients = find(args.url, args.pod, token, faults=faults, through_lab=through_lab)
    except UnreachableError as error:
        print(f"crashy {command}: {error}", file=sys.stderr)
        return 1
    for client in clients:
        try:
            act(client)
        except (UnreachableError, BadInput) as error:
            print(f"crashy {command}: {error}", file=sys.stderr)
            code = max(code, 2 if isinstance(error, BadInput) else 1)
    return code

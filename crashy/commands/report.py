"""`crashy report`: write the reports of a run again from its timeline."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from crashy.commands.arguments import Parser
from crashy.commands.reports import add_arguments, show
from crashy.errors import BadInput
from crashy.experiment.record import Record, read_record


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments."""
    parser = Parser("crashy report", description=__doc__)
    parser.add_argument("timelines", nargs="+", type=Path, metavar="TIMELINE", help="what crashy run --timeline wrote")
    add_arguments(parser)
    return parser


def main(argv: Sequence[str]) -> int:
    """Show the runs of these timelines; exit 0 if every expectation passed, 1 if not, 2 for bad input."""
    args = parser().parse_args(argv)
    return show(args, [_read(file) for file in args.timelines])


def _read(file: Path) -> Record:
    try:
        with file.open(encoding="utf-8") as lines:
            return read_record(lines, str(file))
    except OSError as error:
        raise BadInput(f"{file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadInput(f"{file}: is not text") from None

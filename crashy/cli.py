"""The `crashy` command: a table of commands, each imported only when it is chosen."""

from __future__ import annotations

import errno
import os
import sys

from crashy import __version__
from crashy.commands import APPS, COMMANDS

TYPE_CHECKING = False  # importing typing would cost a small command a third of its time
if TYPE_CHECKING:
    from collections.abc import Sequence

UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def usage() -> str:
    """Return the text of `crashy --help`."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:{width}}  {text}" for name, (_, text) in COMMANDS.items()]
    return "\n".join(
        [
            "usage: crashy COMMAND [ARG ...]",
            "",
            "The server that people crash on purpose, and the laboratory that shows what happens next.",
            "",
            *lines,
            "",
            f"As an image of theirs, with its flags: crashy {'|'.join(APPS)} [ARG ...]; a link of that name does too.",
            "crashy COMMAND --help shows its options; crashy --version prints the version.",
        ]
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 when it succeeded, 2 for bad input."""
    args = list(sys.argv[1:] if argv is None else argv)
    if argv is None and (name := sys.argv[0].rpartition("/")[2]) in (*APPS, "podcli"):
        args = [name, *args]
    if sys.stdout is None:  # it was closed at the start (>&-)
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - open to the end; pathlib would cost
    try:
        try:
            return _run(args)
        finally:
            sys.stdout.flush()  # here, where a failure can still be reported
    except KeyboardInterrupt:  # those that run for long take SIGINT themselves once they have been imported
        return 130
    except BrokenPipeError:  # the reader (head, less) has gone
        _drop_output()
        return 141
    except OSError as error:
        if error.errno not in UNWRITABLE:
            raise
        _drop_output()
        print(f"crashy{f' {args[0]}' if args else ''}: can't write the output: {error.strerror}", file=sys.stderr)
        return 2


def _run(args: list[str]) -> int:
    if not args:
        print(usage(), file=sys.stderr)
        return 2
    if args[0] in ("-h", "--help", "help"):
        print(usage())
        return 0
    if args[0] in ("-V", "--version"):
        print(f"crashy {__version__}")
        return 0
    name = args[0].rpartition("/")[2]  # the path of a link too: args may name it so
    if name in APPS:
        args = [name, *args[1:]]
    elif args[0] not in COMMANDS:
        print(f"crashy: no command {args[0]!r}; there are: {', '.join(COMMANDS)}", file=sys.stderr)
        return 2
    from importlib import import_module

    from crashy.errors import BadInput, printable

    try:
        if name in APPS:
            return int(import_module("crashy.commands.persona").main(args))
        return int(import_module(COMMANDS[args[0]][0]).main(args[1:]))
    except BadInput as error:
        for line in error.lines:
            print(printable(f"crashy {args[0]}: {line}"), file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:  # a folder that the container image leaves out, or a package of an extra
        print(
            f"crashy {args[0]}: needs {error.name}, which is not installed: pip install 'crashy[lab]'", file=sys.stderr
        )
        return 2


def _drop_output() -> None:
    """Discard what is still buffered: Python writes it once more at exit, and would fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

"""`crashy completion`: write a shell's completion script, from the parsers that --help uses."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib import import_module

from crashy.commands import COMMANDS
from crashy.commands.arguments import Parser
from crashy.errors import BadInput

SHELLS = ("bash", "zsh", "fish")
FILES = frozenset({"FILE", "FOLDER", "MANIFEST", "TIMELINE"})
_EXAMPLES = """\
examples:
  source <(crashy completion bash)                                       # this shell, and in ~/.bashrc each one
  crashy completion zsh > "${fpath[1]}/_crashy"
  crashy completion fish > ~/.config/fish/completions/crashy.fish
"""


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments."""
    made = Parser(
        "crashy completion",
        description="Write the script by which a shell completes crashy's commands and options.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("shell", choices=SHELLS, help="the shell that reads it")
    return made


def main(argv: Sequence[str]) -> int:
    """Print the script; exit 2 where shtab, which writes it, is not installed."""
    shell = parser().parse_args(argv).shell
    try:
        shtab = import_module("shtab")
    except ModuleNotFoundError:
        raise BadInput("completion scripts are written by shtab: pip install 'crashy[lab]'") from None
    whole = everything()
    _complete_files(whole, shtab.FILE)
    print(shtab.complete(whole, shell))
    return 0


def everything() -> argparse.ArgumentParser:
    """Return one parser of all commands, each with its own arguments."""
    whole = argparse.ArgumentParser("crashy", description="The server to crash, and its laboratory.")
    whole.add_argument("-V", "--version", action="store_true", help="print this version")
    commands = whole.add_subparsers(dest="command")
    for name, (module, text) in COMMANDS.items():
        one: argparse.ArgumentParser = import_module(module).parser()
        commands.add_parser(name, help=text, parents=[one], add_help=False)
    return whole


def _complete_files(parser: argparse.ArgumentParser, files: object) -> None:
    """Mark the arguments that are files; shtab reads the attribute `complete` of an argument."""
    for action in parser._actions:  # noqa: SLF001 - as shtab does: argparse has no other way to its arguments
        if action.metavar in FILES:
            action.complete = files  # type: ignore[attr-defined]
        elif isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - as above
            for each in action.choices.values():
                _complete_files(each, files)

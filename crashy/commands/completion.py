"""`crashy completion`: print a shell's completion script for crashy's commands, options and files."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec

from crashy.commands import COMMANDS
from crashy.commands.arguments import Parser
from crashy.errors import BadInput

if find_spec("shtab") is None:
    raise BadInput("completion scripts need shtab: pip install 'crashy[lab]'")

import shtab

SHELLS = ("bash", "zsh", "fish")
FILES = frozenset({"FILE", "MANIFEST", "TIMELINE"})  # metavars of files and folders
_EXAMPLES = """\
where each shell looks for it (start a new shell afterwards):
  crashy completion bash > ~/.local/share/bash-completion/completions/crashy
  crashy completion zsh > ~/.zfunc/_crashy    # a folder of $fpath, named there before compinit
  eval "$(crashy completion zsh)"             # or this line in .zshrc, after compinit
  crashy completion fish > ~/.config/fish/completions/crashy.fish

What follows `crashy lab ctl` is not completed.
"""


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = Parser(
        "crashy completion",
        description="Print the completion script of this version's commands and options for a shell.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("shell", choices=SHELLS, help="the shell that reads the script")
    return made


def main(argv: Sequence[str]) -> int:
    """Print the completion script of a shell."""
    args = parser().parse_args(argv)
    print(shtab.complete(every_command(), args.shell))
    return 0


def every_command() -> argparse.ArgumentParser:
    """Return one parser that has every command's own parser below it."""
    made = argparse.ArgumentParser("crashy")
    commands = made.add_subparsers(metavar="COMMAND")
    for name, (module, text) in COMMANDS.items():
        own: argparse.ArgumentParser = import_module(module).parser()
        for action in own._actions:  # noqa: SLF001 - argparse has no public list of them; shtab reads this one too
            if action.metavar in FILES:
                action.complete = shtab.FILE  # type: ignore[attr-defined]
            if isinstance(action.metavar, str):  # shtab passes it to zsh, where a colon would end it
                action.metavar = action.metavar.replace(":", "\\:")
        commands.add_parser(name, help=text, parents=[own], add_help=False)
    return made

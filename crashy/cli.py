"""The `crashy` command: a table of commands, each imported only when it is chosen."""

from __future__ import annotations

import sys

from crashy import __version__

TYPE_CHECKING = False  # importing typing for it would cost a thin command a third of its time
if TYPE_CHECKING:
    from collections.abc import Sequence

# name -> (module, help). A module has `main(argv) -> exit code`.
COMMANDS = {
    "serve": ("crashy.commands.serve", "run the patient: the server that falls ill on purpose"),
    "lab": ("crashy.commands.lab", "run manifests on this machine, under a kubelet-faithful prober"),
    "check": ("crashy.commands.check", "tell what the probes of manifests will do, and the traps they walk into"),
    "inject": ("crashy.commands.inject", "inject a fault into a patient"),
    "recover": ("crashy.commands.recover", "take faults back"),
    "run": ("crashy.commands.run", "run experiments: manifests, traffic, faults at given times, a verdict"),
    "kube": ("crashy.commands.kube", "delete what crashed runs have left behind on a cluster"),
    "report": ("crashy.commands.report", "draw the reports of a run again from its timeline"),
    "traffic": ("crashy.commands.traffic", "ask a URL on a fixed schedule and tell what users felt"),
    "probe": ("crashy.commands.probe", "an exec probe: ask http, tcp, Redis, MySQL, a file, the load; exit 0 or 1"),
    "event-simulator": ("crashy.commands.event_simulator", "log as the course's image event-simulator does"),
    "status": ("crashy.commands.status", "show how a patient is"),
}


def usage() -> str:
    """Give the text of `crashy --help`."""
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
            "crashy COMMAND --help tells the rest; crashy --version names this version.",
        ]
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; exit 0 when it did what was asked, 2 when what was asked can't be done."""
    args = list(sys.argv[1:] if argv is None else argv)
    if not args:
        print(usage(), file=sys.stderr)
        return 2
    if args[0] in ("-h", "--help", "help"):
        print(usage())
        return 0
    if args[0] in ("-V", "--version"):
        print(f"crashy {__version__}")
        return 0
    if args[0] not in COMMANDS:
        print(f"crashy: no command {args[0]!r}; there are: {', '.join(COMMANDS)}", file=sys.stderr)
        return 2
    from importlib import import_module

    from crashy.errors import BadInput

    try:
        return int(import_module(COMMANDS[args[0]][0]).main(args[1:]))
    except BadInput as error:
        for line in error.lines:
            print(f"crashy {args[0]}: {line}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:  # a room that the container image leaves out, or a package of an extra
        print(f"crashy {args[0]}: there is no {error.name} in this install: pip install 'crashy[lab]'", file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader (head, less) has gone: nobody is left to tell
        sys.stderr.close()
        return 141

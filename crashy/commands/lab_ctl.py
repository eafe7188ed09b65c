"""`crashy lab ctl`: ask and tell a running lab, in kubectl's words."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from crashy.client import ask_lab, labs, labs_folder
from crashy.commands.arguments import Parser
from crashy.errors import BadInput
from crashy.objects.kinds import KINDS, SCALABLE, SHOWN, Kind, kind_called

LOOK = 0.3  # seconds between two looks at what goes on
_EXAMPLES = """\
examples:
  crashy lab ctl get pods
  crashy lab ctl delete pod web-5bc4d6474b-lgnk9 --grace-period 1
  crashy lab ctl scale deployment/web --replicas 3
  crashy lab ctl apply app.yaml && crashy lab ctl rollout status deployment/web
  crashy lab ctl logs web-5bc4d6474b-lgnk9 --tail 20 -f
"""


class RefusedError(Exception):
    """The lab can't do it: its text, as kubectl words it."""


class Lab:
    """One running lab, by its socket."""

    def __init__(self, path: Path, namespace: str | None) -> None:
        self._path = path
        self._namespace = namespace

    def ask(self, op: str, *, timeout: float | None = 30.0, **fields: Any) -> dict[str, Any]:
        """Ask for an operation; raises RefusedError where the lab refuses, or has ended."""
        request = {"op": op, **fields}
        if self._namespace:
            request["namespace"] = self._namespace
        try:
            answer = ask_lab(self._path, request, timeout)
        except (OSError, ValueError) as error:
            raise RefusedError(f"error: lab {self._path.stem} does not answer: {error}") from None
        if "error" in answer:
            raise RefusedError(answer["error"])
        return answer


class _Parser(Parser):
    prefix = "ctl: "


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        "crashy lab ctl",
        description=__doc__,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--lab", metavar="PID", help="which lab, where several are running: its process id")
    common = _Parser(add_help=False)
    common.add_argument("-n", "--namespace", help="look in this namespace only (default: in all)")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, act: Callable[[Lab, argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text, parents=[common], allow_abbrev=False)
        made.set_defaults(act=act)
        return made

    shown = [kind.plural for kind in SHOWN]
    get = command("get", _get, f"list {', '.join(shown[:-1])} or {shown[-1]}")
    get.add_argument("kind", type=_kind, metavar="KIND", help="what to list; kubectl's short names do too")
    delete = command("delete", _delete, "delete pods, and wait until they are gone")
    delete.add_argument("names", nargs="+", metavar="pod NAME", help="also as pod/NAME; any, all or '2 of app=web'")
    delete.add_argument("--grace-period", type=_count, metavar="N", help="seconds, in place of the pod's own")
    delete.add_argument("--wait", choices=("true", "false"), default="true", help="wait for its end (default true)")
    scaled = [kind.name.lower() for kind in SCALABLE]
    scale = command("scale", _scale, f"set a {' or '.join(scaled)}'s number of replicas")
    scale.add_argument("names", nargs="+", metavar=" or ".join(f"{name}/NAME" for name in scaled))
    scale.add_argument("--replicas", type=_count, required=True, metavar="N")
    apply = command("apply", _apply, "apply manifests, as `kubectl apply` does; what they don't name stays")
    apply.add_argument("files", nargs="*", metavar="FILE", help="a file or a folder")
    apply.add_argument("-f", "--filename", action="append", default=[], metavar="FILE", help="the same")
    rollout = command("rollout", _rollout, "watch a rollout until it is done: rollout status deployment/NAME")
    rollout.add_argument("what", choices=("status",), metavar="status")
    rollout.add_argument("names", nargs="+", metavar="deployment/NAME")
    rollout.add_argument("--watch", choices=("true", "false"), default="true", help="false: say how it is, and end")
    logs = command("logs", _logs, "print what a container has written in the life that it is in")
    logs.add_argument("pod", metavar="POD")
    logs.add_argument("-c", "--container", metavar="NAME", help="which container (default: the first)")
    logs.add_argument("-f", "--follow", action="store_true", help="go on until it ends")
    logs.add_argument("-p", "--previous", action="store_true", help="of the life before")
    logs.add_argument("--tail", type=_count, metavar="N", help="only the last N lines")
    return parser


def _kind(text: str) -> str:
    found = kind_called(text, SHOWN)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r}: must be one of {', '.join(kind.plural for kind in SHOWN)}")
    return found.plural


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise argparse.ArgumentTypeError(f"{text!r}: must be a whole number, 0 or more")
    return int(text)


def main(argv: Sequence[str]) -> int:
    """Do what is asked; 0 then, 1 where the lab refuses, 2 for bad input."""
    args = _parser().parse_args(argv)
    lab = Lab(_find(args.lab), args.namespace)
    try:
        return int(args.act(lab, args))
    except RefusedError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _find(pid: str | None) -> Path:
    """Return the socket of the lab that is meant."""
    folder = labs_folder()
    running = {path.stem: path for path in labs(folder) if _answers(path)}
    if pid is not None and pid not in running:
        raise BadInput(f"ctl: --lab: {pid!r}: no lab of this process id; there are: {', '.join(running) or 'none'}")
    if not running:
        raise BadInput(f"ctl: no lab is running (looked in {folder}): start one with crashy lab")
    if pid is None and len(running) > 1:
        raise BadInput(f"ctl: several labs are running: name one with --lab PID: {', '.join(running)}")
    return running[pid or next(iter(running))]


def _answers(path: Path) -> bool:
    try:
        ask_lab(path, {"op": "pods"})
    except (OSError, ValueError):
        return False
    return True


def _named(kinds: Sequence[Kind], words: Sequence[str]) -> list[tuple[Kind, str]]:
    """Return the kinds and names in `KIND NAME...` or `KIND/NAME...`; raises BadInput for another kind."""
    if "/" not in words[0]:
        words = [f"{words[0]}/{name}" for name in words[1:]] or [f"{words[0]}/"]
    found = []
    for word in words:
        called, _, name = word.partition("/")
        kind = kind_called(called, kinds)
        if kind is None or not name:
            forms = " or ".join(f"{kind.name.lower()} NAME or {kind.name.lower()}/NAME" for kind in kinds)
            raise BadInput(f"ctl: {word.rstrip('/')!r}: must be {forms}")
        found.append((kind, name))
    return found


def _get(lab: Lab, args: argparse.Namespace) -> int:
    answer = lab.ask("get", kind=args.kind)
    if answer["rows"]:
        print(table(answer["columns"], answer["rows"]), end="")
    else:
        where = f" in {args.namespace} namespace." if args.namespace else ""
        print(f"No resources found{where}", file=sys.stderr)
    return 0


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay a table out as kubectl does: columns at least 6 wide, 3 blanks apart, the last one as long as it is."""
    lines = [columns, *rows]
    widths = [max(6, 3 + max(map(len, column))) for column in zip(*lines, strict=True)]
    padded = (
        [cell.ljust(width) for cell, width in zip(line[:-1], widths, strict=False)] + [line[-1]] for line in lines
    )
    return "".join("".join(line) + "\n" for line in padded)


def _delete(lab: Lab, args: argparse.Namespace) -> int:
    grace = 1 if args.grace_period == 0 else args.grace_period  # as kubectl takes 0 without --force
    uids: list[str] = []
    for _, wanted in _named([KINDS["Pod"]], args.names):
        deleted = lab.ask("delete", name=wanted, grace=grace)["deleted"]
        uids += deleted
        for name in deleted.values():
            print(f'pod "{name}" deleted', flush=True)
    for uid in uids if args.wait == "true" else ():
        lab.ask("gone", uid=uid, timeout=None)
    return 0


def _scale(lab: Lab, args: argparse.Namespace) -> int:
    for kind, name in _named(SCALABLE, args.names):
        lab.ask("scale", kind=kind.plural, name=name, replicas=args.replicas)
        print(f"{kind.type}/{name} scaled")
    return 0


def _apply(lab: Lab, args: argparse.Namespace) -> int:
    files = args.files + args.filename
    if not files or "-" in files:
        raise BadInput("ctl: apply: must be given files or folders")
    answer = lab.ask("apply", paths=[str(Path(file).absolute()) for file in files])
    for text in answer["warnings"]:
        print(f"Warning: {text}", file=sys.stderr)
    for line in answer["lines"]:
        print(line)
    return 0


def _rollout(lab: Lab, args: argparse.Namespace) -> int:
    for _, name in _named([KINDS["Deployment"]], args.names):
        told = ""
        while True:
            answer = lab.ask("rollout", name=name)
            if answer.get("failed"):
                raise RefusedError(answer["message"])
            if answer["message"] != told:
                told = answer["message"]
                print(told, flush=True)
            if answer.get("done") or args.watch == "false":
                break
            time.sleep(LOOK)
    return 0


def _logs(lab: Lab, args: argparse.Namespace) -> int:
    which = {"name": args.pod.removeprefix("pod/"), "container": args.container}
    answer = lab.ask("logs", **which, previous=args.previous)
    if "default" in answer:
        print(answer["default"], file=sys.stderr)
    lines = answer["lines"]
    lines = lines if args.tail is None else lines[max(0, len(lines) - args.tail) :]
    while True:
        for line in lines:
            print(line)
        sys.stdout.flush()
        if answer["ended"] or not args.follow:
            return 0
        time.sleep(LOOK)
        answer = lab.ask("logs", **which, since=answer["next"])
        lines = answer["lines"]

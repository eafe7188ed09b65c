"""`crashy lab ctl`: control a running lab with kubectl's verbs."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from crashy.client import ask_lab, labs_folder, running_labs
from crashy.commands.arguments import Parser, whole
from crashy.errors import BadInput
from crashy.kubectl.top import SORTED_BY
from crashy.objects.kinds import KINDS, ROLLED_OUT, SCALABLE, SHOWN, WORKLOADS, Kind, kind_called

POLL = 0.3  # seconds between two requests while watching or following
_EXAMPLES = """\
examples:
  crashy lab ctl get pods
  crashy lab ctl delete pod web-5bc4d6474b-lgnk9 --grace-period 1
  crashy lab ctl scale deployment/web --replicas 3
  crashy lab ctl create job now --from=cronjob/nightly
  crashy lab ctl apply app.yaml && crashy lab ctl rollout status deployment/web
  crashy lab ctl logs web-5bc4d6474b-lgnk9 --tail 20 -f
  crashy lab ctl top pods --sort-by cpu
"""


class RefusedError(Exception):
    """The lab refused: the message, in kubectl's words."""


class LabClient:
    """A client of one running lab, by its socket."""

    def __init__(self, path: Path, namespace: str | None) -> None:
        self._path = path
        self._namespace = namespace

    def ask(self, op: str, *, timeout: float | None = 30.0, **fields: Any) -> dict[str, Any]:
        """Request an operation and return the response; raises RefusedError if the lab refuses or has ended."""
        request = {"op": op, **fields}
        if self._namespace:
            request["namespace"] = self._namespace
        try:
            response = ask_lab(self._path, request, timeout)
        except (OSError, ValueError) as error:
            raise RefusedError(f"error: lab {self._path.stem} does not answer: {error}") from None
        if "error" in response:
            raise RefusedError(response["error"])
        return response


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
    for place, default in ((parser, None), (common, argparse.SUPPRESS)):  # before the command, or after it
        place.add_argument("-n", "--namespace", default=default, help="only this namespace (default: all)")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, act: Callable[[LabClient, argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text, parents=[common], allow_abbrev=False)
        made.set_defaults(act=act)
        return made

    shown = [kind.plural for kind in SHOWN]
    get = command("get", _get, f"list {', '.join(shown[:-1])} or {shown[-1]}")
    get.add_argument("kind", type=_kind, metavar="KIND", help="what to list; kubectl's short names work too")
    describe = command("describe", _describe, "describe pods: their containers, why the last ones ended, their events")
    describe.add_argument("names", nargs="+", metavar="pod/NAME")
    delete = command("delete", _delete, "delete pods, and wait until they are gone; or workloads, with their pods")
    delete.add_argument("names", nargs="+", metavar="KIND/NAME", help="of a pod also any, all or '2 of app=web'")
    delete.add_argument("--grace-period", type=whole(0), metavar="N", help="seconds, instead of the pod's own")
    delete.add_argument(
        "--wait", choices=("true", "false"), default="true", help="wait until the pods are gone (default true)"
    )
    create = command("create", _create, "run a CronJob's Job now: create job NAME --from=cronjob/NAME")
    create.add_argument("what", choices=("job",), metavar="job")
    create.add_argument("name", metavar="NAME", help="of the new Job")
    create.add_argument("--from", required=True, dest="cron", metavar="cronjob/NAME", help="whose template it gets")
    scaled = [kind.name.lower() for kind in SCALABLE]
    scale = command("scale", _scale, f"set the number of replicas of a {', '.join(scaled[:-1])} or {scaled[-1]}")
    scale.add_argument("names", nargs="+", metavar="KIND/NAME", help="as deployment/web")
    scale.add_argument("--replicas", type=whole(0), required=True, metavar="N")
    apply = command("apply", _apply, "apply manifests, as `kubectl apply` does; objects that they don't name stay")
    apply.add_argument("files", nargs="*", metavar="FILE", help="a file or a folder")
    apply.add_argument("-f", "--filename", action="append", default=[], metavar="FILE", help="the same")
    rollout = command("rollout", _rollout, "watch a rollout until it is done: rollout status deployment/NAME")
    rollout.add_argument("what", choices=("status",), metavar="status")
    rolled_out = [kind.name.lower() for kind in ROLLED_OUT]
    rollout.add_argument("names", nargs="+", metavar="KIND/NAME", help=f"of a {', '.join(rolled_out)}")
    rollout.add_argument("--watch", choices=("true", "false"), default="true", help="false: print the status once")
    logs = command("logs", _logs, "print the log of a container's current run")
    logs.add_argument("pod", metavar="POD")
    logs.add_argument("-c", "--container", metavar="NAME", help="which container (default: the first)")
    logs.add_argument("-f", "--follow", action="store_true", help="follow until the container ends")
    logs.add_argument("-p", "--previous", action="store_true", help="the run before the current one")
    logs.add_argument("--tail", type=whole(0), metavar="N", help="only the last N lines")
    top = command("top", _top, "show what pods use of CPU, over a second, and of memory: top pods [POD]")
    top.add_argument("what", choices=("pods", "pod", "po"), metavar="pods")
    top.add_argument("pod", nargs="?", metavar="POD", help="only this one")
    top.add_argument("--containers", action="store_true", help="a line for each container")
    top.add_argument("--sort-by", choices=SORTED_BY, default="", help="what uses most comes first")
    return parser


def _kind(text: str) -> str:
    found = kind_called(text, SHOWN)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r}: must be one of {', '.join(kind.plural for kind in SHOWN)}")
    return found.plural


def main(argv: Sequence[str]) -> int:
    """Run one operation; exit 0, 1 if the lab refuses, 2 for bad input."""
    args = _parser().parse_args(argv)
    lab = LabClient(_find(args.lab), args.namespace)
    try:
        return int(args.act(lab, args))
    except RefusedError as error:
        print(error, file=sys.stderr)
        return 1


def _find(pid: str | None) -> Path:
    """Return the socket of the lab with this process id, or of the only one."""
    folder = labs_folder()
    running = running_labs(folder)
    if pid is not None and pid not in running:
        raise BadInput(f"ctl: --lab: {pid!r}: no lab with this process id; there are: {', '.join(running) or 'none'}")
    if not running:
        raise BadInput(f"ctl: no lab is running (looked in {folder}): start one with crashy lab")
    if pid is None and len(running) > 1:
        raise BadInput(f"ctl: several labs are running: name one with ctl --lab PID: {', '.join(running)}")
    return folder / f"{pid or next(iter(running))}.sock"


def _named(kinds: Sequence[Kind], words: Sequence[str]) -> list[tuple[Kind, str]]:
    """Return the kinds and names in `KIND NAME...` or `KIND/NAME...`; raises BadInput for another kind."""
    if "/" not in words[0]:
        words = [f"{words[0]}/{name}" for name in words[1:]] or [f"{words[0]}/"]
    found = []
    for word in words:
        called, _, name = word.partition("/")
        kind = kind_called(called, kinds)
        if kind is None or not name:
            names = [kind.name.lower() for kind in kinds]
            one_of = f", of {', '.join(names)}" if len(names) > 1 else ""
            form = names[0] if len(names) == 1 else "KIND"
            raise BadInput(f"ctl: {word.rstrip('/')!r}: must be {form}/NAME or {form} NAME{one_of}")
        found.append((kind, name))
    return found


def _get(lab: LabClient, args: argparse.Namespace) -> int:
    return _show(lab.ask("get", kind=args.kind), args)


def _describe(lab: LabClient, args: argparse.Namespace) -> int:
    texts = [lab.ask("describe", name=name)["text"] for _, name in _named([KINDS["Pod"]], args.names)]
    print("\n\n".join(texts), end="")
    return 0


def _top(lab: LabClient, args: argparse.Namespace) -> int:
    name = args.pod and args.pod.removeprefix("pod/")
    return _show(lab.ask("top", name=name, containers=args.containers, sort_by=args.sort_by), args)


def _show(response: dict[str, Any], args: argparse.Namespace) -> int:
    if response["rows"]:
        print(table(response["columns"], response["rows"]), end="")
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


def _delete(lab: LabClient, args: argparse.Namespace) -> int:
    grace = 1 if args.grace_period == 0 else args.grace_period  # as kubectl treats 0 without --force
    uids: list[str] = []
    for kind, wanted in _named([KINDS["Pod"], *WORKLOADS], args.names):
        if kind.name != "Pod":
            lab.ask("remove", kind=kind.plural, name=wanted)
            print(f'{kind.type} "{wanted}" deleted', flush=True)
            continue
        deleted = lab.ask("delete", name=wanted, grace=grace)["deleted"]
        uids += deleted
        for name in deleted.values():
            print(f'pod "{name}" deleted', flush=True)
    for uid in uids if args.wait == "true" else ():
        lab.ask("gone", uid=uid, timeout=None)
    return 0


def _create(lab: LabClient, args: argparse.Namespace) -> int:
    for _, name in _named([KINDS["CronJob"]], [args.cron]):
        lab.ask("create", name=name, job=args.name)
        print(f"{KINDS['Job'].type}/{args.name} created")
    return 0


def _scale(lab: LabClient, args: argparse.Namespace) -> int:
    for kind, name in _named(SCALABLE, args.names):
        lab.ask("scale", kind=kind.plural, name=name, replicas=args.replicas)
        print(f"{kind.type}/{name} scaled")
    return 0


def _apply(lab: LabClient, args: argparse.Namespace) -> int:
    files = args.files + args.filename
    if not files or "-" in files:
        raise BadInput("ctl: apply: needs files or folders")
    response = lab.ask("apply", paths=[str(Path(file).absolute()) for file in files])
    for text in response["warnings"]:
        print(f"Warning: {text}", file=sys.stderr)
    for line in response["lines"]:
        print(line)
    return 0


def _rollout(lab: LabClient, args: argparse.Namespace) -> int:
    for kind, name in _named(ROLLED_OUT, args.names):
        printed = ""
        while True:
            response = lab.ask("rollout", kind=kind.plural, name=name)
            if response.get("failed"):
                raise RefusedError(response["message"])
            if response["message"] != printed:
                printed = response["message"]
                print(printed, flush=True)
            if response.get("done") or args.watch == "false":
                break
            time.sleep(POLL)
    return 0


def _logs(lab: LabClient, args: argparse.Namespace) -> int:
    which = {"name": args.pod.removeprefix("pod/"), "container": args.container}
    response = lab.ask("logs", **which, previous=args.previous)
    if "default" in response:
        print(response["default"], file=sys.stderr)
    lines = response["lines"]
    lines = lines if args.tail is None else lines[max(0, len(lines) - args.tail) :]
    while True:
        for line in lines:
            print(line)
        sys.stdout.flush()
        if response["ended"] or not args.follow:
            return 0
        time.sleep(POLL)
        response = lab.ask("logs", **which, since=response["next"])
        lines = response["lines"]

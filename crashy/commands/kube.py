"""`crashy kube`: delete what runs on clusters left behind; and the options of `crashy run --on kube`."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from importlib import import_module
from typing import TYPE_CHECKING

from crashy.commands.arguments import Parser
from crashy.errors import BadInput
from crashy.experiment.model import Experiment

if TYPE_CHECKING:  # the client library is an extra, imported only when a cluster is used
    from crashy.engines.kube.session import Options, Session

FAILED = 3
INTERRUPTED = 130
_CLEAN = """\
Delete the namespaces that crashed runs have left behind: those with a run's labels and name. Without NAMESPACE,
delete all of them, also those of runs that are still running.
"""


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments."""
    parser = Parser("crashy kube", description=__doc__, epilog=main.__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    clean = commands.add_parser("clean", help="delete what crashed runs have left behind", description=_CLEAN)
    clean.add_argument("namespaces", nargs="*", metavar="NAMESPACE", help="one that a run has made (default: all)")
    return parser


def main(argv: Sequence[str]) -> int:
    """Exit 0 when nothing is left, 2 for bad input or an unreachable cluster, 3 when a deletion failed."""
    args = parser().parse_args(argv)
    try:
        needed()
        module = import_module("crashy.engines.kube.clean")
        return FAILED if asyncio.run(module.clean(args.namespaces, lambda text: print(text, flush=True))) else 0
    except KeyboardInterrupt:
        return INTERRUPTED
    except BadInput as error:  # the command's name begins the line already
        raise BadInput(*(line.removeprefix("kube: ") for line in error.lines)) from None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `--on kube`."""
    group = parser.add_argument_group("on kube")
    group.add_argument("--image", default="", metavar="NAME", help="the patient's image on the cluster")
    group.add_argument("--in-namespace", default="", metavar="NS", help="use patients that run there already ...")
    group.add_argument("--selector", default="", metavar="SEL", help="... and have these labels (app=web)")


def refuse(args: argparse.Namespace, engines: Sequence[str]) -> None:
    """Raise BadInput for options that none of these engines takes, or that contradict each other."""
    given = {"--image": args.image, "--in-namespace": args.in_namespace, "--selector": args.selector}
    names = [name for name, value in given.items() if value]
    if names and set(engines) != {"kube"}:
        raise BadInput(f"{', '.join(names)}: only with --on kube")
    if "kube" in engines:
        needed()
        _options(args).check()


def needed() -> None:
    """Raise BadInput if the client library is missing."""
    try:
        import_module("kubernetes_asyncio")
    except ModuleNotFoundError as error:
        raise BadInput(
            f"kube: needs {error.name}, which is not installed: pip install 'crashy[kube]' (in a clone: make setup)"
        ) from None


def session(experiment: Experiment, args: argparse.Namespace) -> AbstractAsyncContextManager[Session]:
    """Prepare the cluster for one run; notes go to standard error."""
    from crashy.engines.kube.session import session as make  # noqa: PLC0415 - needs the extra

    return make(experiment.name, _options(args, experiment), lambda text: print(f"note: {text}", file=sys.stderr))


def _options(args: argparse.Namespace, experiment: Experiment | None = None) -> Options:
    from crashy.engines.kube.manifests import patient_image  # noqa: PLC0415 - needs the extra
    from crashy.engines.kube.session import Options  # noqa: PLC0415 - needs the extra

    known_as = patient_image(experiment.manifests.documents) if experiment else ""
    return Options(args.in_namespace, args.selector, args.image, known_as or "crashy-app")

"""`crashy kube`: give an app the sidecar, delete what runs left behind; and the options of `crashy run --on kube`."""

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

_IMAGE = "crashy-app:1.0.0"
FAILED = 3
_CLEAN = """\
Delete the namespaces that crashed runs have left behind: those with a run's labels and name. Without NAMESPACE,
delete all of them, also those of runs that are still running.
"""
_WRAP = """\
Print manifests with a sidecar of ours, a proxy, beside each app that a Service sends users to: so that the app takes
network faults on a cluster. The Service's targetPort is moved to it; probes go to the app itself, as before.
"""


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments."""
    parser = Parser("crashy kube", description=__doc__, epilog=main.__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    wrap = commands.add_parser("wrap", help="add the sidecar that takes network faults", description=_WRAP)
    wrap.add_argument("manifests", nargs="+", metavar="MANIFEST", help="a file, a folder, or - for standard input")
    wrap.add_argument("--image", default=_IMAGE, metavar="NAME", help=f"the sidecar's image (default {_IMAGE})")
    wrap.add_argument(
        "--token",
        type=_token,
        metavar="SECRET/KEY",
        help="where the token of the sidecar's admin API is (default: none)",
    )
    clean = commands.add_parser("clean", help="delete what crashed runs have left behind", description=_CLEAN)
    clean.add_argument("namespaces", nargs="*", metavar="NAMESPACE", help="one that a run has made (default: all)")
    return parser


def main(argv: Sequence[str]) -> int:
    """Exit 0 when it is done, 2 for bad input or an unreachable cluster, 3 when a deletion failed."""
    args = parser().parse_args(argv)
    if args.command == "wrap":
        return _wrap(args)
    try:
        needed()
        module = import_module("crashy.engines.kube.clean")
        return FAILED if asyncio.run(module.clean(args.namespaces, lambda text: print(text, flush=True))) else 0
    except BadInput as error:  # the command's name begins the line already
        raise BadInput(*(line.removeprefix("kube: ") for line in error.lines)) from None


def _wrap(args: argparse.Namespace) -> int:
    """Print the wrapped manifests; notes go to standard error."""
    from crashy.engines.kube.wrap import wrap  # noqa: PLC0415 - `crashy run` has no use for these three
    from crashy.manifest.dump import dump  # noqa: PLC0415
    from crashy.manifest.load import gather  # noqa: PLC0415

    documents, errors = gather(args.manifests)
    if errors:
        raise BadInput(*errors)
    objects, notes = wrap(documents, args.image, args.token)
    print(dump(objects), end="")
    for line in notes:
        print(f"note: {line}", file=sys.stderr)
    return 0


def _token(text: str) -> tuple[str, str]:
    secret, _, key = text.partition("/")
    if not secret or not key:
        raise argparse.ArgumentTypeError(f"{text!r}: must be SECRET/KEY, such as crashy/token")
    return secret, key


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

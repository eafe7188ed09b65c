"""`crashy demo`: the main job in a minute."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from crashy.commands.arguments import Parser
from crashy.errors import BadInput

LAB = (
    *("manifests/demo", "--traffic", "web", "--for", "60s"),
    *("--at", "10s any crash mode=errors", "--at", "30s any freeze"),
)
_BEFORE = """\
Three pods behind one Service, ten requests a second. After 10 s one crashes, after 30 s another freezes:
watch the probes fail, the Service drop the pod, the container restart. It takes a minute; Ctrl-C ends it."""
_AFTER = """
Now do it yourself; the second in another terminal:
  {crashy} lab manifests/webapp
  {crashy} inject freeze --pod any"""


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments."""
    return Parser(
        "crashy demo",
        description="Show the main job: pods crash and freeze, probes notice, restarts heal. A minute; no cluster.",
    )


def main(argv: Sequence[str]) -> int:
    """Run the demo; exit 0 at its end, 2 if the laboratory is not installed."""
    parser().parse_args(argv)
    if find_spec("yaml") is None:
        raise BadInput("the demo needs the laboratory, an extra: pipx run --spec 'crashy[lab]' crashy demo")
    from crashy.commands import lab  # noqa: PLC0415 - needs the extra

    print(_BEFORE, flush=True)
    code = lab.main(LAB)
    if not code:
        print(_AFTER.format(crashy=_again()))
    return code


def _again() -> str:
    """Return the command that runs this crashy again."""
    if shutil.which("crashy"):
        return "crashy"
    if {"pipx", ".cache"} <= {*Path(sys.argv[0]).parts}:  # pipx run: its folder is for this run only
        return "pipx run --spec 'crashy[lab]' crashy"
    return sys.argv[0]

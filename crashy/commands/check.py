"""`crashy check`: report what probes will do, without running anything."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from crashy.bundled import locate
from crashy.check import as_json, sarif, text
from crashy.check.model import Severity, findings
from crashy.check.targets import read_targets
from crashy.check.traps import TRAPS
from crashy.commands.arguments import Parser
from crashy.manifest.load import gather

_EXAMPLES = """\
examples:
  crashy check manifests/crashy-app
  kubectl get deployment web -o yaml | crashy check -
  crashy check --format sarif k8s/ > crashy.sarif

Exit 0; 1 when a finding is an error; 2 when a manifest can't be read.
"""


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments."""
    parser = Parser(
        "crashy check",
        description="Report what the probes of these manifests will do: how soon they detect a failure, how long users "
        "see errors, how long a start may take, and which known traps apply. Nothing is run.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("manifests", nargs="+", metavar="MANIFEST", help="a file, a folder, or - for standard input")
    parser.add_argument("--format", choices=("text", "json", "sarif"), default="text", help="the report's format")
    return parser


def main(argv: Sequence[str]) -> int:
    """Print the report; exit 1 if a finding is an error, else 0."""
    args = parser().parse_args(argv)
    targets, skipped = read_targets(*gather(locate(args.manifests)))
    found = findings(TRAPS, targets)
    for line in skipped:
        print(f"crashy check: {line}", file=sys.stderr)
    match args.format:
        case "json":
            print(json.dumps(as_json.report(targets, found), indent=2))
        case "sarif":
            print(json.dumps(sarif.report(TRAPS, found, targets), indent=2))
        case _:
            print(text.report(targets, found))
    return int(any(finding.severity is Severity.ERROR for finding in found))

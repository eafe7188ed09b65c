"""`crashy check`: report what probes will do, without running anything."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from crashy.bundled import locate
from crashy.check import as_json, lines, sarif, text
from crashy.check.files import INVALID, Checked, read_sources
from crashy.check.model import Finding, Severity, findings, worst_first
from crashy.check.suppress import RULES, Ignored, fingerprint, read_baseline, unknown_rule
from crashy.check.targets import WITH_PODS
from crashy.check.traps import TRAPS
from crashy.commands.arguments import Parser
from crashy.commands.versions import add_version
from crashy.errors import BadInput
from crashy.manifest.walk import sources
from crashy.objects.document import one_line

FORMATS = ("text", "summary", "json", "sarif", "github")
FOUND, NOT_READ = 1, 2
_EXAMPLES = """\
examples:
  crashy check manifests/crashy-app
  kubectl get deployment web -o yaml | crashy check -
  crashy check -R --format sarif k8s > crashy.sarif
  crashy check -R --format json k8s > crashy-baseline.json    # accept what is found today
  crashy check -R --baseline crashy-baseline.json --fail-on warning k8s

Exit 0; 1 when a finding is as severe as --fail-on; 2 when a manifest can't be read.
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
    add = parser.add_argument
    add("manifests", nargs="+", metavar="MANIFEST", help="a file, a folder, or - for standard input")
    add(
        "-R", "--recursive", action="store_true", help="look into the folders in a folder, but hidden and vendored ones"
    )
    add("--format", choices=FORMATS, default="text", help="the report's format (default text)")
    severities = [str(severity) for severity in Severity]
    add("--fail-on", choices=severities, default="error", help="exit 1 when a finding is so severe (default error)")
    add("--disable", action="append", default=[], type=_rule, choices=RULES, metavar="RULE", help="leave out this rule")
    add("--baseline", type=Path, metavar="FILE", help="leave out the findings of this earlier report (--format json)")
    add("--all", action="store_true", help="report what seems not to matter here too, as a missing livenessProbe")
    add_version(parser, "report the numbers of")
    return parser


def main(argv: Sequence[str]) -> int:
    """Print the report; exit 2 if a manifest can't be read, 1 if a finding is as severe as --fail-on, else 0."""
    args = parser().parse_args(argv)
    here = Path.cwd()
    baseline = _baseline(args.baseline) if args.baseline else ()
    checked = read_sources(sources(locate(args.manifests), recursive=args.recursive), args.kubernetes)
    ignored = Ignored(checked.comments, checked.documents)
    found = worst_first([*checked.findings, *ignored.mistakes, *findings(TRAPS, checked.targets)])
    found = [finding for finding in found if finding.trap.id not in args.disable]
    kept = [finding for finding in found if finding not in ignored]
    new = [finding for finding in kept if not baseline or fingerprint(finding, here) not in baseline]
    left_out = {"ignored": len(found) - len(kept), "in_baseline": len(kept) - len(new)}
    # What --fail-on makes fail is shown in any case.
    shown = new if args.all or args.fail_on == Severity.NOTE else [finding for finding in new if finding.matters]
    match args.format:
        case "json":
            report = as_json.report(checked.targets, new, here=here, profile=args.kubernetes)
            _print_json(report | left_out)
        case "sarif":
            _print_json(sarif.report(TRAPS, new, checked.targets, here))
        case _:
            for line in _page(args.format, checked, shown, left_out | {"more_with_--all": len(new) - len(shown)}):
                print(line)
    if args.format in {"json", "sarif"} or (args.format == "text" and _nothing_else(checked, new)):
        for finding in new:
            if finding.trap is INVALID:
                print(f"crashy check: {one_line(f'{finding.place}: {finding.message}')}", file=sys.stderr)
    if checked.skipped:
        print(f"crashy check: skipped: {checked.skipped}", file=sys.stderr)
    if any(finding.trap is INVALID for finding in new):
        return NOT_READ
    severe = [*Severity][: [*Severity].index(Severity(args.fail_on)) + 1]
    return FOUND if any(finding.severity in severe for finding in new) else 0


def _print_json(report: dict[str, Any]) -> None:
    json.dump(report, sys.stdout, indent=2)  # as it is made: a long report would not fit into memory twice
    print()


def _nothing_else(checked: Checked, found: Sequence[Finding]) -> bool:
    """Return whether there is nothing to report but what can't be read."""
    return bool(found) and not checked.targets and all(finding.trap is INVALID for finding in found)


def _page(form: str, checked: Checked, found: Sequence[Finding], left_out: dict[str, int]) -> Iterator[str]:
    """Yield the lines of a report for people."""
    end = text.summary(found)
    if form == "summary":
        yield from lines.summary(found)
    elif form == "github":
        yield from lines.github(found, Path.cwd())
    elif _nothing_else(checked, found):
        return
    elif checked.targets or found:
        *page, end = text.report(checked.targets, found).splitlines()
        yield from page
    if not checked.targets and not found:
        end = f"nothing to check: no {WITH_PODS} in {checked.files} file{'' if checked.files == 1 else 's'}"
    hidden = (f"; {count} {what.replace('_', ' ')}" for what, count in left_out.items() if count)
    yield end + "".join(hidden)


def _rule(name: str) -> str:
    if name not in RULES:
        raise argparse.ArgumentTypeError(unknown_rule(name))
    return name


def _baseline(path: Path) -> Collection[str]:
    try:
        return read_baseline(path.read_text(), str(path))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8"
        raise BadInput(f"--baseline: {path}: {reason}") from None

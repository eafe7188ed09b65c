"""Count how often each of `crashy check`'s rules fires on other people's manifests.

Prints, for each rule, in how many of a folder's containers it is reported (what is reported only with `--all` in a
column of its own), as a number and a share. A rule of Services, budgets or files counts once for each of them. Exits 1
if a rule is reported in more than one container of ten.

usage: python scripts/noise.py FOLDER...
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from crashy.check.files import read_sources
from crashy.check.model import findings
from crashy.check.traps import TRAPS
from crashy.manifest.load import SUFFIXES
from crashy.manifest.walk import sources

MOST = 0.1
FILES = frozenset({"invalid-manifest"})  # what is wrong with a file is no noise


def main(folders: Sequence[Path]) -> int:
    """Print the table; return 1 if a rule is too loud."""
    containers, counted = count(folders)
    print(f"{containers} containers")
    for rule, (reported, hidden) in sorted(counted.items(), key=lambda row: row[1], reverse=True):
        print(f"{rule:28}{reported:5}{100 * reported / containers:7.1f} %{hidden:6} more with --all")
    return int(any(too_loud(containers, counted)))


def count(folders: Sequence[Path]) -> tuple[int, dict[str, tuple[int, int]]]:
    """Return the number of containers, and by rule in how many it is reported, and only with --all."""
    containers, reported, hidden = 0, Counter[str](), Counter[str]()
    for path in _files(folders):
        checked = read_sources(sources([str(path)]))
        containers += len(checked.targets)
        found = [*checked.findings, *findings(TRAPS, checked.targets)]
        loud = {(one.trap.id, one.title) for one in found if one.matters}
        quiet = {(one.trap.id, one.title) for one in found} - loud
        reported += Counter(rule for rule, _ in loud)
        hidden += Counter(rule for rule, _ in quiet)
    return containers, {trap.id: (reported[trap.id], hidden[trap.id]) for trap in TRAPS}


def too_loud(containers: int, counted: dict[str, tuple[int, int]]) -> Iterator[str]:
    """Yield the rules that are reported in more than one container of ten."""
    for rule, (reported, _) in counted.items():
        if rule not in FILES and reported > MOST * containers:
            yield rule


def _files(folders: Sequence[Path]) -> Iterator[Path]:
    for folder in folders:
        yield from (path for path in sorted(folder.rglob("*")) if path.suffix in SUFFIXES and path.is_file())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    args = parser.parse_args()
    missing = [folder for folder in args.folders if not folder.is_dir()]
    if missing:
        print(f"skipped: not here: {', '.join(map(str, missing))}")
        sys.exit(0)
    sys.exit(main(args.folders))

"""`crashy experiments`: list the lessons that `crashy run` finds by name."""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import textwrap
from collections.abc import Sequence

from crashy.bundled import folder, lessons
from crashy.commands.arguments import Parser
from crashy.experiment.model import ENGINES, Experiment
from crashy.experiment.read import read_experiment


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments."""
    return Parser(
        "crashy experiments",
        description="List the bundled lessons, and what each shows. `crashy run NAME` runs one.",
    )


def main(argv: Sequence[str]) -> int:
    """Print each lesson's name and what it shows."""
    parser().parse_args(argv)
    found = [read_experiment(path) for path in lessons()]
    width = max(len(experiment.name) for experiment in found) + 2
    # In a pipe a lesson is one line, for grep and awk.
    room = max(shutil.get_terminal_size().columns - width, 40) if sys.stdout.isatty() else sys.maxsize
    print("NAME".ljust(width) + "LESSON")
    for experiment in found:
        first, *more = textwrap.wrap(_shown(experiment), room)
        print(experiment.name.ljust(width) + first)
        for line in more:
            print(" " * width + line)
    print(f"\nRun one: crashy run {found[0].name}")
    print(f"The files: {folder('experiments')}; their manifests, and scripts for curl and faults, are beside it.")
    return 0


def _shown(experiment: Experiment) -> str:
    """Return the lesson's first sentence, and the engines on which it doesn't run."""
    sentence = re.split(r"(?<=[.!?])\s", " ".join(experiment.lesson.split()), maxsplit=1)[0]
    others = [engine for engine in ENGINES if engine not in experiment.engines]
    return f"{sentence} (not on {', '.join(others)})" if others else sentence

"""An experiment that can be run, read from a file."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from crashy.bundled import lesson
from crashy.errors import BadInput
from crashy.experiment import model
from crashy.experiment.read import read_experiment
from crashy.experiment.record import Record
from crashy.library import arguments
from crashy.library.child import Child
from crashy.timeline import Event

JUDGED = (0, 1)  # exit codes of a run with a verdict
_ON = "sim or lab"


@dataclass(frozen=True, slots=True)
class Result:
    """One run; `str` of it is the report that `crashy run` prints."""

    name: str
    passed: bool
    unmet: tuple[str, ...]
    """A line for each expectation that was not met: `recovered_within: wanted 14s, seen never`."""
    timeline: tuple[Event, ...]
    """All events, oldest first, `t` in seconds since the experiment began."""
    report: str

    def __str__(self) -> str:
        return self.report


class Experiment:
    """An experiment; created by `load_experiment`."""

    def __init__(self, path: Path, read: model.Experiment) -> None:
        self._path = path
        self.name = read.name
        self.lesson = read.lesson
        self.engines = read.engines
        """Where it can run."""

    def run(self, on: Literal["sim", "lab"] = "sim", seed: int | None = None, propagation: str | None = None) -> Result:
        """Run it to its end, as `crashy run` does: in moments on sim, in real time in the lab.

        `propagation`, as "0.1s..0.6s", is how much later than a pod's endpoint its Services change. Raises BadInput, a
        ValueError, if it can't run there, and RuntimeError if the engine fails.
        """
        if arguments.text("on", on, _ON) not in ("sim", "lab"):
            raise BadInput(arguments.wrong("on", on, _ON))
        options = [] if seed is None else [f"--seed={arguments.whole('seed', seed)}"]
        options += [] if propagation is None else [f"--propagation={arguments.delay('propagation', propagation)}"]
        with tempfile.TemporaryDirectory(prefix="crashy-run-") as folder:
            file = Path(folder, "timeline")
            child = Child("run", str(self._path), f"--on={on}", "--quiet", f"--timeline={file}", *options, read=str)
            try:
                if child.join() not in JUDGED:
                    raise child.ended()
            finally:
                child.close()
            with file.open() as lines:
                events = tuple(map(Event.from_json, lines))
        record = Record.of(events, str(self._path))
        unmet = tuple(f"{v.name}: wanted {v.wanted}, seen {v.seen}" for v in record.verdicts() if not v.passed)
        return Result(self.name, not unmet, unmet, events, record.text())


def load_experiment(path: str | os.PathLike[str]) -> Experiment:
    """Read an experiment's file or a lesson by its name; raises BadInput, a ValueError, a line for each mistake."""
    name = os.fspath(path) if isinstance(path, os.PathLike) else path
    found = lesson(Path(arguments.text("path", name, "an experiment's file or a lesson's name", empty=False)))
    return Experiment(found.absolute(), read_experiment(found))

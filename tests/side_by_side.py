"""Runs of `crashy run` beside each other: experiments mostly wait, so together they take as long as the longest."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import pytest

from crashy.timeline import Event, kinds

Key = TypeVar("Key")
TOO_LATE = 0.25


class Ran(NamedTuple):
    """What a run came to: its exit code, its one JSON document, what it said went wrong, its timeline's file."""

    code: int
    result: dict[str, Any]
    said: str
    timeline: Path

    @property
    def events(self) -> list[Event]:
        """Return everything that happened."""
        return [Event.from_json(line) for line in self.timeline.read_text().splitlines()]

    @property
    def late(self) -> float:
        """Return for how long the machine kept a step waiting, at most, in seconds."""
        events = self.events
        begun = next(event.t for event, _ in kinds.EXPERIMENT.read(events))
        return max((event.t - begun - step["at"] for event, step in kinds.STEP.read(events)), default=0.0)

    @property
    def missed(self) -> list[str]:
        """Return what kept it from passing."""
        expected = [e for e in self.result.get("expectations", ()) if not e["passed"]]
        return [*self.said.splitlines(), *(f"{e['name']} {e['wanted']}: {e['seen']}" for e in expected)]


def too_busy(ran: Iterable[Ran]) -> None:
    """Skip a test whose runs have shown something else on a machine that was late itself."""
    if (late := max(one.late for one in ran)) > TOO_LATE:
        pytest.skip(f"this machine is too busy to tell, {late:.2f} s late")


def run_all(wanted: Mapping[Key, tuple[Path, str]], *, timelines: Path) -> dict[Key, Ran]:
    """Run each experiment on its engine, all at once, and return by the keys what they came to."""
    files = {key: timelines / f"{number}.jsonl" for number, key in enumerate(wanted)}
    started = {
        key: subprocess.Popen(
            [*(sys.executable, "-m", "crashy", "run", str(file), "--on", engine, "--seed", "1", "--json"),
             *("--timeline", str(files[key]))],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for key, (file, engine) in wanted.items()
    }  # fmt: skip
    try:
        ended = {key: process.communicate(timeout=100) for key, process in started.items()}
    finally:
        for process in started.values():
            process.terminate()
            process.wait(20)
    return {
        key: Ran(started[key].returncode, json.loads(out) if out.strip() else {}, said, files[key])
        for key, (out, said) in ended.items()
    }

"""What can be expected of a run: one file for each expectation, found by its name, with how it is read and judged."""

from __future__ import annotations

import functools
import pkgutil
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Generic, NamedTuple, TypeVar

from crashy.experiment.fields import Fields
from crashy.experiment.model import Comparison
from crashy.experiment.values import DURATION
from crashy.objects.manifests import Manifests
from crashy.report.results import FaultResult, RunSummary
from crashy.timeline import Event

T = TypeVar("T")


class Run(NamedTuple):
    """The summary and the events of one run."""

    summary: RunSummary
    events: Sequence[Event]


@dataclass(frozen=True, slots=True)
class Verdict:
    """One expectation, the expected and the observed value."""

    name: str
    wanted: str
    seen: str
    passed: bool


@dataclass(frozen=True, slots=True)
class Expectation(Generic[T]):
    """An expectation of a run; its name is that of its file.

    `rank` is its place among the verdicts, the lowest first, and `listed` its place among the keys, if that is another.
    `read` takes the value and its path, and notes what is wrong with it, as a name that can't be among the manifests;
    if it returns None, nothing is expected. `judge` takes the name, what was read, and the run.
    """

    rank: int
    schema: Mapping[str, Any]
    example: str
    read: Callable[[Fields, Any, str, Manifests | None], T | None]
    judge: Callable[[str, T, Run], Iterator[Verdict]]
    listed: int = 0


COMPARISON = {"type": "string", "pattern": r"^\s*(>=|<=|==|!=|>|<)\s*\S+\s*$"}


def bound(
    rank: int, example: str, number: Callable[[Run], float], shown: str = "{}", listed: int = 0
) -> Expectation[Comparison]:
    """Make the expectation that a number of the run keeps a bound; `shown` is how the number is written."""

    def read(fields: Fields, value: Any, path: str, _manifests: Manifests | None) -> Comparison | None:
        return fields.parsed(value, path, Comparison.parse)

    def judge(name: str, wanted: Comparison, run: Run) -> Iterator[Verdict]:
        seen = number(run)
        yield Verdict(name, wanted.text, shown.format(seen), wanted.holds(seen))

    return Expectation(rank, COMPARISON, example, read, judge, listed)


def within(rank: int, example: str, time: Callable[[FaultResult], float | None]) -> Expectation[float]:
    """Make the expectation that something follows each fault within so many seconds; `time` is None if it never did."""

    def read(fields: Fields, value: Any, path: str, _manifests: Manifests | None) -> float | None:
        return fields.duration(value, path)

    def judge(name: str, wanted: float, run: Run) -> Iterator[Verdict]:
        times = [time(fault) for fault in run.summary.faults]
        came = [time for time in times if time is not None]
        missing = len(times) - len(came)
        seen = f"{max(came):.2f}s" if came else "never"
        seen += f", {missing} of {len(times)} never" if missing and came else ""
        passed = bool(came) and not missing and max(came) <= wanted
        yield Verdict(name, f"{wanted:g}s", seen if times else "no fault", passed)

    return Expectation(rank, DURATION, example, read, judge)


def expression(fields: Fields, value: Any, path: str) -> str:
    """Read a regular expression."""
    text = fields.text(value, path)
    try:
        re.compile(text)
    except re.error as error:
        fields.wrong(path, f"is not a regular expression: {error}")
    return text


@functools.cache
def expectations() -> Mapping[str, Expectation[Any]]:
    """Return every expectation by its name, as they are listed; their files are imported at the first call."""
    names = [file.name for file in pkgutil.iter_modules(__path__)]
    found = {name: import_module(f"{__name__}.{name}").EXPECTATION for name in names}
    return dict(sorted(found.items(), key=lambda item: item[1].listed or item[1].rank))


def read_expectations(fields: Fields, value: Any, manifests: Manifests | None = None) -> dict[str, Any]:
    """Read the expectations by name; with `manifests`, a pod that can't be among them is a mistake."""
    known = expectations()
    raw = fields.mapping(value, "expect", known)
    read = {name: known[name].read(fields, given, f"expect.{name}", manifests) for name, given in raw.items()}
    return {name: wanted for name, wanted in read.items() if wanted is not None}


def judge(expect: Mapping[str, Any], run: Run) -> list[Verdict]:
    """Judge a run by what was read of its file, one after another by their ranks."""
    known = expectations()
    turns = sorted(expect, key=lambda name: known[name].rank)
    return [verdict for name in turns for verdict in known[name].judge(name, expect[name], run)]

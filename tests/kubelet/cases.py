"""Which conformance cases a test stands for, and what it shows of each: `make fidelity` counts both.

`cases.txt` lists the cases' ids. What they expect is in a file beside this repository, `../shared/kubelet/cases.yaml`:
where that is, a test compares what it has found with a case's `expect`, key by key. Without it the tests rely on the
values in their own tables, and no case is counted as passed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from _pytest.mark.structures import ParameterSet

IDS = frozenset(Path(__file__).with_name("cases.txt").read_text().split())
CASES = Path(__file__).parents[3] / "shared" / "kubelet" / "cases.yaml"
PROSE = {"note", "measures"}
"""The keys of `expect` that explain another one."""


def case(name: str, *values: Any) -> ParameterSet:
    """Return a row that stands for the case of this name, or for several; a name that is not listed only names it."""
    known = [word for word in name.split() if word in IDS]
    return pytest.param(*values, id=name, marks=[pytest.mark.case(*known)] if known else ())


@cache
def expectations() -> Mapping[str, Mapping[str, Any]]:
    """Return what each case expects, by its id; nothing where the file is missing."""
    if not CASES.exists():
        return {}
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return {one["id"]: one["expect"] for one in yaml.load(CASES.read_text(), loader)}


def keys(name: str) -> frozenset[str]:
    """Return the keys that a test must compare for the case to count."""
    return frozenset(expectations().get(name, {})) - PROSE


def whole(name: str, compared: Collection[str]) -> frozenset[str]:
    """Return the keys of a case that are among those compared, in the words of `Expect`; in parts: all parts of it."""
    expected = expectations().get(name, {})
    return frozenset(
        key
        for key in keys(name)
        if f"{name} {key}" in compared
        or (
            isinstance(expected[key], list)
            and {f"{name} {key}[{i}]" for i in range(len(expected[key]))} <= set(compared)
        )
    )


@dataclass(frozen=True)
class Means:
    """What a case says in words, and whether that was found."""

    words: str
    found: bool


@dataclass(frozen=True)
class Where:
    """What must hold of a case's value, where it is a bound or has other words."""

    holds: Callable[[Any], bool]


@dataclass(frozen=True)
class Each:
    """One of the values of a case that a test has a row for each of."""

    value: Any
    place: int


@dataclass(frozen=True)
class Expect:
    """Compares what a test has found with what its cases expect, and notes the keys that it has compared."""

    node: pytest.Item

    def __call__(self, *names: str, **found: Any) -> None:
        """Compare these keys of the named cases, by default of all that the test stands for, if they have them."""
        carried = [name for mark in self.node.iter_markers("case") for name in mark.args]
        assert set(names) <= set(carried)
        for name in names or carried:
            expected = expectations().get(name, {})
            for key in found.keys() & expected.keys():
                self._compare(f"{name}: {key}", found[key], expected[key])
                self._note(name, key, found[key])

    def _compare(self, what: str, found: Any, expected: Any) -> None:
        if isinstance(found, Each):
            found, expected = found.value, expected[found.place]
        if isinstance(found, Means):
            assert found.words == expected, what
            assert found.found, what
        elif isinstance(found, Where):
            assert found.holds(expected), f"{what}: {expected}"
        else:
            assert plain(found) == pytest.approx(expected) if numbers(expected) else plain(found) == expected, what

    def _note(self, name: str, key: str, found: Any) -> None:
        part = f"[{found.place}]" if isinstance(found, Each) else ""
        self.node.user_properties.append(("compared", f"{name} {key}{part}"))


def plain(value: Any) -> Any:
    """Return a value as YAML has it."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, Iterable):
        return [plain(one) for one in value]
    return value


def numbers(value: Any) -> bool:
    """Return whether a value consists of numbers, which are compared but for their last digits."""
    if isinstance(value, list):
        return bool(value) and all(map(numbers, value))
    return isinstance(value, int | float) and not isinstance(value, bool)

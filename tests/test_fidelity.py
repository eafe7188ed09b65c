"""Every conformance case and every trace is applied, or set aside with its reason."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests import fidelity
from tests.docs_tables import ROOT
from tests.fidelity import Count, listed, set_aside
from tests.kubelet import cases


def test_nothing_is_forgotten() -> None:
    """Collects as `make fidelity` does, which fails if a list and the tests' marks do not agree."""
    command = [sys.executable, "-m", "pytest", "-p", "tests.fidelity", "--collect-only", "-qq"]
    done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stdout[-2000:]


def test_the_lists() -> None:
    assert len(listed("case")) == 375
    assert {"01-soft-crash/1.36", "01-soft-crash/1.20", "22-sidecar/1.36"} <= listed("trace")
    assert set_aside("case") <= listed("case")


def test_a_case_counts_if_every_key_of_what_it_expects_was_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fidelity, "listed", lambda _: frozenset({"whole", "half", "none", "parts"}))
    monkeypatch.setattr(fidelity, "set_aside", lambda _: frozenset())
    expected = {"a": 1, "b": [1, 2], "note": "b may be more"}
    monkeypatch.setattr(cases, "expectations", lambda: dict.fromkeys(("whole", "half", "none", "parts"), expected))
    passed = {"whole", "half", "none", "parts"}
    compared = {"whole a", "whole b", "half a", "parts a", "parts b[0]", "parts b[1]"}
    count = Count("case", carried=set(passed), passed=passed, compared=compared)

    assert str(count) == "cases: 4 applied, 2 passed, 0 set aside"
    assert list(count.omissions()) == ["not compared of case half: b", "not compared of case none: a, b"]


def test_without_the_cases_none_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    for room in (fidelity, cases):
        monkeypatch.setattr(room, "expectations", dict)
    count = Count("case", carried={"a"}, passed={"a"})

    assert count.good == set()
    assert list(count.omissions()) == [f"cases can't be compared: {cases.CASES} is missing"]


def test_what_is_wrong_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fidelity, "listed", lambda _: frozenset("abc"))
    monkeypatch.setattr(fidelity, "set_aside", lambda _: frozenset("bd"))
    count = Count("trace", carried=set("abx"), passed=set("ab"), failed=set("b"))
    assert list(count.complaints()) == [
        "traces neither applied nor set aside: c",
        "traces applied but not listed: x",
        "traces both applied and set aside: b",
        "traces set aside but not listed: d",
    ]
    assert str(count) == "traces: 2 applied, 1 passed, 2 set aside"

"""Every conformance case and every trace is applied, or set aside with its reason."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests import fidelity
from tests.docs_tables import ROOT
from tests.fidelity import Count, listed, set_aside


def test_nothing_is_forgotten() -> None:
    """Collects as `make fidelity` does, which fails if a list and the tests' marks do not agree."""
    command = [sys.executable, "-m", "pytest", "-p", "tests.fidelity", "--collect-only", "-qq"]
    done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stdout[-2000:]


def test_the_lists() -> None:
    assert len(listed("case")) == 375
    assert {"01-soft-crash/1.36", "01-soft-crash/1.20", "22-sidecar/1.36"} <= listed("trace")
    assert set_aside("case") <= listed("case")


def test_what_is_wrong_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fidelity, "listed", lambda _: frozenset("abc"))
    monkeypatch.setattr(fidelity, "set_aside", lambda _: frozenset("bd"))
    count = Count("case", carried=set("abx"), passed=set("ab"), failed=set("b"))
    assert list(count.complaints()) == [
        "cases neither applied nor set aside: c",
        "cases applied but not listed: x",
        "cases both applied and set aside: b",
        "cases set aside but not listed: d",
    ]
    assert str(count) == "cases: 2 applied, 1 passed, 2 set aside"

"""Counts the conformance cases and traces that the tests apply: `make fidelity`, or `pytest -p tests.fidelity`.

A test carries the cases that it stands for as `@pytest.mark.case("id", …)`, a kubelet's trace as
`@pytest.mark.trace("id")`, a workload's as `@pytest.mark.workload("id")`. Every id of the lists must be carried by a
test, or be set aside with its reason: in a table of docs/fidelity.md, a workload's trace in the list itself.

A case has passed if its tests have, and have compared every key of what it expects (`tests/kubelet/cases.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from tests.engines.recordings import listed as workloads
from tests.kubelet.cases import CASES, expectations, keys, whole

TESTS = Path(__file__).parent
DOCUMENT = TESTS.parent / "docs" / "fidelity.md"
KINDS = ("case", "trace", "workload")


def listed(kind: str) -> frozenset[str]:
    """Return the ids of all cases, of all traces of kubelets (`scenario/version`), or of all traces of workloads."""
    if kind == "workload":
        return frozenset(workloads())
    if kind == "case":
        return frozenset((TESTS / "kubelet" / "cases.txt").read_text().split())
    traces: Mapping[str, Mapping[str, object]] = yaml.safe_load((TESTS / "kubelet" / "traces.yaml").read_text())
    return frozenset(f"{name}/{version}" for name, trace in traces.items() for version in trace if version[0].isdigit())


def set_aside(kind: str) -> frozenset[str]:
    """Return the ids that the document sets aside: the first column of the table under that heading."""
    if kind == "workload":
        return frozenset(name for name, reason in workloads().items() if reason)
    text = DOCUMENT.read_text() if DOCUMENT.exists() else ""
    section = re.search(rf"^## {kind.capitalize()}s set aside\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    return frozenset(re.findall(r"^\| `([^`]+)` \| \S", section[1], re.MULTILINE) if section else ())


@dataclass
class Count:
    """What became of the cases, or of the traces."""

    kind: str
    carried: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)
    passed: set[str] = field(default_factory=set)
    compared: set[str] = field(default_factory=set)
    """The keys of cases, as `id key`, that a test has compared."""

    def __str__(self) -> str:
        aside = set_aside(self.kind)
        applied = self.carried & listed(self.kind)
        return f"{self.kind}s: {len(applied)} applied, {len(applied & self.good)} passed, {len(aside)} set aside"

    @property
    def good(self) -> set[str]:
        """Return what no test has failed, and at least one has passed, and of cases those that were compared whole."""
        good = self.passed - self.failed
        return good - self.uncompared().keys() if self.kind == "case" else good

    def uncompared(self) -> dict[str, list[str]]:
        """Return which keys of the cases that have passed were not compared."""
        found = {name: sorted(keys(name) - whole(name, self.compared)) for name in self.passed}
        return {name: missing for name, missing in found.items() if missing or not keys(name)}

    def omissions(self) -> Iterator[str]:
        """Return a line for each case that has passed without being compared whole."""
        if self.kind == "case" and self.passed and not expectations():
            yield f"cases can't be compared: {CASES} is missing"
        elif self.kind == "case":
            for name, missing in sorted(self.uncompared().items()):
                yield f"not compared of case {name}: {', '.join(missing)}"

    def complaints(self) -> Iterator[str]:
        """Return what is wrong with the lists."""
        every, aside = listed(self.kind), set_aside(self.kind)
        for problem, ids in (
            ("neither applied nor set aside", every - self.carried - aside),
            ("applied but not listed", self.carried - every),
            ("both applied and set aside", self.carried & aside),
            ("set aside but not listed", aside - every),
        ):
            if ids:
                yield f"{self.kind}s {problem}: {' '.join(sorted(ids))}"


COUNTS = {kind: Count(kind) for kind in KINDS}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave only the tests that carry a case or a trace, and have their reports say which (to xdist's master too)."""
    kept = []
    for item in items:
        ids = [(mark.name, name) for mark in item.iter_markers() if mark.name in KINDS for name in mark.args]
        if ids:
            kept.append(item)
            item.user_properties += ids
    config.hook.pytest_deselected(items=[item for item in items if item not in set(kept)])
    items[:] = kept
    for item in kept:
        for kind, name in item.user_properties:
            COUNTS[kind].carried.add(str(name))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note what came of each case; a test that is skipped has not passed."""
    for kind, name in report.user_properties:
        if kind == "compared" and report.passed:
            COUNTS["case"].compared.add(str(name))
        if kind in COUNTS:
            COUNTS[kind].carried.add(str(name))
            if report.failed:
                COUNTS[kind].failed.add(str(name))
            elif report.passed and report.when == "call":
                COUNTS[kind].passed.add(str(name))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail if the lists do not agree."""
    if not hasattr(session.config, "workerinput") and any(list(count.complaints()) for count in COUNTS.values()):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the counts."""
    terminalreporter.section("fidelity")
    for count in COUNTS.values():
        for complaint in count.complaints():
            terminalreporter.line(complaint, red=True)
        for omission in count.omissions():
            terminalreporter.line(omission, yellow=True)
        terminalreporter.line(str(count))

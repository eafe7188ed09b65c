"""What pytest tells at its end: what was skipped, and how to have it; which tests needed a second try.

.ci/run gives tests of real time a second one (`--reruns 1`), and names a file in RETRIED that collects their names.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import settings

from tests.kubelet.cases import Expect

settings.register_profile("crashy", deadline=None)  # no test depends on how fast the machine is
if "CI" not in os.environ:  # where Hypothesis' own profile has that too
    settings.load_profile("crashy")


@pytest.fixture
def expect(request: pytest.FixtureRequest) -> Expect:
    """Compare with the conformance cases that the test stands for."""
    return Expect(request.node)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print each reason for which tests were skipped, with their number, and each test that was run again."""
    if hasattr(terminalreporter.config, "workerinput"):
        return  # pytest-xdist: whoever started the workers tells it
    reasons = Counter(str(report.longrepr[2]) for report in terminalreporter.stats.get("skipped", ()))
    if reasons:
        terminalreporter.section("skipped")
    for reason, count in sorted(reasons.items(), key=lambda item: (-item[1], item[0])):
        terminalreporter.line(f"{count:4} {'tests' if count > 1 else 'test '}  {reason.removeprefix('Skipped: ')}")
    again = sorted({report.nodeid for report in terminalreporter.stats.get("rerun", ())})
    if again:
        terminalreporter.section("run again, since they had failed")
    for name in again:
        terminalreporter.line(name)
    if again and "RETRIED" in os.environ:
        with Path(os.environ["RETRIED"]).open("a") as file:
            file.writelines(f"{name}\n" for name in again)

"""The order of the tests; what pytest tells at its end: what was skipped, how to have it, what needed a second try.

.ci/run gives tests of real time a second one (`--reruns 1`), and names a file in RETRIED that collects their names.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import settings

from tests.kubelet.cases import Expect

TESTS = Path(__file__).parent
# What mostly waits comes first, the longest files before all: so one lab runs beside another, not beside a test that
# keeps a core busy, and no worker of `make test` ends minutes after the others.
ORDER = (
    *("commands/test_lab_ctl.py", "test_pytest_plugin.py", "commands/test_lab.py", "commands/test_lab_elsewhere.py"),
    "test_your_app.py",
    *("engines/test_recorded_pods.py", "engines/test_limits.py", "engines/test_ready_while_stopping.py"),
    *("engines/lab/", "engines/", "commands/", "library/", "test_integrations.py", "server/"),
    "experiment/test_other_apps_lessons.py",
)

settings.register_profile("crashy", deadline=None)  # no test depends on how fast the machine is
if "CI" not in os.environ:  # where Hypothesis' own profile has that too
    settings.load_profile("crashy")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests in that order; without xdist too, where it does not matter."""
    items.sort(key=_place)


def _place(item: pytest.Item) -> int:
    path = item.path.relative_to(TESTS).as_posix() if item.path.is_relative_to(TESTS) else ""
    return next((place for place, start in enumerate(ORDER) if path.startswith(start)), len(ORDER))


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

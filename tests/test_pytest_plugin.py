"""The pytest plugin, as a project uses it that knows nothing of crashy's tests: docs/pytest.md is run here."""

from __future__ import annotations

import os
import re
import signal
import sys
from pathlib import Path

import pytest

from tests.commands.labs import eventually, lab_processes

pytest_plugins = ["pytester"]

PAGE = (Path(__file__).parent.parent / "docs" / "pytest.md").read_text()
BLOCKS: dict[str, str] = dict(re.findall(r"```\w+\n# (\S+)\n(.*?)```", PAGE, re.DOTALL))
REPORTS = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)

POD = """
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {containers: [{name: web, image: crashy-app}]}
"""
FAILING = """
from urllib.error import HTTPError
from urllib.request import urlopen

def ask(url):
    try:
        with urlopen(url) as answer:
            return answer.status
    except HTTPError as error:
        with error:
            return error.code

def test_the_shop_is_asked_once(crashy_patient):
    crashy_patient.inject("error code=503 times=1")
    assert ask(crashy_patient.url + "/info") == 200

def test_a_frozen_pod_is_restarted(crashy_lab):
    lab = crashy_lab("without-probes.yaml")
    lab.freeze("web")
    lab.wait_for("Killing", timeout=0.5)
"""


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """Make a folder with the page's settings: warnings are errors there."""
    (pytester.path / "pytest.ini").write_text(BLOCKS["pytest.ini"])
    return pytester


@pytest.mark.parametrize("name", sorted(name for name in BLOCKS if name.startswith("test_")))
def test_the_page_s_examples_pass(project: pytest.Pytester, name: str) -> None:
    for other in (name, "freeze.yaml"):
        (project.path / other).write_text(BLOCKS[other])

    result = project.runpytest_subprocess(name)

    assert result.ret == 0
    result.assert_outcomes(passed=BLOCKS[name].count("\ndef test_") + BLOCKS[name].count("\nasync def test_"))


def test_a_failed_test_s_report_is_the_page_s(project: pytest.Pytester) -> None:
    (project.path / "test_failing.py").write_text(FAILING)
    (project.path / "without-probes.yaml").write_text(POD)

    result = project.runpytest_subprocess()

    result.assert_outcomes(failed=2)
    for report in REPORTS:
        lines = [line for line in report.splitlines() if line.strip()]
        result.stdout.re_match_lines(
            [re.sub(r"\d+\\\.\d+(?=m?s)", r"\\d+\\.\\d+", re.escape(line)) + "$" for line in lines]
        )
    assert "crashy/library" not in result.stdout.str(), "its own frames are left out"


def test_labs_of_one_test_are_reported_apart(project: pytest.Pytester) -> None:
    (project.path / "pod.yaml").write_text(POD)
    project.makepyfile(
        """
        def test_two(crashy_lab, crashy_patient):
            for fault in ("unready", "freeze", "crash"):
                crashy_lab("pod.yaml").inject("web", fault)
            raise ValueError
        """
    )

    result = project.runpytest_subprocess()

    titles = re.findall(r"^-+ Captured (crashy.*) call -+$", result.stdout.str(), re.MULTILINE)
    assert titles == ["crashy_patient", "crashy_lab", "crashy_lab 2", "crashy_lab 3"]
    result.stdout.re_match_lines([r".* Injected .* unready", ".* Captured crashy_lab 2 .*", r".* Injected .* freeze"])


def test_the_tests_are_apart_on_each_worker(project: pytest.Pytester) -> None:
    """Whatever a test leaves behind, the next one finds a patient that is well and has seen nothing."""
    left = [
        "error code=503",
        "freeze mode=hang",
        "freeze mode=loop",
        "freeze mode=stop for=1h",
        "latency delay=1h",
        "crash",
    ]
    left += ["crash after=1h", "crash mode=errors", "freeze mode=deaf"]
    project.makepyfile(
        f"""
        import contextlib, urllib.request
        import pytest

        @pytest.mark.parametrize("left", {left})
        def test_it_is_left_ill(crashy_patient, left):
            assert crashy_patient.requests == []
            with urllib.request.urlopen(crashy_patient.url) as answer:
                assert answer.status == 200
            assert len(crashy_patient.requests) == 1
            crashy_patient.inject(left)
            with contextlib.suppress(OSError):
                urllib.request.urlopen(crashy_patient.url, timeout=0.1).close()
        """
    )

    project.runpytest_subprocess("-n2").assert_outcomes(passed=len(left))


def test_nothing_of_crashy_is_imported_unless_a_fixture_is_used(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import sys

        def test_nothing():
            ours = {name for name in sys.modules if name.partition(".")[0] == "crashy"}
            assert ours == {"crashy", "crashy.pytest_plugin"}
            assert not {"aiohttp", "yaml", "uvloop", "rich"} & set(sys.modules)
        """
    )
    others = ("aiohttp", "asyncio", "hypothesispytest", "schemathesis", "pytest_cov", "anyio", "xdist")  # import much

    project.runpytest_subprocess("-c", os.devnull, *(f"-pno:{other}" for other in others)).assert_outcomes(passed=1)


def test_without_the_extra_the_line_that_needs_it_says_how_to_have_it(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import sys

        def test_lab(crashy_lab, monkeypatch):
            monkeypatch.setitem(sys.modules, "yaml", None)
            crashy_lab("pod.yaml")
        """
    )

    result = project.runpytest_subprocess("-pno:schemathesis")  # it imports yaml

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["> *crashy_lab(*", "E *ImportError: crashy.Lab needs yaml*pip install 'crashy*lab*'"])


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_nothing_is_left_when_the_tests_are_killed(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    marker = f"LEFT_BY={project.path}"
    monkeypatch.setenv(*marker.split("=", 1))
    (project.path / "pod.yaml").write_text(POD)
    project.makepyfile(
        """
        import os, signal

        def test_it_ends_here(crashy_patient, crashy_lab):
            crashy_lab("pod.yaml")
            os.kill(os.getpid(), signal.SIGKILL)
        """
    )

    result = project.runpytest_subprocess()

    assert result.ret == -signal.SIGKILL
    eventually(lambda: not lab_processes(marker))

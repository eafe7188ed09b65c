"""docs/your-app.md is true: its apps are real programs that nobody changed, and what it shows of their runs is so."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from crashy import cli
from crashy.engines.lab.images import search_path
from crashy.experiment.read import read_experiment
from tests.commands.labs import crashy
from tests.docs_tables import ROOT
from tests.needs import missing
from tests.side_by_side import too_busy
from tests.your_app import APPS, HEAD, PAGE, PROGRAMS, experiments, rows, run_apps

pytestmark = pytest.mark.slow

TEXT = PAGE.read_text()
BLOCKS = re.findall(r"```sh\n(.*?)```\n(?:\n```text\n(.*?)```)?", TEXT, re.DOTALL)
(LAB, LAB_SHOWN), (RUNS, _), (REFUSED, WHY) = [(block.replace("\\\n", ""), shown) for block, shown in BLOCKS]
PROBES = {"readinessProbe", "livenessProbe"}


def is_here(app: str) -> bool:
    return shutil.which(PROGRAMS[app], path=search_path()) is not None


def shown(app: str) -> list[tuple[str, ...]]:
    """Return the rows of an app's table in the page."""
    (block,) = re.findall(rf"<!-- {app} -->\n(.*?)\n<!-- end {app} -->", TEXT, re.DOTALL)
    return [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in block.splitlines()[2:]]


def what_happened(row: tuple[str, ...]) -> tuple[str, ...]:
    """Return a row without the numbers of users' requests, which no run repeats."""
    return tuple(cell for cell, name in zip(row, HEAD, strict=True) if "users" not in name)


def lines(text: str) -> set[str]:
    """Return what is the same in each run of what a command has printed."""
    return {re.sub(r"api-[a-z0-9-]+|[0-9.]+|\s+", " ", line) for line in text.splitlines()}


def probeless(file: Path) -> list[dict[str, Any]]:
    """Return a file's objects without what is mended in it."""
    objects = [*yaml.safe_load_all(file.read_text())]
    for container in objects[0]["spec"]["template"]["spec"]["containers"]:
        for probe in PROBES & container.keys():
            del container[probe]
    return objects


@pytest.mark.parametrize("app", APPS)
def test_its_program_is_on_this_machine_and_in_the_table_of_the_page(app: str) -> None:
    assert shown(app)
    if not is_here(app):
        pytest.skip(missing(PROGRAMS[app]))


@pytest.mark.parametrize("app", APPS)
def test_probes_are_mended_and_nothing_else(app: str) -> None:
    found, mended = (read_experiment(file) for file in experiments(app))

    assert [step.text for step in found.steps] == [step.text for step in mended.steps]
    assert (found.traffic, found.duration, found.images) == (mended.traffic, mended.duration, mended.images)
    assert probeless(APPS[app] / "deployment.yaml") == probeless(APPS[app] / "deployment-mended.yaml")


@pytest.mark.parametrize("app", APPS)
def test_sim_foretells_the_verdicts(app: str, capsys: pytest.CaptureFixture[str]) -> None:
    for file in experiments(app):
        assert cli.main(["run", str(file), "--on", "sim", "--seed", "1", "--quiet"]) == 0, capsys.readouterr().out


@pytest.mark.parametrize("app", APPS)
def test_the_page_names_the_command_that_runs_it(app: str) -> None:
    files = " ".join(str(file.relative_to(ROOT)) for file in experiments(app))

    assert f"crashy run {files} --compare" in RUNS.splitlines()


def test_what_only_an_app_itself_could_do_is_refused_as_the_page_says() -> None:
    _, *words = shlex.split(REFUSED)
    ended = crashy(*words, cwd=ROOT)

    assert (ended.returncode, ended.stdout, ended.stderr) == (2, "", WHY)


def test_what_befalls_the_apps_is_as_the_page_says(tmp_path: Path) -> None:
    """If the tables are no longer right: `.venv/bin/python -m tests.your_app`."""
    if not is_here("node"):
        pytest.skip(missing("node"))
    apps = [app for app in APPS if is_here(app)]
    lab = subprocess.Popen(
        [sys.executable, "-m", *shlex.split(LAB)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT
    )
    try:
        ran = run_apps(apps, tmp_path)
        printed, _ = lab.communicate(timeout=60)
    finally:
        lab.terminate()
        lab.wait(20)

    made = {app: [*map(what_happened, rows(app, ran))] for app in apps}
    wanted = {app: [*map(what_happened, shown(app))] for app in apps}
    if any(one.code for one in ran.values()) or made != wanted:
        too_busy(ran.values())
    assert {file: (one.code, one.missed) for file, one in ran.items()} == dict.fromkeys(ran, (0, []))
    assert made == wanted
    assert lab.returncode == 0
    assert lines(LAB_SHOWN) <= lines(printed)

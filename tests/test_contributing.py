"""CONTRIBUTING.md: its recipes name what is there, and need no more files than they should."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs_tables import TABLES

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "CONTRIBUTING.md").read_text()
RECIPES = dict(re.findall(r"^### (.+)\n((?:(?!^##).*\n)*)", TEXT, re.MULTILINE))
GOALS = {
    # the most files: of the source, and in all
    "A fault": (1, 3),
    "A fault with an effect of its own on the process": (3, 5),
    "A setting": (1, 3),
    "A workload kind": (6, 12),
    "An expectation": (1, 3),
    "A persona": (2, 4),
    "A check rule": (2, 4),
}
GENERATED = {*TABLES, "docs/experiment.schema.json"}


def files(recipe: str) -> list[str]:
    """Return the files of the recipe's trial."""
    (stat,) = re.findall(r"```text\n(.*?)```", RECIPES[recipe], re.DOTALL)
    return [line.split("|")[0].strip() for line in stat.splitlines()]


def test_there_is_a_recipe_for_each() -> None:
    assert {*RECIPES} == {*GOALS}


@pytest.mark.parametrize("recipe", GOALS)
def test_a_recipe_needs_no_more_files_than_it_should(recipe: str) -> None:
    named = files(recipe)
    source = [name for name in named if name.startswith("crashy/")]

    assert named
    assert not GENERATED & {*named}
    assert (len(source), len(named)) <= GOALS[recipe]
    assert len(source) <= GOALS[recipe][0]
    assert len(named) <= GOALS[recipe][1]


@pytest.mark.parametrize("recipe", GOALS)
def test_what_a_recipe_names_is_there_or_has_its_place(recipe: str) -> None:
    named = re.findall(r"`((?:crashy|tests)/[^`]+)`", RECIPES[recipe])

    assert named
    for name in (*named, *files(recipe)):
        path = ROOT / name
        assert path.exists() or path.parent.is_dir(), name
        assert path.exists() or re.search("[A-Z]{4}", path.stem) or name in files(recipe), name


def test_every_folder_of_the_house_is_in_the_table() -> None:
    table = TEXT.partition("| room |")[2].partition("\n\n")[0]
    rooms = {path.name for path in (ROOT / "crashy").iterdir() if (path / "__init__.py").exists()}

    assert {room for room in rooms if f"`{room}/`" not in table} == set()

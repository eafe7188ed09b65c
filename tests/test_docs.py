"""What the documents say of the code is what the code says of itself."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from crashy.cli import APPS, COMMANDS
from tests.docs_tables import ROOT, TABLES, filled

DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


@pytest.mark.parametrize("document", TABLES)
def test_its_tables_are_those_of_the_code(document: str) -> None:
    """If this fails: `.venv/bin/python -m tests.docs_tables`."""
    assert (ROOT / document).read_text() == filled(document)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_into_the_project_leads_somewhere(document: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", document.read_text())

    assert [link for link in links if not (document.parent / link).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_crashy_command_it_names_exists(document: Path) -> None:
    code = "\n".join(re.findall(r"```sh\n.*?```|`crashy [^`]+`", document.read_text(), re.DOTALL))
    named = re.findall(r"\bcrashy ([a-z][a-z-]*)\b", code)

    assert set(named) <= {*COMMANDS, *APPS}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_make_target_it_names_exists(document: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = re.findall(r"(?:^|`)make ((?:[a-z-]+ ?)+)", document.read_text(), re.MULTILINE)

    assert {word for words in named for word in words.split()} <= targets

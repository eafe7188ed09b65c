"""The examples in the library's own pages are true."""

from __future__ import annotations

import doctest
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOM = ROOT / "crashy"
WITH_EXAMPLES = [path for path in sorted(ROOM.rglob("*.py")) if "\n    >>> " in path.read_text()]


@pytest.mark.parametrize("path", WITH_EXAMPLES, ids=lambda path: str(path.relative_to(ROOM)))
def test_examples(path: Path) -> None:
    result = doctest.testmod(import_module(".".join(path.relative_to(ROOT).with_suffix("").parts)))
    assert result.attempted > 0
    assert result.failed == 0


PARTS = (
    "objects/pod",
    "controllers/endpoints",
    *(f"kubelet/{n}" for n in ("worker", "backoff", "pod", "events", "handlers/request")),
)


@pytest.mark.parametrize("name", PARTS)
def test_each_part_that_others_use_has_examples(name: str) -> None:
    assert ROOM / f"{name}.py" in WITH_EXAMPLES


def test_the_librarys_page() -> None:
    result = doctest.testfile(str(ROOT / "docs" / "kubelet-library.md"), module_relative=False, encoding="utf-8")
    assert result.attempted > 40
    assert result.failed == 0

"""Which conformance cases a table's rows stand for: `cases.txt` lists their ids, `make fidelity` counts them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from _pytest.mark.structures import ParameterSet

IDS = frozenset(Path(__file__).with_name("cases.txt").read_text().split())


def case(name: str, *values: Any) -> ParameterSet:
    """Return a row that stands for the case of this name, or for several; a name that is not listed only names it."""
    known = [word for word in name.split() if word in IDS]
    return pytest.param(*values, id=name, marks=[pytest.mark.case(*known)] if known else ())

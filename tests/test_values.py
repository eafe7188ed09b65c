"""What is handed in and out can't be changed by who has it."""

from __future__ import annotations

import dataclasses
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = [ROOT / "crashy" / name for name in ("objects", "kubelet", "controllers")]


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


VALUES = [
    value
    for room in ROOMS
    for path in sorted(room.glob("*.py"))
    for name, value in vars(import_module(module_of(path))).items()
    if isinstance(value, type)
    and dataclasses.is_dataclass(value)
    and value.__module__ == module_of(path)
    and name[0] != "_"
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: value.__qualname__)
def test_values_are_frozen(value: type) -> None:
    assert value.__dataclass_params__.frozen  # type: ignore[attr-defined]
    assert "__slots__" in vars(value)

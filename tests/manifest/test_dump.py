"""Objects are written so that kubectl reads the same objects again."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crashy.manifest.dump import dump
from crashy.manifest.parse import parse_values

WORDS = [
    "y",
    "yes",
    "off",
    "~",
    "null",
    "1e3",
    "0o17",
    "017",
    "1_000",
    ".inf",
    "2026-11-29",
    "80",
    "- a",
    "a: b",
    "é",
    "",
]
TEXT = st.one_of(st.sampled_from(WORDS), st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"))))
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=8,
)


def read_again(*objects: Any) -> list[Any]:
    values, errors = parse_values(dump(objects).encode(), "dumped")
    assert errors == []
    return values


@pytest.mark.parametrize("word", WORDS)
def test_a_text_stays_a_text(word: str) -> None:
    assert read_again({"value": word}) == [{"value": word}]


def test_lines_stay_lines_and_what_occurs_twice_is_written_twice() -> None:
    labels = {"app": "web"}
    text = dump([{"labels": labels, "selector": labels, "script": "set -e\nsleep 1\n"}])

    assert "&" not in text
    assert text.endswith("script: |\n  set -e\n  sleep 1\n")


@settings(max_examples=40)
@given(st.dictionaries(TEXT, VALUES, min_size=1, max_size=4))
def test_whatever_is_written_is_read_again(one: dict[str, Any]) -> None:
    assert read_again(one) == [one]

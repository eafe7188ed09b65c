"""Regular expressions of kustomizations: what Go reads in linear time must not keep Python busy."""

from __future__ import annotations

import re

import pytest

from crashy.manifest.patterns import Costly, compile_pattern


@pytest.mark.parametrize("text", ["web", "web-.*", "(web|api)-.*", "[a-z(+*]+x", r"a\)+b", "web-[0-9]{1,3}", "(web)?"])
def test_usual_patterns_are_compiled(text: str) -> None:
    assert compile_pattern(text).pattern == text


@pytest.mark.parametrize("text", ["(x+x+)+y", "(a|a)*b", "(a*){2,}", ".*.*.*.*x"])
def test_what_may_take_too_long_is_refused(text: str) -> None:
    with pytest.raises(Costly, match="repeats a group, or more than 3 times; render it first: kustomize build DIR"):
        compile_pattern(text)


@pytest.mark.parametrize("text", ["(", "[[:alpha:]]"])
def test_what_python_reads_differently_is_no_pattern(text: str) -> None:
    with pytest.raises(re.error):
        compile_pattern(text)

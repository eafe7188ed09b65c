from typing import Any

import pytest

from crashy.fields.values import Choice, OneOf


def test_a_word_must_be_written_exactly_so_but_a_choice_may_be_in_any_case_and_with_its_prefix() -> None:
    assert OneOf("text", "json").from_text("json") == "json"
    assert Choice("SEGV", "KILL", prefix="SIG").from_text("sigsegv") == "SEGV"
    assert Choice("SEGV", "KILL", prefix="SIG").from_text("kill") == "KILL"


@pytest.mark.parametrize("value", ["JSON", "", None, 1, ["json"], {}])
def test_any_other_value_is_refused_with_the_words_that_there_are(value: Any) -> None:
    with pytest.raises(ValueError, match=r"^text or json$"):
        OneOf("text", "json").from_json(value)
    with pytest.raises(ValueError, match=r"^one of a, b, c$"):
        Choice("a", "b", "c").from_json(value)

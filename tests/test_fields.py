from typing import Any, ClassVar

import pytest

from crashy.fields import Declared, param
from crashy.fields.values import Integer, Probability


class Limits(Declared):
    word: ClassVar[str] = "no field"

    share: float = param(Probability(), "a share", default=0.5)


class Ring(Declared):
    times: int | None = param(Integer(1, 9), "how often")
    for_: int = param(Integer(0, 9), "how long", default=2)
    limits: Limits = Limits()


def test_each_field_has_its_default() -> None:
    ring = Ring()

    assert (ring.times, ring.for_, ring.limits) == (None, 2, Limits(share=0.5))


def test_users_know_what_was_declared_for_them_by_its_name() -> None:
    assert {name: key.field for name, key in Ring.keys.items()} == {"times": "times", "for": "for_"}


def test_records_with_the_same_values_are_one() -> None:
    assert Ring(times=3) == Ring(for_=2, times=3) != Ring(times=4)
    assert len({Ring(), Ring(for_=2), Ring(for_=3)}) == 2


def test_a_class_has_its_base_s_fields_too_and_is_another() -> None:
    class Loud(Ring):
        volume: int = param(Integer(0, 11), "how loud", default=11)

    assert list(Loud.keys) == ["times", "for", "volume"]
    assert list(Ring.keys) == ["times", "for"]
    assert Loud() != Ring()


def test_a_record_shows_its_values() -> None:
    assert repr(Ring(times=3)) == "Ring(times=3, for_=2, limits=Limits(share=0.5))"


def test_a_record_is_frozen() -> None:
    ring = Ring()

    with pytest.raises(AttributeError, match="Ring is frozen: times"):
        ring.times = 2  # type: ignore[misc]
    assert ring == Ring()


def test_a_value_for_no_field_is_refused() -> None:
    values: dict[str, Any] = {"time": 1}

    with pytest.raises(TypeError, match="Ring has no time"):
        Ring(**values)

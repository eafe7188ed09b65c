from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crashy.fields.sizes import MOST, OrShare, Percent, Share, Size, format_size


@pytest.mark.parametrize(
    ("value", "size"),
    [("300Mi", 300 << 20), ("1.5Gi", 3 << 29), ("10M", 10**7), ("512", 512), ("1Ti", MOST), (4096, 4096), (2.0, 2)],
)
def test_a_size_is_in_bytes(value: Any, size: int) -> None:
    assert Size().from_json(value) == size


@pytest.mark.parametrize(
    "value", ["", "Mi", "0", "0Mi", "-1Mi", "1m", "300mb", "1e3", "2Ti", "90%", 0, 1.5, True, None, []]
)
def test_what_is_no_size_is_refused_with_what_is_one(value: Any) -> None:
    with pytest.raises(ValueError, match=r"^a size such as 300Mi, at most 1Ti$"):
        Size().from_json(value)


@given(st.integers(1, MOST))
def test_a_size_is_read_back_as_it_was_written(size: int) -> None:
    assert Size().from_json(format_size(size)) == size


@pytest.mark.parametrize("value", ["", "%", "0%", "101%", "-5%", "50", 0.5, None])
def test_what_is_no_share_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"^a share such as 50%, at most 100%$"):
        Percent(100).from_json(value)


def test_a_share_is_of_a_whole() -> None:
    assert Percent(200).from_json("150%").of(64) == 96
    assert str(Share(12.5)) == "12.5%"


@pytest.mark.parametrize("value", ["90%", "300Mi", "1000"])
def test_either_is_written_as_it_was_read(value: str) -> None:
    kind = OrShare(Size(), 200)

    assert kind.to_json(kind.from_json(value)) == value


@pytest.mark.parametrize("value", ["201%", "much", None])
def test_neither_is_refused_with_both(value: Any) -> None:
    with pytest.raises(ValueError, match=r"^a size such as 300Mi, at most 1Ti, or a share such as 50%, at most 200%$"):
        OrShare(Size(), 200).from_json(value)

"""What gRPC's two ends have in common: numbers and fields as protobuf writes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crashy.grpc import fields, varint

NUMBERS = st.integers(0, 2**29 - 1)
VALUES = st.one_of(st.integers(0, 2**64 - 1), st.binary(max_size=200))


def written(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


@given(st.lists(st.tuples(NUMBERS, VALUES), max_size=5))
def test_what_is_written_is_read(message: list[tuple[int, int | bytes]]) -> None:
    assert list(fields(b"".join(written(*one) for one in message))) == message


def test_fields_of_a_fixed_size_are_skipped() -> None:
    message = varint(1 << 3 | 1) + bytes(8) + varint(2 << 3 | 5) + bytes(4) + written(3, 7)

    assert list(fields(message)) == [(3, 7)]


@pytest.mark.parametrize(
    "message",
    [b"\x08", b"\x08\x80", b"\x0a\x05abc", b"\x09\0", b"\x0d\0\0\0", b"\x0b", b"\x08" + b"\xff" * 10 + b"\x01"],
    ids=["no number", "half a number", "too few bytes", "half of 8", "3 of 4", "a group", "a number too long"],
)
def test_what_is_cut_off_or_not_protobuf_is_refused(message: bytes) -> None:
    with pytest.raises(ValueError, match=r"truncated|wire type"):
        list(fields(message))

"""Chunked bodies, whole and broken, in whatever pieces they come."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crashy.chunked import MAX_LINE, ChunkedBody


@pytest.mark.parametrize(
    ("said", "body", "whole", "ended"),
    [
        (b"", b"", False, False),
        (b"2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n", b"abcde", True, True),
        (b"0\r\n\r\n", b"", True, True),
        (b"A;name=value\r\n0123456789\r\n0\r\n\r\n", b"0123456789", True, True),
        (b"  2 \n\r\n\n000\n\n", b"\r\n", True, True),
        (b"5\r\n0\r\n\r\n\r\n0\r\n\r\n", b"0\r\n\r\n", True, True),
        (b"5\r\n0\r\n\r\n\r\n", b"0\r\n\r\n", False, False),
        (b"2\r\nab\r\n0\r\n", b"ab", True, False),
        (b"2\r\nab\r\n0\r\nExpires: never\r\n", b"ab", True, False),
        (b"2\r\nab\r\n0\r\nExpires: never\r\nETag: x\r\n\r\n", b"ab", True, True),
        (b"0\r\n\r\n2\r\nab\r\n", b"", True, True),
        (b"5\r\nab", b"ab", False, False),
        (b"5", b"", False, False),
    ],
)
def test_a_body_as_far_as_it_has_come(said: bytes, body: bytes, whole: bool, ended: bool) -> None:
    chunks = ChunkedBody()

    assert chunks.feed(said) == body
    assert (chunks.whole, chunks.ended, chunks.failure) == (whole, ended, "")


@pytest.mark.parametrize(
    ("said", "body", "failure"),
    [
        (b"xyz\r\n", b"", "invalid byte in chunk length"),
        (b"-1\r\n", b"", "invalid byte in chunk length"),
        (b"0x2\r\nab\r\n", b"", "invalid byte in chunk length"),
        (b"1_0\r\n", b"", "invalid byte in chunk length"),
        (b"1" * 17 + b"\r\n", b"", "invalid byte in chunk length"),
        (b"\r\n", b"", "empty hex number for chunk length"),
        (b"1\r\na\r\n;x\r\n", b"a", "empty hex number for chunk length"),
        (b"1\r\nab\r\n", b"a", "malformed chunked encoding"),
        (b"2;" + b"x" * MAX_LINE, b"", "header line too long"),
        (b"2;" + b"x" * MAX_LINE + b"\r\nab\r\n0\r\n\r\n", b"", "header line too long"),
        (b"1\r\na\r\n0\r\nTrailer: " + b"x" * MAX_LINE, b"a", "header line too long"),
    ],
)
def test_what_is_wrong_is_reported_after_what_came_before_it(said: bytes, body: bytes, failure: str) -> None:
    chunks = ChunkedBody()

    assert (chunks.feed(said), chunks.failure, chunks.ended) == (body, failure, False)
    assert (chunks.feed(b"1\r\na\r\n0\r\n\r\n"), chunks.failure, chunks.ended) == (b"", failure, False)


DATA = st.binary(min_size=1, max_size=300) | st.just(b"0\r\n\r\n") | st.just(b"\r\n0\r\n\r\n")


@given(st.lists(DATA), st.lists(st.sampled_from([b"", b"ETag: x\r\n"]), max_size=3), st.data())
def test_any_cutting_of_the_bytes_gives_the_same_body(
    parts: list[bytes], trailers: list[bytes], data: st.DataObject
) -> None:
    said = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
    said += b"0\r\n" + b"".join(trailers) + b"\r\n"
    cuts = sorted(data.draw(st.lists(st.integers(0, len(said)), max_size=20)))
    pieces = [said[start:end] for start, end in zip([0, *cuts], [*cuts, len(said)], strict=True)]

    chunks = ChunkedBody()
    body = b""
    for piece in pieces:
        assert not chunks.ended or not piece
        body += chunks.feed(piece)

    assert (body, chunks.whole, chunks.ended, chunks.failure) == (b"".join(parts), True, True, "")


@given(
    st.binary(max_size=60) | st.lists(st.sampled_from([b"2", b"\r\n", b"\n", b"ab", b"0", b";", b"z"])).map(b"".join)
)
def test_what_is_read_byte_by_byte_is_what_is_read_at_once(said: bytes) -> None:
    slow, fast = ChunkedBody(), ChunkedBody()

    assert b"".join(slow.feed(said[at : at + 1]) for at in range(len(said))) == fast.feed(said)
    assert (slow.whole, slow.ended, slow.failure) == (fast.whole, fast.ended, fast.failure)

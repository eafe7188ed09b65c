"""Where messages begin and end, however their bytes are split."""

from __future__ import annotations

from collections import deque
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crashy.traffic.splice.http1.framing import Piece, Requests, Responses
from crashy.traffic.splice.http1.heads import RequestHead, read_request, read_response

bodies = st.binary(max_size=60)
tokens = st.sampled_from(["GET", "POST", "DELETE", "X-MINE"])
ends = st.sampled_from(["\r\n", "\n"])


def chunked(parts: list[bytes], trailers: bytes = b"") -> bytes:
    """Write a chunked body."""
    return b"".join(b"%x;ext=1\r\n%s\r\n" % (len(part), part) for part in parts if part) + b"0\r\n" + trailers + b"\r\n"


@st.composite
def fields(draw: st.DrawFn) -> tuple[list[str], bytes, bytes]:
    """Draw header fields that frame a body, the body as sent, and as meant."""
    match draw(st.integers(0, 2)):
        case 0:
            return [], b"", b""
        case 1:
            body = draw(bodies)
            return [f"{draw(st.sampled_from(['Content-Length', 'content-length']))}: {len(body)}"], body, body
        case _:
            parts = draw(st.lists(bodies, max_size=4))
            trailers = draw(st.sampled_from([b"", b"X-Sum: 1\r\n"]))
            return ["Transfer-Encoding: gzip, Chunked"], chunked(parts, trailers), b"".join(parts)


@st.composite
def request(draw: st.DrawFn) -> tuple[str, bytes]:
    """Draw a request: its method, and its bytes."""
    method, (framing, sent, _), end = draw(tokens), draw(fields()), draw(ends)
    return method, end.join([f"{method} /x HTTP/1.1", "Host: a", *framing, "", ""]).encode() + sent


@st.composite
def response(draw: st.DrawFn) -> bytes:
    """Draw a response to a GET, which may have interim ones before it."""
    framing, sent, _ = draw(fields())
    framing = framing or ["Content-Length: 0"]
    end = draw(ends)
    interim = end.join(["HTTP/1.1 100 Continue", "", ""]) if draw(st.booleans()) else ""
    return (interim + end.join(["HTTP/1.1 200 Fine", *framing, "", ""])).encode() + sent


def split(data: bytes, at: list[int]) -> list[bytes]:
    """Split bytes at some places."""
    places = sorted({0, len(data), *(place % (len(data) + 1) for place in at)})
    return [data[one:two] for one, two in pairwise(places)]


def whole(pieces: list[Piece[RequestHead]]) -> list[tuple[bytes, bytes]]:
    """Join pieces to messages: each one's head and body as sent."""
    found: list[tuple[bytes, bytes]] = []
    for piece in pieces:
        if piece.head is not None:
            found.append((piece.head.raw, b""))
        found[-1] = (found[-1][0], found[-1][1] + piece.body)
    return found


@given(st.lists(request(), min_size=1, max_size=4), st.lists(st.integers(0, 1000), max_size=12))
def test_requests_are_the_same_however_they_are_split(sent: list[tuple[str, bytes]], at: list[int]) -> None:
    data, reader = b"".join(one for _, one in sent), Requests()
    pieces = [piece for part in split(data, at) for piece in reader.feed(part)]
    assert [b"".join(parts) for parts in whole(pieces)] == [one for _, one in sent]
    assert [piece.head.method for piece in pieces if piece.head] == [method for method, _ in sent]
    assert (reader.lost, reader.between, sum(piece.last for piece in pieces)) == (False, True, len(sent))


@given(st.lists(response(), min_size=1, max_size=4), st.lists(st.integers(0, 1000), max_size=12))
def test_responses_are_the_same_however_they_are_split(sent: list[bytes], at: list[int]) -> None:
    asked = deque([read_request(b"GET / HTTP/1.1\r\n\r\n")] * len(sent))
    reader = Responses(asked)  # type: ignore[arg-type]
    pieces = [piece for part in split(b"".join(sent), at) for piece in reader.feed(part)]
    assert b"".join(piece.data for piece in pieces) == b"".join(sent)
    assert sum(piece.last and not (piece.head and piece.head.interim) for piece in pieces) == len(sent)
    assert (reader.lost, list(asked)) == (False, [])


@given(st.binary(max_size=300), st.lists(st.integers(0, 1000), max_size=6))
def test_nothing_is_lost_of_what_is_no_http(data: bytes, at: list[int]) -> None:
    for reader in (Requests(), Responses(deque())):
        told = b"".join(piece.data for part in split(data, at) for piece in reader.feed(part))
        assert reader.lost or data.startswith(told)
        assert not reader.lost or told == data


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/2.0\r\n\r\n",
        b"get\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1, 2\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: \xb2\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
    ],
)
def test_a_request_whose_end_is_not_clear_is_not_followed(head: bytes) -> None:
    assert read_request(head) is None
    reader = Requests()
    assert [piece.data for piece in reader.feed(head + b"more")] == [head + b"more"]
    assert reader.lost


@pytest.mark.parametrize(
    ("head", "framing"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", "close"),
        (b"HTTP/1.0 200\r\ncontent-length:7\r\n\r\n", 7),
        (b"HTTP/1.1 204 No Content\r\nContent-Length: 7\r\n\r\n", 0),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", 0),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\nTransfer-Encoding: chunked\r\n\r\n", "chunked"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\nContent-Length: 7\r\n\r\n", 7),
    ],
)
def test_how_a_response_ends(head: bytes, framing: int | str) -> None:
    found = read_response(head)
    assert found is not None
    assert found.framing == framing


def test_what_follows_a_request_for_an_upgrade_waits() -> None:
    reader = Requests()
    asks, after = b"GET / HTTP/1.1\r\nUpgrade: h2c\r\n\r\n", b"GET /next HTTP/1.1\r\n\r\n"
    assert [piece.data for piece in reader.feed(asks + after[:5])] == [asks]
    assert reader.feed(after[5:]) == []
    assert reader.held == after
    assert [piece.data for piece in reader.resume()] == [after]


@pytest.mark.parametrize(
    ("target", "path"), [("/a?b=/c", "/a"), ("http://h:1/a?b", "/a"), ("http://h", "/"), ("*", "*")]
)
def test_the_path_of_a_target(target: str, path: str) -> None:
    head = read_request(f"GET {target} HTTP/1.1\r\n\r\n".encode())
    assert head is not None
    assert head.path == path


def test_a_response_is_framed_anew() -> None:
    head = read_response(b"HTTP/1.1 200 OK\r\nKeep-Alive: 5\r\nContent-Length: 7\r\nTrailer: X\r\nA: b\r\n\r\n")
    assert head is not None
    assert head.framed("chunked") == b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nKeep-Alive: 5\r\nA: b\r\n\r\n"
    assert head.framed(9, close=True) == b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\nA: b\r\n\r\n"

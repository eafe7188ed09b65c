"""What gRPC's client and server share: status codes, the frame of a message, and protobuf's varints and fields.

The protobuf library is not worth its size: the health protocol's messages have one field each.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum


class Code(IntEnum):
    """The status of a call."""

    OK = 0
    CANCELED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


# The code of a call whose HTTP status isn't 200. Source: grpc: doc/http-grpc-status-mapping.md.
OF_HTTP = {
    400: Code.INTERNAL,
    401: Code.UNAUTHENTICATED,
    403: Code.PERMISSION_DENIED,
    404: Code.UNIMPLEMENTED,
    429: Code.UNAVAILABLE,
    502: Code.UNAVAILABLE,
    503: Code.UNAVAILABLE,
    504: Code.UNAVAILABLE,
}
HEALTH = "grpc.health.v1.Health"
CHECK = f"/{HEALTH}/Check"
WATCH = f"/{HEALTH}/Watch"


class Serving(IntEnum):
    """The status in a HealthCheckResponse."""

    UNKNOWN = 0
    SERVING = 1
    NOT_SERVING = 2
    SERVICE_UNKNOWN = 3


PREFIX = 5  # bytes before a message: whether it is compressed, and its length in four bytes


def varint(number: int) -> bytes:
    """Encode a number as a protobuf varint: seven bits a byte, the lowest first."""
    written = bytearray()
    while number > 0x7F:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*written, number))


def fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield each field's number and value, a varint or bytes; fields of a fixed size are skipped.

    Raises ValueError if the message is truncated or not protobuf.
    """
    at = 0
    while at < len(message):
        tag, at = _read_varint(message, at)
        match tag & 7:
            case 0:
                value, at = _read_varint(message, at)
                yield tag >> 3, value
            case 1:
                at += 8
            case 2:
                size, at = _read_varint(message, at)
                at += size
                if at <= len(message):
                    yield tag >> 3, message[at - size : at]
            case 5:
                at += 4
            case kind:
                raise ValueError(f"wire type {kind}")
    if at > len(message):
        raise ValueError("the last field is truncated")


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    number = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            break
        number |= (message[at] & 0x7F) << shift
        at += 1
        if message[at - 1] < 0x80:
            return number, at
    raise ValueError("a number is truncated, or too long")

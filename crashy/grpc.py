"""What gRPC's two ends have in common: the codes of a status, a message's frame, and protobuf's two smallest parts.

Protobuf itself would be larger than all the rest: the health protocol's messages are one field each.
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


# Of a call that was answered with another status than 200: grpc: doc/http-grpc-status-mapping.md.
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
    """What a health check is answered."""

    UNKNOWN = 0
    SERVING = 1
    NOT_SERVING = 2
    SERVICE_UNKNOWN = 3


PREFIX = 5  # of a message: whether it is compressed, and its length in four bytes


def varint(number: int) -> bytes:
    """Return a number as protobuf writes it: seven bits a byte, the lowest first."""
    written = bytearray()
    while number > 0x7F:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*written, number))


def fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield each field's number and value, a varint or bytes; those of a fixed size are skipped.

    Raises ValueError where the message is cut off or is not protobuf's.
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
        raise ValueError("the last field is cut off")


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    number = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            break
        number |= (message[at] & 0x7F) << shift
        at += 1
        if message[at - 1] < 0x80:
            return number, at
    raise ValueError("a number is cut off, or too long")

"""The grpc probe: one call of grpc.health.v1.Health/Check. Source: kubelet: pkg/probe/grpc/grpc.go.

Any other status than SERVING is a failure, never an error. The two messages have one field each, which is encoded and
decoded here, without protobuf. The transport is `http2`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from crashy.grpc import CHECK, Code, fields, varint
from crashy.kubelet.handlers.dial import Dial, authority, direct
from crashy.kubelet.handlers.http2 import Channel, UnprocessedError
from crashy.kubelet.handlers.judge import (
    UNREADABLE,
    RpcError,
    WireError,
    grpc_failed,
    grpc_late,
    grpc_unreachable,
    judge_grpc,
)
from crashy.kubelet.outcome import Outcome
from crashy.kubelet.versions import NEWEST, Profile
from crashy.objects.pod import GRPC

Open = Callable[[], Awaitable[Channel]]

_FIRST_WAIT, _MULTIPLIER, _LONGEST_WAIT = 1.0, 1.6, 120.0  # Go: grpc/backoff DefaultConfig; its jitter is left out


async def probe_grpc(
    probe: GRPC, *, host: str, port: int, timeout: float, dial: Dial = direct, profile: Profile = NEWEST
) -> Outcome:
    """Check a service's health once, without TLS: SERVING is a success, all else a failure.

    `timeout` seconds cover connecting and the call. A server that can't be reached, or that doesn't speak HTTP/2, is
    retried until then (after 1 s, 1.6 s, 2.56 s ...), so that both are reported as the same timeout.
    """
    open_channel = partial(Channel.open, host, port, dial)
    deadline = asyncio.get_running_loop().time() + timeout
    address = authority(host, port)
    try:
        async with asyncio.timeout_at(deadline):
            channel = await _dial(open_channel)
    except TimeoutError:
        return grpc_unreachable(address, timeout)
    left = max(1, round((deadline - asyncio.get_running_loop().time()) * 1e6))
    headers = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", CHECK),
        (":authority", address),
        ("content-type", "application/grpc"),
        ("user-agent", profile.user_agent),
        ("te", "trailers"),
        ("grpc-timeout", f"{left}u" if left < 10**8 else f"{left // 1000}m"),
    ]
    try:
        async with asyncio.timeout_at(deadline):
            return judge_grpc(_status(await _call(open_channel, channel, headers, _request(probe.service))))
    except TimeoutError:
        return grpc_late(timeout)
    except RpcError as error:
        return grpc_failed(error, timeout)


async def _dial(open_channel: Open) -> Channel:
    wait = _FIRST_WAIT
    while True:
        try:
            return await open_channel()
        except WireError:
            await asyncio.sleep(wait)
            wait = min(wait * _MULTIPLIER, _LONGEST_WAIT)


async def _call(open_channel: Open, channel: Channel, headers: list[tuple[str, str]], message: bytes) -> bytes:
    """Call, again if the server did not process the call; closes the channel."""
    try:
        try:
            return await channel.unary(headers, message)
        except UnprocessedError:
            if channel.draining:
                channel.close()
                channel = await _again(open_channel)
            return await channel.unary(headers, message)
    finally:
        channel.close()


async def _again(open_channel: Open) -> Channel:
    try:
        return await open_channel()
    except WireError as error:
        raise RpcError(Code.UNAVAILABLE, f'connection error: desc = "{error}"') from None


def _request(service: str) -> bytes:
    """Write a HealthCheckRequest: `string service = 1`, left out where it is empty."""
    name = service.encode()
    return b"\x0a" + varint(len(name)) + name if name else b""


def _status(message: bytes) -> int:
    """Read a HealthCheckResponse: `ServingStatus status = 1`, 0 where it is left out; other fields are skipped."""
    status = 0
    try:
        for number, value in fields(message):
            if number == 1 and isinstance(value, int):
                status = (value + 2**31) % 2**32 - 2**31
    except ValueError:
        raise RpcError(Code.INTERNAL, UNREADABLE) from None
    return status

"""Probes' and hooks' commands in a stand-in: its process runs them, as this machine lacks its image's programs."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable
from dataclasses import replace

from crashy.kubelet.handlers.exec import ExecResult
from crashy.objects.pod import GRPC, Container, HTTPGet, Probe, ProbeType
from crashy.patient.standin import EXEC_ROUTE, PROBE_HEADER
from crashy.traffic.connection import Reply
from crashy.traffic.request import Target, ask

_RETRY_SECONDS = 0.05
_FOREVER = 1e9
_NOT_YET = frozenset({"refused", "reset"})  # its process has only just started, or is about to end


async def execute(
    place: tuple[str, int], command: tuple[str, ...], probe: str, timeout: float, alive: Callable[[], bool]
) -> ExecResult:
    """Run a command beside the stand-in whose admin port is at `place`, for a probe or for none.

    Raises TimeoutError after `timeout` seconds, and OSError once the stand-in is no longer `alive`.
    """
    body = json.dumps({"command": command, "probe": probe}).encode()
    async with asyncio.timeout(None if math.isinf(timeout) else timeout):
        url = f"http://{place[0]}:{place[1]}{EXEC_ROUTE}"
        reply = await post(url, body, _FOREVER)
        while reply.failure in _NOT_YET and alive():
            await asyncio.sleep(_RETRY_SECONDS)
            reply = await post(url, body, _FOREVER)
    if reply.failure or reply.status >= 300:
        raise OSError(reply.failure or reply.body.decode("utf-8", "replace"))
    ended = json.loads(reply.body)
    return ExecResult(ended["code"], ended["output"])


def marked(container: Container, kind: ProbeType) -> Probe | None:
    """Return a container's probe with its own name in its request: several probes may send the same one."""
    probe = container.probe(kind)
    match probe:
        case Probe(handler=HTTPGet() as get):
            return replace(probe, handler=replace(get, headers=(*get.headers, (PROBE_HEADER, kind.value))))
        case Probe(handler=GRPC() as grpc):
            others = (container.probe(other) for other in ProbeType if other is not kind)
            if any(other and other.handler == grpc for other in others):
                return replace(probe, handler=replace(grpc, service=f"{kind.value}/{grpc.service}"))
    return probe


async def post(url: str, body: bytes, timeout: float, *, token: str = "", method: str = "POST") -> Reply:
    """Send a JSON document to an admin API."""
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    if token:
        headers.append(("Authorization", f"Bearer {token}"))
    target = Target.of(url, method=method, headers=tuple(headers))
    return await ask(replace(target, head=target.head + body), timeout)

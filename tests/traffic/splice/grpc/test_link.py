"""What a kubelet's grpc probe makes of faults from outside: its own handler, and h2's server behind the splice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from crashy.faults.base import FAULTS, parse_spec
from crashy.faults.catalogue import rows_outside
from crashy.kubelet.handlers.grpc import probe_grpc
from crashy.kubelet.outcome import Outcome, Result
from crashy.objects.pod import GRPC
from tests.kubelet.grpc_servers import answering
from tests.traffic.splice.passing import DEADLINE, Passing, before, passing, until

TIMEOUT = 0.4
HEALTHY = Outcome(Result.SUCCESS, "service healthy")
ROWS = {
    spec: probed.grpc
    for name in FAULTS
    for spec, probed in rows_outside(FAULTS[name]).items()
    if parse_spec(spec).acts_on_requests() and parse_spec(spec).target not in {"liveness", "startup"}
}
"""What the readiness probe makes of the faults of what passes."""


async def probe(through: Passing, timeout: float = TIMEOUT) -> Outcome:
    host, port = through.address
    return await probe_grpc(GRPC(port, "readiness"), host=host, port=port, timeout=timeout)


@asynccontextmanager
async def probed() -> AsyncIterator[Passing]:
    async with (
        answering(lambda call: call.answer() or b"") as server,
        before(("127.0.0.1", server.port), "grpc", client="kubelet", probe="readiness") as through,
    ):
        yield through


@pytest.mark.parametrize("spec", ROWS)
async def test_a_probe_says_what_the_catalogue_says(spec: str) -> None:
    async with probed() as through:
        through.gate.inject(spec)
        if spec.startswith("rate-limit"):
            await probe(through)
        outcome = await probe(through)
        expected = ROWS[spec].replace("within 1s", f"within {TIMEOUT * 1000:.0f}ms")
        for place in ("NODE->POD:9000", "POD:9000"):
            expected = expected.partition(place)[0]
        assert outcome.output.startswith(expected or "service healthy")
        assert outcome.result is (Result.FAILURE if ROWS[spec] else Result.SUCCESS)
        through.gate.faults.recover()
        assert await probe(through, DEADLINE) == HEALTHY


@pytest.mark.parametrize("spec", ["freeze mode=hang", "latency delay=1h", "stall-body"])
async def test_the_end_of_a_fault_lets_a_held_call_go_on(spec: str) -> None:
    async with probed() as through:
        fault = through.gate.inject(f"{spec} clients=kubelet")
        probing = asyncio.create_task(probe(through, DEADLINE))
        await until(lambda: fault.hits == 1)
        through.gate.faults.recover()
        assert await probing == HEALTHY


async def test_a_server_without_http2_is_decided_as_a_whole() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH\r\n")
        await reader.read()
        writer.close()

    async with passing(talk, "grpc", client="kubelet", probe="readiness") as through:
        through.gate.inject("error clients=kubelet")
        assert "failed to connect service" in (await probe(through)).output

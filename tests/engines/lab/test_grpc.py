"""A grpc probe of the lab, from a manifest's words to the patient's port."""

from __future__ import annotations

import asyncio

from crashy.kubelet.outcome import Result
from tests.engines.lab.test_runtime import DEADLINE, container

PATIENT = {"image": "crashy-app", "command": [], "env": [{"name": "GRPC_PORT", "value": "9090"}]}


async def test_the_patient_answers_grpc_probes_on_its_own_address() -> None:
    async with container(**PATIENT) as c:
        async with asyncio.timeout(DEADLINE):
            while await c.probe({"grpc": {"port": 9090}}) != (Result.SUCCESS, "service healthy"):  # noqa: ASYNC110
                await asyncio.sleep(0.05)

        assert await c.probe({"grpc": {"port": 9090, "service": "liveness"}}) == (Result.SUCCESS, "service healthy")
        result, output = await c.probe({"grpc": {"port": 9091}})
        assert result is Result.FAILURE
        assert output == f'timeout: failed to connect service "{c.pod.ip}:9091" within 1s: context deadline exceeded'

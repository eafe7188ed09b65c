"""The open loop, on virtual time."""

from __future__ import annotations

import asyncio

from crashy.clock import run_virtual
from crashy.traffic.connection import Reply
from crashy.traffic.sampler import sample
from crashy.traffic.samples import Sample


def run(latency: float, **limits: float) -> list[Sample]:
    """Sample a server that takes `latency` seconds for every answer."""
    samples: list[Sample] = []

    async def ask() -> Reply:
        await asyncio.sleep(latency)
        return Reply(200, "web-1")

    run_virtual(sample(ask, samples.append, **limits))  # type: ignore[arg-type]
    return samples


def test_a_frozen_server_does_not_slow_the_schedule() -> None:
    samples = run(60, rate=10, count=50)

    assert [round(s.due, 6) for s in samples] == [i / 10 for i in range(50)]
    assert all(abs(s.lag) < 1e-6 for s in samples)


def test_every_request_becomes_a_sample() -> None:
    assert len(run(0.001, rate=100, count=1000)) == 1000


def test_latency_counts_from_the_time_the_request_was_due() -> None:
    assert {round(s.latency, 6) for s in run(0.25, rate=10, count=5)} == {0.25}


def test_it_stops_when_reported_and_waits_for_what_is_under_way() -> None:
    samples: list[Sample] = []
    stop = asyncio.Event()

    async def ask() -> Reply:
        await asyncio.sleep(5)
        return Reply(200)

    async def main() -> None:
        asyncio.get_running_loop().call_later(1.05, stop.set)
        await sample(ask, samples.append, rate=10, stop=stop)

    run_virtual(main())

    assert len(samples) == 11

"""Users' requests on a timeline: a fixed schedule, every answer an event."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from crashy.timeline import Event, Timeline, kinds
from crashy.traffic.connection import Reply
from crashy.traffic.sampler import sample
from crashy.traffic.samples import Sample

BODY_LIMIT = 200  # characters of an answer that the timeline keeps


async def users(
    ask: Callable[[], Awaitable[Reply]],
    timeline: Timeline,
    service: str,
    *,
    rate: float,
    stop: asyncio.Event,
    reachable: Callable[[], Awaitable[None]] | None,
) -> None:
    """Call `ask` `rate` times a second until `stop` is set; each answer is an event of kind `request` on `service`.

    It begins when the Service has its first endpoint and is `reachable`: whoever asks before that tests nothing but
    patience. Where that is None it has no endpoints, and leads elsewhere.
    """
    if reachable is not None:
        await _served(timeline, f"service/{service}", stop)
        await _either(reachable(), stop)
    began = timeline.now()

    def record(answer: Sample) -> None:
        kinds.REQUEST.add(
            timeline.add,
            "traffic",
            f"service/{service}",
            answer.outcome,
            answer.body[:BODY_LIMIT],
            data={
                "sent": round(began + answer.due, 6),
                "latency": round(answer.latency, 6),
                "status": answer.status,
                "failure": answer.failure,
                "ok": answer.ok,
                "pod": answer.pod,
            },
        )

    if not stop.is_set():
        await sample(ask, record, rate=rate, stop=stop)


async def _served(timeline: Timeline, service: str, stop: asyncio.Event) -> None:
    served = asyncio.Event()

    def look(event: Event) -> None:
        if event.kind == kinds.ENDPOINTS and event.object == service:
            counts = event.data.get("counts")  # instead of the names where there are many
            if counts["serving"] if counts else event.data["serving"]:
                served.set()

    unsubscribe = timeline.subscribe(look)
    for event in timeline.since():
        look(event)
    try:
        await _either(served.wait(), stop)
    finally:
        unsubscribe()


async def _either(one: Awaitable[object], stop: asyncio.Event) -> None:
    """Wait until something has come, or until `stop` is set."""
    waits = [asyncio.ensure_future(one), asyncio.create_task(stop.wait())]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()

"""What sim shows of the lives of a container that its own probes end, and whether `check` says the same."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from typing import NamedTuple

from crashy.check.starts import RELIST, unguarded
from crashy.clock import VirtualLoop
from crashy.engines.sim import sim
from crashy.engines.sim.life import BOOT_SECONDS
from crashy.fields.units import Fixed
from crashy.kubelet.detection import Bounds
from crashy.objects.standin import Model
from crashy.timeline import Event, Timeline
from tests.check import law


class Life(NamedTuple):
    """One life of a container that its probes end: when it was `killed`, `ready`, and had `ended`, from its start."""

    killed: float | None
    ready: float | None
    ended: float


def lives(case: law.Case, drain: float, seconds: float = 900.0) -> list[Life]:
    """Let a container run without a failure, and return the lives that have ended."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        events = runner.run(_watched(case, drain, seconds))
    name = case.target.container.name
    found: list[Life] = []
    begun, killed, ready = 0.0, None, None
    for event in events:
        if event.kind == "pod" and ready is None and law.is_ready(event, case.target):
            ready = event.t - begun
        if event.data.get("container") != name:
            continue
        if event.kind == "process" and event.reason == "Started":
            begun, killed, ready = event.t, None, None
        elif event.kind == "event" and event.reason == "Killing":
            killed = event.t - begun
        elif event.kind == "process" and event.reason == "Exited":
            found.append(Life(killed, ready, event.t - begun))
    return found


async def _watched(case: law.Case, drain: float, seconds: float) -> list[Event]:
    timeline = Timeline(asyncio.get_running_loop().time)
    events: list[Event] = []
    timeline.subscribe(events.append)
    target = case.target
    drain = target.env.drains.worst if target.env.drains else drain
    model = Model(start=Fixed(target.env.starts - target.env.sleeps), drain=Fixed(drain), run=Fixed(law.EVER))
    models = {one.image: model for one in target.template.containers}
    rng = random.Random(int(drain))
    async with sim.running(timeline, rng=rng, profile=target.profile, models=models) as engine:
        await engine.apply(case.manifests)
        await asyncio.sleep(seconds)
    return events


def wrong_lives(case: law.Case) -> Iterator[str]:
    """Yield what sim shows of starts that a probe always ends, and `check` does not say."""
    begun, container = case.numbers.start, case.target.container
    boot = BOOT_SECONDS[1] if case.target.env.obeys else 0.0
    for drain in (0.0, law.EVER):
        shown = lives(case, drain)
        if not shown:
            yield "no life has ended"
        for life in shown[: 1 if unguarded(case.target) else None]:  # the next starts are not guarded at first
            synced = begun.killed and Bounds(begun.killed.best, begun.killed.worst + RELIST)
            if life.killed is not None:  # the events of a pod that has many are dropped
                yield from law.outside("killed", synced, life.killed)
            yield from law.outside("ended", begun.ended, life.ended)
            at_once = not (container.readiness_probe or container.startup_probe)  # and that is published later
            ready = begun.ready and Bounds(begun.ready.best, begun.ready.worst + boot)
            yield from law.outside("ready", ready, 0.0 if at_once and life.ready is not None else life.ready)

"""What becomes of hooks, by version, in the lab and on sim: the events, and the status of a container that waits.

1.36 as in the recordings 12a and 12b, the others from the source: kubelet: pkg/kubelet/lifecycle, kuberuntime.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from crashy.clock import run_virtual
from crashy.engines.base import Engine
from crashy.engines.lab.running import running as lab
from crashy.engines.sim.sim import running as sim
from crashy.errors import BadInput
from crashy.kubelet.versions import PROFILES
from crashy.objects.document import Document
from crashy.objects.manifests import Manifests, read
from crashy.timeline import Event, Timeline
from tests.engines.hook_events import HOOKS, plain, pods, wanted

DEADLINE = 20.0
VERSIONS = ("1.20", "1.32", "1.36")


def manifests() -> Manifests:
    return read([Document("hooks.yaml", i, 1, pod) for i, pod in enumerate(pods(), 1)])


async def play(engine: Engine, timeline: Timeline) -> list[Event]:
    """Start every pod, delete each once it is ready or waits, and return what happened until all are gone."""
    await engine.apply(manifests())
    made = {view.pod.name: view.pod for view in engine.pods()}

    async def until(done: Callable[[Event], bool], name: str) -> None:
        while not any(done(e) for e in timeline.since() if e.object == f"pod/{name}"):  # noqa: ASYNC110
            await asyncio.sleep(0.05)

    async def end(name: str) -> None:
        await until(lambda e: e.kind == "pod" and bool(e.data["ready"] or waits(e)), name)
        engine.delete(made[name], None)
        await until(lambda e: e.reason == "Deleted", name)

    async with asyncio.timeout(DEADLINE):
        await asyncio.gather(*(end(name) for name in HOOKS))
    return [*timeline.since()]


def waits(event: Event) -> list[str]:
    """Return why the containers of a `pod` event wait after their postStart hook."""
    return [one["reason"] for one in event.data["containers"] if one["reason"].startswith("PostStart")]


def found(events: list[Event], name: str) -> list[str]:
    """Return what is said of a pod's hook, once each."""
    said: list[str] = []
    for event in events:
        if event.object != f"pod/{name}":
            continue
        if event.kind == "event" and (event.reason.endswith("Hook") or event.message == "FailedPostStartHook"):
            said.append(f"{event.reason} {event.message}")
        if event.kind == "pod":
            said += waits(event)
    return plain(said, {event.data["ip"] for event in events if event.kind == "pod"})


SLEEPER = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "sleeper"},
    "spec": {
        "containers": [{"name": "app", "image": "crashy-app", "lifecycle": {"preStop": {"sleep": {"seconds": 4}}}}]
    },
}


@pytest.mark.parametrize("version", VERSIONS)
def test_a_hook_may_sleep_since_1_30(version: str) -> None:
    async def main() -> None:
        timeline = Timeline(asyncio.get_running_loop().time)
        async with sim(timeline, rng=random.Random(1), profile=PROFILES[version]) as engine:
            await engine.apply(read([Document("sleeper.yaml", 1, 1, SLEEPER)]))
            await asyncio.sleep(5)
            engine.delete(engine.pods()[0].pod)
            await asyncio.sleep(10)
        times = {event.reason: event.t for event in timeline.since() if event.kind in {"event", "process", "log"}}
        assert [e.reason for e in timeline.since() if e.reason.startswith("Failed")] == []
        assert 4.4 < times["Exited"] - times["Killing"] < 5  # 4 s of sleep, and its drain

    if version == "1.20":
        with pytest.raises(BadInput, match="preStop: Required value: must specify a handler type"):
            run_virtual(main())
    else:
        run_virtual(main())


async def test_a_lab_refuses_it_too(tmp_path: Path) -> None:
    timeline, profile = Timeline(time.monotonic), PROFILES["1.20"]
    with pytest.raises(BadInput, match="must specify a handler type"):
        async with lab(timeline, labs=tmp_path, note=lambda _: None, rng=random.Random(1), profile=profile) as engine:
            await engine.apply(read([Document("sleeper.yaml", 1, 1, SLEEPER)]))


def fell_back(events: list[Event]) -> list[str]:
    return [event.object for event in events if event.kind == "note" and event.reason == "LifecycleHTTPFallback"]


@pytest.mark.parametrize("version", VERSIONS)
async def test_in_the_lab(tmp_path: Path, version: str) -> None:
    timeline = Timeline(time.monotonic)
    rng, profile = random.Random(1), PROFILES[version]
    async with lab(timeline, labs=tmp_path, note=lambda _: None, rng=rng, profile=profile) as engine:
        events = await play(engine, timeline)
    assert {name: found(events, name) for name in HOOKS} == wanted(version)
    assert fell_back(events) == ([] if version == "1.20" else ["pod/https-to-plain"])


@pytest.mark.parametrize("version", VERSIONS)
def test_on_sim(version: str) -> None:
    async def main() -> list[Event]:
        timeline = Timeline(asyncio.get_running_loop().time)
        async with sim(timeline, rng=random.Random(1), profile=PROFILES[version]) as engine:
            return await play(engine, timeline)

    events = run_virtual(main())
    assert {name: found(events, name) for name in HOOKS} == wanted(version)
    assert fell_back(events) == ([] if version == "1.20" else ["pod/https-to-plain"])

"""The kubelet restarts, and the node goes: with real processes, by version; each version in a lab of its own."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from crashy.controllers.base import PodView
from crashy.engines.lab.lab import LabEngine
from crashy.engines.lab.running import running
from crashy.kubelet import worker
from crashy.kubelet.versions import PROFILES
from crashy.objects.document import Document
from crashy.objects.manifests import read
from crashy.timeline import Timeline, kinds
from tests.elsewhere import needs_addresses
from tests.engines.test_node import ASKED, PLAIN, SERVED, STARTED

PODS = {"plain", "asked", "started"}
UNREADY = {"1.20": {"asked", "started"}, "1.32": {"started"}, "1.36": set()}
"""What is not ready for longer than a moment after the kubelet's restart."""
A_MOMENT = 0.1
PATIENCE = 60.0


@needs_addresses
@pytest.mark.timeout(180)
def test_a_restart_of_the_kubelet_and_a_reboot_of_the_node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for version in UNREADY:
        (tmp_path / version).mkdir()
    monkeypatch.setattr(worker, "RECENT_SECONDS", -1.0)  # nothing has to grow old first

    async def main() -> None:
        await asyncio.gather(*(_try(tmp_path / version, version) for version in UNREADY))

    asyncio.run(main())


async def _try(labs: Path, version: str) -> None:
    timeline = Timeline(time.monotonic)
    rng, profile = random.Random(1), PROFILES[version]
    async with running(timeline, labs=labs, note=lambda _: None, rng=rng, profile=profile) as lab:
        manifests = read([Document("x.yaml", n, 1, one) for n, one in enumerate([PLAIN, ASKED, STARTED, SERVED], 1)])
        await lab.apply(manifests)
        await _until(lab, lambda view: view.status.ready)
        await _restart_kubelet(lab, timeline, version)
        await _reboot(lab)


async def _restart_kubelet(lab: LabEngine, timeline: Timeline, version: str) -> None:
    begun = timeline.now()
    assert await lab.stop("kubelet")
    assert not await lab.stop("node")
    await lab.start()
    async with asyncio.timeout(PATIENCE):
        while _asked_since(timeline, begun) != {"asked", "started"}:  # noqa: ASYNC110 - nothing says it
            await asyncio.sleep(0.05)
    await _until(lab, lambda view: view.status.ready)

    assert {name for name in PODS if _unready(timeline, name, begun) > A_MOMENT} == UNREADY[version]
    assert {sum(c.restart_count for c in view.status.containers) for view in lab.pods()} == {0}


def _asked_since(timeline: Timeline, begun: float) -> set[str]:
    """Return the pods that have been found ready by a probe since."""
    probes = [e for e in timeline.since() if e.kind == kinds.PROBE and e.t > begun and e.reason == "readiness"]
    return {e.object.removeprefix("pod/") for e in probes if e.data["outcome"] == "success"}


def _unready(timeline: Timeline, name: str, begun: float) -> float:
    """Return for how many seconds a pod has not been ready since."""
    seen = [(e.t, e.data["ready"]) for e in timeline.since() if e.kind == kinds.POD and e.object == f"pod/{name}"]
    ends = [t for t, _ in seen[1:]] + [timeline.now()]
    return sum(end - t for (t, ready), end in zip(seen, ends, strict=True) if t > begun and not ready)


async def _reboot(lab: LabEngine) -> None:
    ((service,),) = (lab._manifests.services,)
    assert await lab.stop("node")
    reply = await lab.ask(service, service.ports[0], "/", 0.5)
    assert reply.failure == "timeout"
    assert await lab.exec(lab.pods()[0].pod, "app", ("true",), 1.0) == "error dialing backend: the kubelet is stopped"
    await lab.start()
    await _until(lab, lambda view: view.status.ready and view.status.containers[0].restart_count == 1)

    for view in lab.pods():
        last = view.status.containers[0].last_state
        assert last is not None
        assert (last.exit_code, last.reason) == (255, "Unknown")
    async with asyncio.timeout(PATIENCE):  # `plain` is ready before it listens, and proxies hear of it later
        while (await lab.ask(service, service.ports[0], "/", 5.0)).status != 200:  # noqa: ASYNC110 - nothing says it
            await asyncio.sleep(0.05)


async def _until(lab: LabEngine, done: Callable[[PodView], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not all(done(view) for view in lab.pods()):  # noqa: ASYNC110 - nothing says it
            await asyncio.sleep(0.05)

"""What the lab tells a patient of its former life's end, which nobody could know from inside."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from crashy.engines.lab import reaper
from crashy.engines.lab.ends import end
from crashy.engines.lab.running import running
from crashy.kubelet.runtime import Exited
from crashy.objects.document import Document
from crashy.objects.manifests import read
from crashy.timeline import Timeline, kinds
from tests.elsewhere import needs_addresses, needs_cgroups

DEADLINE = 60.0
WHY = "Container app failed liveness probe, will be restarted"


@pytest.mark.parametrize(
    ("code", "reason", "why", "evicted", "how", "text"),
    [
        (0, "", "", False, "exit", "exited with code 0"),
        (3, "", "", False, "exit", "exited with code 3"),
        (139, "", "", False, "signal", "was killed by SIGSEGV (exit code 139)"),
        (137, "", "", False, "signal", "was killed by SIGKILL (exit code 137)"),
        (137, "OOMKilled", "", False, "oom", "was killed for want of memory (OOMKilled, exit code 137)"),
        (137, "", WHY, False, "killed", f"was killed: {WHY} (SIGKILL after its grace period, exit code 137)"),
        (0, "", WHY, False, "killed", f"was killed: {WHY} (exit code 0)"),
        (0, "", "Stopping container app", True, "killed", "was evicted: Stopping container app (exit code 0)"),
        (255, "Unknown", "", False, "killed", "was lost with its node (exit code 255)"),
    ],
)
def test_the_words(code: int, reason: str, why: str, evicted: bool, how: str, text: str) -> None:
    assert end(Exited("lab://1", code, 0.0, reason=reason), why, evicted=evicted) == (how, text)


def pod(name: str, *, env: dict[str, str] | None = None, **container: Any) -> dict[str, Any]:
    """Return a pod of a patient whose folder outlives its containers."""
    variables = [{"name": key, "value": value} for key, value in (env or {}).items()]
    app = {"name": "app", "image": "crashy-app", "env": variables, **container}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"containers": [app]}}


LIVENESS = {"httpGet": {"path": "/livez", "port": 8080}, "periodSeconds": 1, "failureThreshold": 1}
STARTUP = {"httpGet": {"path": "/startupz", "port": 8080}, "periodSeconds": 1, "failureThreshold": 60}
PODS = {
    "probed": pod("probed", startupProbe=STARTUP, livenessProbe=LIVENESS, env={"FAULTS": "unlive"}),
    "frozen": pod(
        "frozen",
        startupProbe=STARTUP,
        livenessProbe={**LIVENESS, "terminationGracePeriodSeconds": 1},
        env={"FAULTS": "freeze routes=/livez clients=kubelet"},
    ),
    "crashed": pod("crashed", env={"FAULTS": "crash mode=exit code=3 after=1s"}),
    "shot": pod("shot"),
}
ENDS = {
    "probed": f"was killed: {WHY} (exit code 0); SIGTERM: ",
    "frozen": f"was killed: {WHY} (SIGKILL after its grace period, exit code 137), while frozen (freeze ",
    "crashed": "exited with code 3 (crash code=3 after=1s)",
    "shot": "was killed by SIGKILL (exit code 137)",
    "greedy": "was killed for want of memory (OOMKilled, exit code 137)",
}


@asynccontextmanager
async def lab_of(tmp_path: Path, *objects: dict[str, Any]) -> AsyncIterator[Timeline]:
    timeline = Timeline(time.monotonic)
    async with running(timeline, labs=tmp_path, note=lambda _: None, rng=random.Random(1)) as lab:
        await lab.apply(read([Document("x.yaml", n, 1, one) for n, one in enumerate(objects, 1)]))
        yield timeline


async def until(condition: Callable[[], Any]) -> Any:
    async with asyncio.timeout(DEADLINE):
        while not (found := condition()):  # noqa: ASYNC110 - what is waited for happens in other processes
            await asyncio.sleep(0.05)
    return found


def said(timeline: Timeline, name: str, text: str) -> str:
    """Return the line with a text in the log of a pod; empty until it has come."""
    lines = (event.message for event, _ in kinds.LOG.read(timeline.since()) if event.object == f"pod/{name}")
    return next((line for line in lines if text in line), "")


@needs_addresses
async def test_the_next_life_says_exactly_how_the_former_one_ended(tmp_path: Path) -> None:
    async with lab_of(tmp_path, *PODS.values()) as timeline:
        await until(lambda: said(timeline, "shot", "life 1"))
        for pid in reaper.marked("POD_NAME=shot"):
            os.kill(pid, signal.SIGKILL)
        for name in PODS:
            assert ENDS[name] in await until(lambda name=name: said(timeline, name, "life 2; "))


@needs_addresses
@needs_cgroups
async def test_an_oom_kill(tmp_path: Path) -> None:
    greedy = pod("greedy", env={"FAULTS": "memory to=300Mi after=2s"}, resources={"limits": {"memory": "128Mi"}})
    async with lab_of(tmp_path, greedy) as timeline:
        assert ENDS["greedy"] in await until(lambda: said(timeline, "greedy", "life 2; "))


@needs_addresses
async def test_an_eviction_is_told_to_the_pod_that_has_the_claim_next(tmp_path: Path) -> None:
    app = {"name": "app", "image": "crashy-app", "volumeMounts": [{"name": "kept", "mountPath": "/app"}]}
    stateful_set = {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "db"},
        "spec": {
            "serviceName": "db",
            "selector": {"matchLabels": {"app": "db"}},
            "template": {"metadata": {"labels": {"app": "db"}}, "spec": {"containers": [app]}},
            "volumeClaimTemplates": [
                {
                    "metadata": {"name": "kept"},
                    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
                }
            ],
        },
    }
    timeline = Timeline(time.monotonic)
    async with running(timeline, labs=tmp_path, note=lambda _: None, rng=random.Random(1)) as lab:
        await lab.apply(read([Document("x.yaml", 1, 1, stateful_set)]))
        await until(lambda: said(timeline, "db-0", "serving on"))
        await lab.evict(lab.pods()[0].pod)
        line = await until(lambda: said(timeline, "db-0", "life 2; "))

    assert "was evicted: Stopping container app (exit code 0); SIGTERM: " in line

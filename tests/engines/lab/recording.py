"""The traces' pods, run on a real lab: all side by side, as they were when the traces were recorded."""

from __future__ import annotations

import asyncio
import copy
import fcntl
import math
import os
import random
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

import pytest

from crashy.engines.lab.lab import LabEngine
from crashy.engines.lab.running import running
from crashy.kubelet.versions import PROFILES
from crashy.objects.document import Document
from crashy.objects.manifests import Manifests, read
from crashy.objects.pod import parse_pod_template
from crashy.timeline import Event, Timeline
from tests.kubelet.simulation import Run
from tests.kubelet.traces import DELETED, DELETED_AT, TRACES

PATIENT = Path(__file__).with_name("trace_patient.py")
REPEATS = defaultdict(lambda: 3, {"21-two-containers": 8})  # there the two programs race at their start
APART = 0.93
"""Seconds from one pod's creation to the next one's."""
SEEDS = {"1.20": 95, "1.36": 5}
"""What chance decides, it decides near what was recorded; and as pods are created at set fractions of the clock's
second, on which the kubelet's tick grids lie, it decides alike in every recording."""
TICK = 0.02
Recording = dict[str, list[Run]]
"""Scenario -> what its pods did."""


@contextmanager
def alone(factory: pytest.TempPathFactory) -> Iterator[BinaryIO]:
    """Yield a file of the whole test run's, locked: what is measured on the clock is so by one process at a time."""
    folder = factory.getbasetemp()
    shared = folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder
    with (shared / "traces.pickle").open("a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file


def record() -> dict[str, Recording]:
    """Run a lab for every version, all at once, each in a process of its own."""
    with ProcessPoolExecutor(len(SEEDS), mp_context=get_context("spawn")) as pool:
        return dict(zip(SEEDS, pool.map(_record_one, SEEDS), strict=True))


def _record_one(version: str) -> Recording:
    return asyncio.run(_record(version))


async def _record(version: str) -> Recording:
    timeline = Timeline(time.monotonic)
    loop = asyncio.get_running_loop()
    events: dict[str, list[Event]] = defaultdict(list)
    timeline.subscribe(lambda event: events[event.object.partition("/")[2]].append(event))
    late: list[tuple[float, float]] = []
    names = sorted((n for n in TRACES if version in TRACES[n]), key=lambda n: -TRACES[n][version]["observed"])
    pods = [(f"{_short(name)}-{repeat}", name) for name in names for repeat in range(REPEATS[name])]
    manifests = [_manifests(pod, TRACES[name]["spec"]) for pod, name in pods]
    with TemporaryDirectory() as labs:
        making = running(
            timeline,
            labs=Path(labs),
            note=lambda _: None,
            rng=random.Random(SEEDS[version]),
            profile=PROFILES[version],
        )
        async with making as lab:
            timeline.subscribe(lambda event: _delete_in_time(lab, event))
            measuring = asyncio.create_task(_measure(timeline, late))
            begin = math.ceil(loop.time() + 0.1)
            for i, objects in enumerate(manifests):
                await asyncio.sleep(begin + i * APART - loop.time())
                await lab.apply(objects)
            end = max(begin + i * APART + TRACES[name][version]["observed"] for i, (_, name) in enumerate(pods)) + 1
            await asyncio.sleep(end - loop.time())
            measuring.cancel()
            reported = {pod: list(events[pod]) for pod, _ in pods}
    found: dict[str, list[Run]] = defaultdict(list)
    for pod, name in pods:
        found[name].append(_run(reported[pod], TRACES[name]["spec"], TRACES[name][version]["observed"], late))
    return dict(found)


async def _measure(timeline: Timeline, late: list[tuple[float, float]]) -> None:
    """Note when the machine kept this process waiting, and for how long."""
    while True:
        due = timeline.now() + TICK
        await asyncio.sleep(TICK)
        late.append((due, timeline.now() - due))


def _short(name: str) -> str:
    return "s" + name.partition("-")[0]


def _delete_in_time(lab: LabEngine, event: Event) -> None:
    """Delete the pods of the scenario that asks for it, so long after their start."""
    if event.kind == "process" and event.reason == "Started" and event.object.startswith(f"pod/{_short(DELETED)}-"):
        pod = next(view.pod for view in lab.pods() if view.pod.object == event.object)
        asyncio.get_running_loop().call_later(DELETED_AT, lab.delete, pod)


def _manifests(pod: str, traced: dict[str, Any]) -> Manifests:
    """Return a pod of a trace and its Service; in the place of the traces' image, its script."""
    spec = copy.deepcopy(traced)
    for container in (*spec.get("initContainers", []), *spec["containers"]):
        container["command"] = ["python", "-I", "-S", str(PATIENT), "/var"]
        container.setdefault("env", []).append(
            {"name": "HOST", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}
        )
        container["volumeMounts"] = [{"name": "var", "mountPath": "/var"}]
    spec["volumes"] = [{"name": "var", "emptyDir": {}}]
    metadata = {"name": pod, "labels": {"app": pod}}
    service = {"selector": {"app": pod}, "ports": [{"port": 80, "targetPort": 8080}]}
    objects = [
        {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec},
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": pod}, "spec": service},
    ]
    return read([Document("traces.yaml", i, 1, each) for i, each in enumerate(objects, 1)])


def _run(events: list[Event], spec: dict[str, Any], seconds: float, late: list[tuple[float, float]]) -> Run:
    """Return what was seen of a pod and its Service in so many seconds after its first container's start."""
    zero = next(event.t for event in events if event.kind == "process")
    gone = next((event.t - zero for event in events if event.kind == "pod" and event.reason == "Deleted"), None)
    seen = [event for event in events if event.t - zero <= seconds and event.reason != "Scheduled"]
    run = Run(parse_pod_template({"spec": spec}, path=""), seen, zero=zero, gone_at=gone)
    first_life = min(run.exited(), default=seconds) + 1
    run.late = max((by for t, by in late if -1 <= t - zero <= first_life), default=0.0)
    return run

"""What becomes of hooks, by version, in the lab and on sim: the events, and the status of a container that waits.

1.36 as in the recordings 12a and 12b, the others from the source: kubelet: pkg/kubelet/lifecycle, kuberuntime.
"""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from crashy.clock import run_virtual
from crashy.engines.base import Engine
from crashy.engines.lab.running import running as lab
from crashy.engines.sim.sim import running as sim
from crashy.kubelet.versions import PROFILES
from crashy.objects.document import Document
from crashy.objects.manifests import Manifests, read
from crashy.timeline import Event, Timeline

DEADLINE = 20.0
VERSIONS = ("1.20", "1.32", "1.36")
NO: list[str] = []
FAILS = {"exec": {"command": ["sh", "-c", "exit 3"]}}
EXITED = "command 'sh -c exit 3' exited with 3: "
REFUSED = "dial tcp POD:7000: connect: connection refused"


def get(path: str, port: int = 8080, scheme: str = "HTTP") -> dict[str, Any]:
    return {"httpGet": {"path": path, "port": port, "scheme": scheme}}


HOOKS: dict[str, tuple[dict[str, Any], list[str], list[str]]] = {
    # a pod's hook, its events up to 1.20, and in 1.32 and 1.36
    "answered": ({"preStop": get("/info")}, NO, NO),
    "answered-404": ({"preStop": get("/nope")}, NO, NO),
    "https-to-plain": ({"preStop": get("/info", scheme="HTTPS")}, NO, NO),
    "refused": (
        {"preStop": get("/bye", 7000)},
        [
            'FailedPreStopHook Http lifecycle hook (/bye) for Container "app" in Pod "refused_default(UID)" failed - '
            f'error: Get "http://POD:7000//bye": {REFUSED}, message: ""'
        ],
        ["FailedPreStopHook PreStopHook failed"],
    ),
    "exec-fails": (
        {"preStop": FAILS},
        [
            'FailedPreStopHook Exec lifecycle hook ([sh -c exit 3]) for Container "app" in Pod '
            f'"exec-fails_default(UID)" failed - error: {EXITED}, message: ""'
        ],
        ["FailedPreStopHook PreStopHook failed"],
    ),
    "tcp": (
        {"preStop": {"tcpSocket": {"port": 8080}}},
        [
            "FailedPreStopHook Cannot run handler: invalid handler: &Handler{Exec:nil,HTTPGet:nil,"
            "TCPSocket:&TCPSocketAction{Port:{0 8080 },Host:,},}"
        ],
        ["FailedPreStopHook PreStopHook failed"],
    ),
    "post-fails": (
        {"postStart": FAILS},
        [
            'FailedPostStartHook Exec lifecycle hook ([sh -c exit 3]) for Container "app" in Pod '
            f'"post-fails_default(UID)" failed - error: {EXITED}, message: ""',
            "Killing FailedPostStartHook",
            f"PostStartHookError: {EXITED}",
        ],
        [
            "FailedPostStartHook PostStartHook failed",
            "Killing FailedPostStartHook",
            "PostStartHookError",
        ],
    ),
}


def manifests() -> Manifests:
    return read([Document("hooks.yaml", i, 1, pod) for i, pod in enumerate(pods(), 1)])


def pods() -> Iterator[dict[str, Any]]:
    for name, (lifecycle, _, _) in HOOKS.items():
        probe = {"httpGet": {"path": "/readyz", "port": 8080}, "periodSeconds": 1}
        container = {"name": "app", "image": "crashy-app", "lifecycle": lifecycle, "readinessProbe": probe}
        spec = {"containers": [container], "terminationGracePeriodSeconds": 1}
        yield {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


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
    ips = {event.data["ip"] for event in events if event.kind == "pod"} - {""}
    plain = [re.sub("|".join(map(re.escape, ips)), "POD", text) for text in said]
    return list(dict.fromkeys(re.sub(r"_default\([0-9a-f-]+\)", "_default(UID)", text) for text in plain))


def wanted(version: str) -> dict[str, list[str]]:
    return {name: old if version == "1.20" else new for name, (_, old, new) in HOOKS.items()}


@pytest.mark.parametrize("version", VERSIONS)
async def test_in_the_lab(tmp_path: Path, version: str) -> None:
    timeline = Timeline(time.monotonic)
    rng, profile = random.Random(1), PROFILES[version]
    async with lab(timeline, labs=tmp_path, note=lambda _: None, rng=rng, profile=profile) as engine:
        events = await play(engine, timeline)
    assert {name: found(events, name) for name in HOOKS} == wanted(version)


@pytest.mark.parametrize("version", VERSIONS)
def test_on_sim(version: str) -> None:
    async def main() -> list[Event]:
        timeline = Timeline(asyncio.get_running_loop().time)
        async with sim(timeline, rng=random.Random(1), profile=PROFILES[version]) as engine:
            return await play(engine, timeline)

    events = run_virtual(main())
    assert {name: found(events, name) for name in HOOKS} == wanted(version)

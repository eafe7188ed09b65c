"""A cluster over modelled containers, in virtual time; and the objects that the tests apply to it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

from crashy.controllers.cluster import Cluster
from crashy.engines.sim.runtime import Script, SimRuntime
from crashy.kubelet.outcome import Outcome, Result
from crashy.kubelet.runtime import Pod
from crashy.kubelet.versions import NEWEST
from crashy.objects.document import Document
from crashy.objects.manifests import Manifests, read
from crashy.objects.pod import Container, Probe
from crashy.objects.service import Service
from crashy.timeline import Event, Timeline
from tests.kubelet.scripted import healthy

Places = Mapping[int, Sequence[tuple[str, int]]]


class Runtime(SimRuntime):
    """Modelled containers, whose probes say what `healthy` says of their pod at this moment."""

    def __init__(self, script: Script = healthy) -> None:
        super().__init__(script)
        self.healthy: Callable[[Pod], bool] = lambda _: True

    async def probe(self, pod: Pod, container: Container, container_id: str, probe: Probe) -> Outcome:
        outcome = await super().probe(pod, container, container_id, probe)
        return outcome if self.healthy(pod) else Outcome(Result.FAILURE)


class Network:
    def __init__(self) -> None:
        self._ips = count(1)
        self.published: dict[str, Places] = {}

    def pod_ip(self) -> str:
        return f"10.0.0.{next(self._ips)}"

    def publish(self, service: Service, backends: Places) -> None:
        self.published[service.name] = backends


class World:
    def __init__(self, tasks: asyncio.TaskGroup, seed: int, script: Script) -> None:
        self.runtime = Runtime(script)
        self.network = Network()
        self.timeline = Timeline(asyncio.get_running_loop().time)
        self.cluster = Cluster(
            self.runtime, self.network, self.timeline, tasks, profile=NEWEST, rng=random.Random(seed)
        )

    def names(self) -> list[str]:
        return [view.pod.name for view in self.cluster.pods()]

    def events(self, *reasons: str) -> list[Event]:
        return [event for event in self.timeline.since() if event.reason in reasons]


@asynccontextmanager
async def world(
    *objects: dict[str, Any], seconds: float = 5, seed: int = 1, script: Script = healthy
) -> AsyncIterator[World]:
    """Apply the objects and let so many seconds go by."""
    async with asyncio.TaskGroup() as tasks:
        made = World(tasks, seed, script)
        made.cluster.apply(manifests(*objects))
        await asyncio.sleep(seconds)
        yield made
        made.cluster.stop()


def manifests(*objects: dict[str, Any]) -> Manifests:
    return read([Document("test.yaml", i, 1, thing) for i, thing in enumerate(objects, 1)])


READINESS = {"httpGet": {"port": "web"}, "periodSeconds": 1, "failureThreshold": 1}
SPEC = {
    "terminationGracePeriodSeconds": 1,
    "containers": [
        {
            "name": "web",
            "image": "crashy-app",
            "ports": [{"name": "web", "containerPort": 8080}],
            "readinessProbe": READINESS,
        }
    ],
}
LABELS = {"app": "web"}
POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "bare", "labels": LABELS}, "spec": SPEC}
TWO = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web"},
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": LABELS},
        "template": {"metadata": {"labels": LABELS}, "spec": SPEC},
    },
}
SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web"},
    "spec": {"selector": LABELS, "ports": [{"port": 80, "targetPort": "web"}]},
}

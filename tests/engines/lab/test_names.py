"""A StatefulSet of patients in a lab: they find each other by name, and their claims outlive them."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from crashy.engines.lab.lab import LabEngine
from crashy.engines.lab.running import running
from crashy.timeline import Timeline
from crashy.traffic.request import Target, ask
from tests.controllers.worlds import manifests
from tests.elsewhere import needs_addresses

LABELS = {"app": "db"}
CONTAINER = {
    "name": "db",
    "image": "crashy-app",
    "ports": [{"containerPort": 8080}],
    "env": [{"name": "PEERS", "value": "db-0.db,db-1.db.default.svc.cluster.local,db-2.db"}],
    "readinessProbe": {"httpGet": {"path": "/readyz", "port": 8080}, "periodSeconds": 1},
    "lifecycle": {"postStart": {"exec": {"command": ["sh", "-c", "echo again >> /data/log"]}}},
    "volumeMounts": [{"name": "data", "mountPath": "/data"}],
}
SERVICE = {"clusterIP": "None", "selector": LABELS, "ports": [{"port": 8080}]}
STATEFUL_SET = {
    "serviceName": "db",
    "replicas": 2,
    "selector": {"matchLabels": LABELS},
    "template": {
        "metadata": {"labels": LABELS},
        "spec": {"terminationGracePeriodSeconds": 1, "containers": [CONTAINER]},
    },
    "volumeClaimTemplates": [{"metadata": {"name": "data"}}],
}
NAME: dict[str, Any] = {"metadata": {"name": "db"}}
OBJECTS = (
    {"apiVersion": "v1", "kind": "Service", **NAME, "spec": SERVICE},
    {"apiVersion": "apps/v1", "kind": "StatefulSet", **NAME, "spec": STATEFUL_SET},
)


@needs_addresses
async def test_pods_find_each_other_by_name_and_keep_their_claims(tmp_path: Path) -> None:
    making = running(Timeline(time.monotonic), labs=tmp_path, note=lambda _: None, rng=random.Random(1))
    async with making as lab:
        await lab.apply(manifests(*OBJECTS))
        await until(lambda: ready(lab) == ["db-0", "db-1"])
        first = lab.pods()[0].pod
        assert await peers(lab) == ["db-0.db db-0", "db-1.db.default.svc.cluster.local db-1", "db-2.db no such name"]
        log = lab._programs.program(first, first.template.containers[0]).folders.mapping["/data"] / "log"

        lab.delete(first)
        await until(lambda: all(view.pod.uid != first.uid for view in lab.pods()) and ready(lab) == ["db-0", "db-1"])
        assert log.read_text() == "again\nagain\n"
        assert (await peers(lab))[0] == "db-0.db db-0"


def ready(lab: LabEngine) -> list[str]:
    return sorted(view.pod.name for view in lab.pods() if view.status.ready)


async def peers(lab: LabEngine) -> list[str]:
    pod = next(view.pod for view in lab.pods() if view.pod.name == "db-1")
    reply = await ask(Target.of(f"{lab.app(pod)}/peers"), 10)
    return reply.body.decode().splitlines()


async def until(come: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not come():  # noqa: ASYNC110 - any event may bring it
            await asyncio.sleep(0.05)

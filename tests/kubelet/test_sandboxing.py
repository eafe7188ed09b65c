"""A pod whose limit is too low even for its sandbox: it never starts, and the kubelet tries again and again."""

from __future__ import annotations

import asyncio
import random
from itertools import pairwise

import pytest

from crashy.clock import run_virtual
from crashy.engines.sim.sim import running
from crashy.kubelet.handlers.sandboxing import memory_limit
from crashy.kubelet.versions import PROFILES
from crashy.objects.document import Document
from crashy.objects.manifests import read
from crashy.objects.pod import Container, PodTemplate
from crashy.timeline import Event, Timeline


def limited(*limits: str) -> tuple[Container, ...]:
    return tuple(
        Container(f"c{number}", resources={"limits": {"memory": limit}} if limit else {})
        for number, limit in enumerate(limits)
    )


@pytest.mark.parametrize(
    ("containers", "init", "found"),
    [
        ([""], [], None),
        (["1000"], [], 1000),
        (["1000", "500"], [], 1500),
        (["1000", ""], [], None),
        (["1000"], ["3000", "2000"], 3000),
        (["1000", "2000"], ["500"], 3000),
        (["1000"], [""], None),
    ],
)
def test_a_pod_is_limited_where_all_of_its_containers_are(
    containers: list[str], init: list[str], found: int | None
) -> None:
    assert memory_limit(PodTemplate(limited(*containers), limited(*init))) == found


def run(limit: str, version: str) -> list[Event]:
    container = {"name": "app", "image": "nginx", "resources": {"limits": {"memory": limit}}}
    manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": {"containers": [container]}}

    async def main() -> list[Event]:
        timeline = Timeline(asyncio.get_running_loop().time)
        async with running(timeline, rng=random.Random(1), profile=PROFILES[version]) as sim:
            await sim.apply(read([Document("pod.yaml", 1, 1, manifest)]))
            await asyncio.sleep(60)
            (view,) = sim.pods()
            assert (view.status.phase, view.status.ready) == (
                ("Running", True) if limit != "1Mi" else ("Pending", False)
            )
            return timeline.since()

    return run_virtual(main())


@pytest.mark.parametrize("version", ["1.20", "1.32", "1.36"])
def test_it_is_tried_anew_every_ten_to_sixteen_seconds(version: str) -> None:
    failed = [event for event in run("1Mi", version) if event.reason == "FailedCreatePodSandBox"]

    assert all(10 <= later.t - earlier.t <= 17 for earlier, later in pairwise(failed))
    assert len(failed) >= 4
    assert failed[0].message.startswith(
        "Failed to create pod sandbox: rpc error: code = Unknown desc = failed to start"
    )
    assert failed[0].message.endswith("container init was OOM-killed (memory limit too low?)")


def test_a_little_more_is_enough() -> None:
    assert [event for event in run("4Mi", "1.36") if event.reason == "FailedCreatePodSandBox"] == []

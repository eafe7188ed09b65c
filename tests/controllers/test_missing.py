"""A pod waits for its ConfigMaps and Secrets as on a cluster: workloads-1.36, scenarios 10a to 10c."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from itertools import pairwise

import pytest

from crashy.clock import run_virtual
from crashy.engines.sim import sim
from crashy.objects.manifests import Manifests, read
from crashy.timeline import Event, Timeline
from tests.manifest.conftest import manifests

POD = """
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers:
    - {name: app, image: crashy-app, readinessProbe: {httpGet: {path: /readyz, port: 8080}, periodSeconds: 1}, %s}
"""
ENV_FROM = POD % "envFrom: [{configMapRef: {name: settings}}]"
KEY = POD % "env: [{name: K, valueFrom: {configMapKeyRef: {name: settings, key: K}}}]"
VOLUME = POD % "volumeMounts: [{name: v, mountPath: /v}]" + "  volumes: [{name: v, secret: {secretName: secret}}]\n"
SETTINGS = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {%s}\n"
SECRET = "---\napiVersion: v1\nkind: Secret\nmetadata: {name: secret}\nstringData: {a: b}\n"


def only(text: str) -> Manifests:
    """Return what is applied on top: no workload."""
    return replace(manifests(POD % "stdin: false" + text), workloads=())


def play(first: str, *later: tuple[float, str], seconds: float) -> list[Event]:
    async def main() -> list[Event]:
        timeline = Timeline(asyncio.get_running_loop().time)
        async with sim.running(timeline, rng=random.Random(1)) as engine:
            await engine.apply(manifests(first))
            for at, text in later:
                await asyncio.sleep(at - timeline.now())
                await engine.apply(only(text))
            await asyncio.sleep(seconds - timeline.now())
            return [*timeline.since()]

    events: list[Event] = run_virtual(main())
    return events


def seen(events: list[Event], reason: str) -> list[tuple[float, str]]:
    return [(event.t, event.message) for event in events if event.kind == "event" and event.reason == reason]


def test_a_missing_config_map_is_an_error_of_each_sync_until_it_comes() -> None:
    events = play(ENV_FROM, (32, SETTINGS % "A: b"), seconds=60)
    failed = seen(events, "Failed")

    assert {text for _, text in failed} == {'Error: configmap "settings" not found'}
    times = [t for t, _ in failed]
    assert times[1] < 2.5
    assert all(10 <= after - before <= 16 for before, after in pairwise(times[1:]))
    ((created, _),) = seen(events, "Created")
    assert 32 < created < 32 + 16
    statuses = [event.data["containers"][0] for event in events if event.kind == "pod"]
    waiting = next(one for one in statuses if one["reason"] == "CreateContainerConfigError")
    assert (waiting["state"], waiting["message"]) == ("waiting", 'configmap "settings" not found')
    assert (statuses[-1]["ready"], statuses[-1]["restarts"]) == (True, 0)


def test_a_missing_key_has_its_own_words() -> None:
    events = play(KEY, (14, SETTINGS % "A: b"), (45, SETTINGS % "K: v"), seconds=90)
    words = list(dict.fromkeys(text for _, text in seen(events, "Failed")))

    assert words == [
        'Error: configmap "settings" not found',
        "Error: couldn't find key K in ConfigMap default/settings",
    ]
    assert len(seen(events, "Started")) == 1


def test_a_missing_secrets_volume_is_tried_ever_more_rarely() -> None:
    events = play(VOLUME, (40, SECRET), seconds=70)
    failed = seen(events, "FailedMount")

    assert {text for _, text in failed} == {'MountVolume.SetUp failed for volume "v" : secret "secret" not found'}
    assert [t for t, _ in failed] == pytest.approx([0.26, 0.8, 1.8, 3.8, 7.8, 15.9, 31.9], abs=0.5)
    ((started, _),) = seen(events, "Started")
    assert started == pytest.approx(64.5, abs=0.7)
    before = [event.data["containers"] for event in events if event.kind == "pod" and event.t < 60]
    assert {containers[0]["reason"] for containers in before if containers} == {"ContainerCreating"}


def test_more_manifests_need_hold_nothing_that_runs() -> None:
    assert read(manifests(ENV_FROM + SETTINGS % "a: b").documents[1:], on_top=True).workloads == ()

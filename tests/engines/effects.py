"""Pods that run with a profile on sim or in a lab, and what is then seen of them."""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from crashy.clock import VirtualLoop
from crashy.engines.lab.running import running as lab
from crashy.engines.sim.sim import running as sim
from crashy.experiment.read import read_experiment
from crashy.experiment.runner import perform
from crashy.kubelet.versions import Profile
from crashy.timeline import Event, Timeline

Object = dict[str, Any]
PATIENT = "crashy-app:1.0.0"


@dataclass(frozen=True)
class Seen:
    """What is on the timeline of the pods whose names begin so."""

    events: list[Event]
    name: str

    def of(self, kind: str, reason: str = "", container: str = "", after: float = 0.0) -> list[Event]:
        return [
            one
            for one in self.events
            if one.kind == kind and one.object.partition("/")[2].startswith(self.name)
            if reason in {"", one.reason} and container in {"", one.data.get("container")} and one.t >= after
        ]

    def times(self, kind: str, reason: str = "", container: str = "", after: float = 0.0) -> list[float]:
        return [one.t for one in self.of(kind, reason, container, after)]

    @property
    def pods(self) -> list[Seen]:
        """Return what is seen of each pod alone."""
        names = dict.fromkeys(one.object.partition("/")[2] for one in self.of("pod"))
        return [Seen(self.events, name) for name in names]

    def gaps(self, one: tuple[str, str], other: tuple[str, str]) -> list[float]:
        """Return the seconds between the first of each, pod by pod; those that have not both are left out."""
        found = []
        for pod in self.pods:
            if first := pod.times(*one):
                found += [t - first[0] for t in pod.times(*other, after=first[0])[:1]]
        return found

    @property
    def deleted(self) -> float:
        return next(one.t for one in self.of("pod") if one.data["deleting"])


def probe(path: str = "/healthz", period: int = 1, **more: Any) -> Object:
    return {"httpGet": {"path": path, "port": 8080}, "periodSeconds": period, **more}


def container(name: str = "app", **more: Any) -> Object:
    env = [{"name": key, "value": value} for key, value in more.pop("env", {}).items()]
    return {"name": name, "image": PATIENT, "env": env, **more}


def pod(name: str, *containers: Object, **spec: Any) -> Object:
    spec = {"terminationGracePeriodSeconds": 6, "containers": [*containers], **spec}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": name}}, "spec": spec}


def three(name: str, *containers: Object, **spec: Any) -> Object:
    """Return a ReplicaSet of three: what chance draws is not the same for all of them."""
    template = {key: value for key, value in pod(name, *containers, **spec).items() if key in {"metadata", "spec"}}
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {"name": name},
        "spec": {"replicas": 3, "selector": {"matchLabels": {"app": name}}, "template": template},
    }


def service(name: str) -> Object:
    spec = {"selector": {"app": name}, "ports": [{"port": 80, "targetPort": 8080}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def watch(
    objects: Iterable[Object], steps: list[Object], seconds: float, *, on: str, profile: Profile, **more: Object
) -> list[Event]:
    """Run objects on sim or in a lab, perform the steps, and return all that happened."""
    with asyncio.Runner(loop_factory=VirtualLoop if on == "sim" else None) as runner:
        return runner.run(watching(objects, steps, seconds, on=on, profile=profile, **more))


async def watching(
    objects: Iterable[Object], steps: list[Object], seconds: float, *, on: str, profile: Profile, **more: Object
) -> list[Event]:
    """Do as `watch` on the running loop, which is a virtual one for sim; several labs may run side by side."""
    plan = {
        "name": "effects",
        "lesson": "effects",
        "manifests": [*objects],
        "steps": steps,
        "duration": f"{seconds:g}s",
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (file := folder / "plan.yaml").write_text(yaml.safe_dump({**plan, **more, "expect": {}}))
        experiment = read_experiment(file)
        timeline = Timeline(asyncio.get_running_loop().time)
        events: list[Event] = []
        timeline.subscribe(events.append)
        rng = random.Random(1)
        engine = (
            sim(timeline, rng=rng, profile=profile)
            if on == "sim"
            else lab(timeline, labs=folder, note=lambda _: None, rng=rng, profile=profile)
        )
        async with engine as running:
            await perform(experiment, running, timeline, rng=rng, stop=asyncio.Event())
            return [*events]  # what the end of the engine does is none of it


def at(seconds: float, what: str, value: str, target: str) -> Object:
    return {"at": f"{seconds:g}s", what: value, "target": target}

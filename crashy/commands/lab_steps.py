"""Faults at given times: the lab's option `--at`."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass

from crashy.engines.base import Engine
from crashy.errors import BadInput
from crashy.faults.base import Fault, FaultError, parse_spec
from crashy.fields.units import parse_duration
from crashy.kubelet.runtime import Pod
from crashy.objects.images import is_patient
from crashy.objects.manifests import Manifests
from crashy.timeline import Timeline

_FORM = "must be 'TIME TARGET FAULT', as '8s any freeze mode=loop for=10s'"


@dataclass(frozen=True, slots=True)
class Step:
    """A fault for a target, `at` seconds after the start; the target begins a pod's name, or is `any` or `all`."""

    at: float
    target: str
    fault: Fault

    @classmethod
    def parse(cls, text: str) -> Step:
        """Read `8s any freeze mode=loop`; raises BadInput."""
        words = text.split(maxsplit=2)
        if len(words) < 3:
            raise BadInput(f"--at: {text!r}: {_FORM}")
        try:
            return cls(parse_duration(words[0]), words[1], parse_spec(words[2]))
        except FaultError as error:
            raise BadInput(f"--at: {text!r}: {error}") from None
        except ValueError as error:
            raise BadInput(f"--at: {text!r}: {words[0]!r}: must be {error}") from None


def check(steps: Sequence[Step], manifests: Manifests) -> None:
    """Raise BadInput with a line for every step whose target no pod of the manifests can be."""
    names = [workload.pods_begin for workload in manifests.workloads]
    allowed = f"must be any, all, or how one of these begins: {', '.join(names)}"
    lines = [
        f"--at: {step.target!r}: no pod's name begins so; {allowed}"
        for step in steps
        if step.target not in {"any", "all"}
        and not any(name.startswith(step.target) or step.target.startswith(name) for name in names)
    ]
    if lines:
        raise BadInput(*lines)


def choose(target: str, pods: Sequence[Pod], rng: random.Random) -> list[Pod]:
    """Return the pods that a target means now: all of them, one by chance, or the first whose name begins so."""
    match target:
        case "all":
            return list(pods)
        case "any":
            return [rng.choice(pods)] if pods else []
        case _:
            return [pod for pod in pods if pod.name.startswith(target)][:1]


async def perform(steps: Sequence[Step], engine: Engine, timeline: Timeline, rng: random.Random) -> None:
    """Inject each fault at its time. `any` prefers pods that are ready, and of those the ones not struck before."""
    struck: set[str] = set()
    for step in sorted(steps, key=lambda step: step.at):
        await asyncio.sleep(step.at - timeline.now())
        views = [v for v in engine.pods() if any(is_patient(c.image) for c in v.pod.template.containers)]
        if step.target == "any":
            views = [view for view in views if view.status.ready] or views
            views = [view for view in views if view.pod.name not in struck] or views
        pods = choose(step.target, [view.pod for view in views], rng)
        if not pods:
            timeline.add("lab", "fault", f"pod/{step.target}", "NotInjected", f"{step.fault.to_spec()}: no such pod")
        struck.update(pod.name for pod in pods)
        await asyncio.gather(*(engine.inject(pod, step.fault.to_spec()) for pod in pods))

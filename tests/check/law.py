"""What sim shows of a container's failure, and whether `check`'s numbers say the same.

A run lets one pod of a manifest fail once, at a chosen moment, on the sim. The app in it is a stand-in that listens at
once; how long it takes to end is chosen too, as `check` can't know it.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from crashy.check.impacts import Impact
from crashy.check.numbers import Numbers, numbers
from crashy.check.outcomes import FailureMode, hook_seconds
from crashy.check.starts import RELIST, unguarded, waits_for
from crashy.check.targets import CheckTarget
from crashy.clock import VirtualLoop
from crashy.engines.images import program, runs_patient
from crashy.engines.sim import sim
from crashy.engines.sim.life import BOOT_SECONDS
from crashy.engines.sim.patient import ModelledPatient
from crashy.faults.base import parse_spec
from crashy.fields.units import Fixed
from crashy.kubelet.detection import Bounds
from crashy.objects.config import VOLUMES, ConfigMap, Secret, references, volume_sources
from crashy.objects.manifests import Manifests
from crashy.objects.pod import ProbeType
from crashy.objects.standin import ANNOTATION, Model
from crashy.objects.workload import Workload
from crashy.patient import shell
from crashy.timeline import Event, Timeline

HAIR = 0.15
"""Seconds that the runtime takes to start a container, and what a probe's answer takes."""
EVER = 3600.0
FAULTS = {
    FailureMode.EXIT: ("crash",),
    FailureMode.ERRORS: ("error clients=kubelet",),
    FailureMode.HANG: ("freeze", "latency delay=1h clients=kubelet"),
}


class Failure(NamedTuple):
    """One failure of a container: which fault, how long after it is ready, and how long its process takes to end."""

    fault: str
    after: float
    drain: float
    seed: int


class Seen(NamedTuple):
    """When the container was `ready`, in seconds of the run; and the rest, from the failure. None for never."""

    ready: float | None
    killed: float | None
    out: float | None
    back: float | None


@dataclass(frozen=True)
class Case:
    """A container of a manifest, and all that runs with it."""

    target: CheckTarget
    manifests: Manifests

    @property
    def numbers(self) -> Numbers:
        return numbers(self.target)

    @property
    def settled(self) -> float:
        """Return when all probes are surely asked, in seconds after it is ready."""
        return 30.0 + max((probe.initial_delay_seconds for probe in self.target.probes.values()), default=0)

    @property
    def aside(self) -> str:
        """Return why the law does not speak of this container; empty if it does."""
        container, template = self.target.container, self.target.template
        command = program(container)
        if runs_patient(container) and self.target.env.failures:
            return "it fails by itself"
        if not runs_patient(container) and command and not shell.others(command):
            return "its command ends, or is no server"
        begun = self.numbers.start
        if begun.in_vain:
            return "its own probes end a healthy app: see lives.py"
        if (
            begun.by
            and begun.safe is not None
            and waits_for(self.target, self.target.probes[begun.by]).worst > begun.safe
        ):
            return "its own probes may end any start, or none"
        if any(getattr(probe.handler, "host", "") for probe in self.target.probes.values()):
            return "another host is asked, of which nothing is known"
        if any(one.lifecycle.post_start for one in template.containers):
            return "postStart"
        return ""


def case(target: CheckTarget, manifests: Manifests) -> Case:
    """Reduce manifests to one pod of the container's workload."""
    workload = target.workload
    mine = [
        w
        for w in manifests.workloads
        if (w.kind, w.namespace, w.name) == (workload.kind, workload.namespace, workload.name)
    ]
    template = mine[0].template
    annotations = {key: text for key, text in template.annotations.items() if key != ANNOTATION}
    template = replace(template, annotations=annotations)
    one = replace(mine[0], replicas=1, template=template)
    return Case(target, _with_configuration(replace(manifests, workloads=(one,), budgets=()), one))


def _with_configuration(manifests: Manifests, workload: Workload) -> Manifests:
    """Return manifests with the ConfigMaps and Secrets that a workload refers to, and that come from elsewhere."""
    maps = {one.name: one for one in manifests.config_maps if one.namespace == workload.namespace}
    secrets = {one.name: one for one in manifests.secrets if one.namespace == workload.namespace}
    wanted = [(kind, name, [key] if key else []) for _, kind, name, key in references("spec", workload.template)]
    for volume in workload.template.volumes:
        for _, field, key, source in volume_sources(volume):
            wanted.append((VOLUMES[field][1], source.get(key, ""), [one["key"] for one in source.get("items", ())]))
    for kind, name, keys in wanted:
        if kind == "ConfigMap":
            known = maps.get(name, ConfigMap(name, workload.namespace, {}, {}, workload.source))
            maps[name] = replace(known, data={**dict.fromkeys(keys, "x"), **known.data})
        else:
            held = secrets.get(name, Secret(name, workload.namespace, {}, workload.source))
            secrets[name] = replace(held, data={**dict.fromkeys(keys, b"x"), **held.data})
    return replace(manifests, config_maps=tuple(maps.values()), secrets=tuple(secrets.values()))


def see(case: Case, failure: Failure | None, *, patience: float = 400.0) -> tuple[list[Event], float | None, float]:
    """Run a case; return its events, when the container was ready, and when it failed."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(_run(case, failure, patience))


async def _run(case: Case, failure: Failure | None, patience: float) -> tuple[list[Event], float | None, float]:
    timeline = Timeline(asyncio.get_running_loop().time)
    events: list[Event] = []
    timeline.subscribe(events.append)
    target = case.target
    drain = target.env.drains.worst if target.env.drains else failure.drain if failure else 0.0
    model = Model(start=Fixed(target.env.starts - target.env.sleeps), drain=Fixed(drain), run=Fixed(EVER))
    rng = random.Random(failure.seed if failure else 0)
    images = (*target.template.init_containers, *target.template.containers)
    models = {one.image: model for one in images}
    async with sim.running(timeline, rng=rng, profile=target.profile, models=models) as engine:
        await engine.apply(case.manifests)
        ready_at, failed_at, fresh = None, 0.0, 0
        while ready_at is None and timeline.now() < patience:
            await asyncio.sleep(0.5)
            fresh, found = len(events), events[fresh:]
            ready_at = next((event.t for event in found if is_ready(event, target)), None)
        if ready_at is not None:
            await asyncio.sleep(ready_at + (failure.after if failure else case.settled + 100.0) - timeline.now())
            failed_at = timeline.now()
        if ready_at is not None and failure is not None:
            view = next(v for v in engine.pods() if v.status.ready or target.template.readiness_gates)
            process = engine._runtime.process(view.pod, target.container)
            assert isinstance(process, ModelledPatient)
            assert process.inject(parse_spec(failure.fault), "law") == ""
            await asyncio.sleep(_longest(case.numbers.impacts.values()) + 60)
    return events, ready_at, failed_at


def seen(case: Case, failure: Failure) -> Seen:
    """Fail once, and return what came of it."""
    events, ready_at, onset = see(case, failure)
    name, target = case.target.container.name, case.target
    later = [event for event in events if event.t >= onset - 0.001]
    mine = [event for event in later if event.data.get("container") == name]
    killed = next((e.t for e in mine if e.kind == "event" and e.reason == "Killing"), None)
    out = next((e.t for e in later if e.kind == "pod" and not e.data["ready"]), None)
    ended = next((e.t for e in mine if e.kind == "process" and e.reason == "Exited"), None)
    back = None
    if ended is not None:
        started = (e.kind == "process" and e.reason == "Started" and e in mine and e.t >= ended for e in later)
        again = next((index for index, here in enumerate(started) if here), len(later))
        waits = target.container.readiness_probe or target.container.startup_probe
        back = next((e.t for e in later[again:] if not waits or is_ready(e, target)), None)
        if target.container.startup_probe and target.profile.inherits_started:  # it may be ready before it has started
            turns = [(e.t, is_ready(e, target)) for e in later[again:] if e.kind == "pod" and not e.data["deleting"]]
            unready = max((index for index, (_, ready) in enumerate(turns) if not ready), default=-1)
            back = next((t for t, _ in turns[unready + 1 :]), back)
    last = next((event for event in reversed(events) if event.kind == "pod"), None)
    if last is None or last.t < (back or 0.0) or not is_ready(last, target):
        back = None  # not for long
    if back is not None and not (target.container.readiness_probe or target.container.startup_probe):
        back += target.env.starts  # nothing else shows when it listens
    if ready_at is None:
        return Seen(None, None, None, None)
    return Seen(ready_at, *(None if t is None else t - onset for t in (killed, out, back)))


def is_ready(event: Event, target: CheckTarget) -> bool:
    if event.kind != "pod" or event.data["deleting"] or target.template.readiness_gates:
        return False
    states = (*event.data["containers"], *event.data.get("init_containers", ()))
    return any(one["name"] == target.container.name and one["ready"] and one["state"] == "running" for one in states)


def _longest(impacts: object) -> float:
    assert hasattr(impacts, "__iter__")
    times = [b.worst for one in impacts for b in (one.detected, one.out, one.back) if b and b.worst < math.inf]
    return max(times, default=0.0)


def failures(case: Case, mode: FailureMode) -> Iterator[Failure]:
    """Yield failures that show how soon and how late things can happen: just before a probe, and just after it."""
    events, ready_at, _ = see(case, None)
    if ready_at is None:
        return
    at: dict[str, float] = {}
    for event in events:
        if (
            event.kind == "probe"
            and event.data.get("container") == case.target.container.name
            and event.t > ready_at + case.settled
        ):
            at.setdefault(event.reason.lower(), event.t - event.data["seconds"] - ready_at)
    moments = [moment + hair for moment in at.values() for hair in (-0.02, 0.02)] or [
        case.settled + part for part in (0.0, 0.4, 0.8)
    ]
    for fault in FAULTS[mode]:
        for drain in _drains(case, mode):
            for moment in moments:
                yield Failure(fault, moment, drain, 0)


def _drains(case: Case, mode: FailureMode) -> tuple[float, ...]:
    if mode is FailureMode.EXIT:
        return (0.0,)
    # What ends well at SIGTERM, and is not restarted, has done its Job.
    job = case.target.workload.kind in {"Job", "CronJob"} and case.target.template.restart_policy == "Never"
    return (EVER,) if job else (0.0, EVER)


def wrong_start(case: Case) -> Iterator[str]:
    """Yield what sim shows of a healthy start and `check` does not say."""
    events, ready_at, _ = see(case, None)
    bounds, container = case.numbers.start.ready, case.target.container
    mine = (e.t for e in events if e.kind == "process" and e.data.get("container") == container.name)
    begun = next((t for t in mine if ready_at is not None and t <= ready_at), 0.0)
    took = None if ready_at is None else ready_at - begun
    if took is not None and not (container.readiness_probe or container.startup_probe):
        took = 0.0  # it is ready with its start, and that is published later
    boot = BOOT_SECONDS[1] if case.target.env.obeys else 0.0
    yield from outside("ready", bounds and Bounds(bounds.best, bounds.worst + boot), took)


def wrong(case: Case, mode: FailureMode, seen: Seen) -> Iterator[str]:
    """Yield what sim shows and `check` does not say."""
    impact = case.numbers.impacts[mode]
    if mode is not FailureMode.EXIT:
        synced = impact.detected and Bounds(impact.detected.best, impact.detected.worst + RELIST)
        if seen.killed is not None or seen.back is None:  # the events of a pod that has many are dropped
            yield from outside("killed", synced, seen.killed)
    # A kill and a start within one sync are published as one: then it was never out.
    if not (mode is FailureMode.EXIT and seen.out is None and seen.back is not None and _kills_the_dead(case.target)):
        yield from outside("out", impact.out, seen.out)
    yield from outside("back", impact.back, seen.back)


def _kills_the_dead(target: CheckTarget) -> bool:
    liveness = target.container.liveness_probe
    return liveness is not None and liveness.failure_threshold == 1


def outside(what: str, bounds: Bounds | None, moment: float | None) -> Iterator[str]:
    if bounds is None or moment is None:
        if (bounds is None) != (moment is None) and not (bounds and bounds.worst == math.inf):
            yield f"{what}: {bounds} but seen {moment}"
    elif not bounds.best - HAIR <= moment <= bounds.worst + HAIR:
        yield f"{what}: {bounds} but seen {moment:.2f}"


def too_wide(case: Case, mode: FailureMode, shown: list[Seen]) -> Iterator[str]:
    """Yield the spans that are more than a period wider than what sim shows."""
    impact: Impact = case.numbers.impacts[mode]
    if not hook_seconds(case.target.container.lifecycle.pre_stop)[1]:
        return  # an unknown hook may take all the grace there is, whatever it does here
    if mode is not FailureMode.EXIT and (0.0 not in _drains(case, mode) or runs_patient(case.target.container)):
        return  # only one end of what is possible was tried: the patient ends soon after SIGTERM
    periods = [probe.period_seconds for kind, probe in case.target.probes.items()]
    readiness = case.target.container.readiness_probe
    if readiness and readiness.success_threshold > 1:
        periods.append(
            max(periods) + (readiness.success_threshold - 1) * readiness.period_seconds
        )  # the extra probes of syncs shorten a streak
    slack = max(periods, default=0) + 3 * RELIST + HAIR  # the relist, the sync, and the whole seconds of a status
    slack += unguarded(case.target)  # no failure is timed by the startup probe, which asks no more
    for what in ("out", "back"):
        bounds = getattr(impact, what)
        times = [t for one in shown if (t := getattr(one, what)) is not None]
        if (
            bounds
            and times
            and bounds.worst < math.inf
            and (bounds.worst - bounds.best) > max(times) - min(times) + slack
        ):
            yield f"{what}: {bounds} but seen {min(times):.2f} to {max(times):.2f}"


__all__ = ["Case", "Failure", "ProbeType", "Seen", "case", "failures", "see", "seen", "too_wide", "wrong"]

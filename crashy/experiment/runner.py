"""Runs an experiment on any engine; everything that happens is recorded on the timeline."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from contextlib import suppress
from functools import partial

from crashy.controllers.base import NODE, PodView
from crashy.controllers.eviction import EvictionRefusedError
from crashy.engines.base import Engine
from crashy.engines.drain import NotDrainedError, drain
from crashy.errors import BadInput
from crashy.experiment.model import (
    Action,
    Apply,
    Delete,
    Drain,
    Evict,
    Exec,
    Experiment,
    Inject,
    Load,
    Recover,
    Scale,
    Step,
    Stop,
    Uncordon,
)
from crashy.experiment.refusals import refusals
from crashy.experiment.targets import port_of, spared
from crashy.faults.base import parse_spec
from crashy.objects.service import Service
from crashy.targets import Target, choose, listed
from crashy.timeline import Timeline, kinds
from crashy.traffic.users import users

_NODE = f"node/{NODE}"


async def run(
    experiment: Experiment,
    engine: Engine,
    timeline: Timeline,
    *,
    rng: random.Random,
    stop: asyncio.Event,
    begun: kinds.Experiment,
) -> None:
    """Perform an experiment between the events Begun, with the data of `begun`, and Ended.

    When it is stopped, active faults are recovered. Raises BadInput as `perform` does; for a fault before Begun.
    """
    _refuse(experiment, engine)
    name = f"experiment/{experiment.name}"
    kinds.EXPERIMENT.add(
        timeline.add, "experiment", name, "Begun", experiment.lesson, data={"raw": experiment.raw, **begun}
    )
    stopped = await _perform(experiment, engine, timeline, rng=rng, stop=stop, recover=True)
    kinds.EXPERIMENT.add(timeline.add, "experiment", name, "Ended", "interrupted" if stopped else "its time is over")


async def perform(
    experiment: Experiment,
    engine: Engine,
    timeline: Timeline,
    *,
    rng: random.Random,
    stop: asyncio.Event,
) -> bool:
    """Apply the manifests, send users' requests and perform the steps, until the end or until `stop` is set.

    Every random choice comes from `rng`. Returns whether it was stopped. Raises BadInput if the manifests can't be
    applied, or if no pod could take a fault.
    """
    _refuse(experiment, engine)
    return await _perform(experiment, engine, timeline, rng=rng, stop=stop)


def _refuse(experiment: Experiment, engine: Engine) -> None:
    if lines := [*refusals(experiment, engine)]:
        raise BadInput(*lines)


async def _perform(
    experiment: Experiment,
    engine: Engine,
    timeline: Timeline,
    *,
    rng: random.Random,
    stop: asyncio.Event,
    recover: bool = False,
) -> bool:
    """Perform it; with `recover`, for pods that keep running, all faults are recovered when it is stopped."""
    await engine.apply(experiment.manifests)
    runner = _Runner(experiment, engine, timeline, rng)
    over = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        if experiment.traffic:
            tasks.create_task(runner.users(over))
        steps = tasks.create_task(runner.steps(tasks))
        with suppress(TimeoutError):
            async with asyncio.timeout(experiment.duration - timeline.now()):
                await stop.wait()
        stopped = stop.is_set()
        over.set()
        for task in (steps, *runner.loads):
            task.cancel()
        if stopped and recover:
            await asyncio.gather(*(engine.recover(view.pod, "all") for view in runner.takers()))
    return stopped


class _Runner:
    def __init__(self, experiment: Experiment, engine: Engine, timeline: Timeline, rng: random.Random) -> None:
        self._experiment = experiment
        self._engine = engine
        self._timeline = timeline
        self._rng = rng
        self._injected: set[str] = set()
        self.loads: list[asyncio.Task[None]] = []
        self._services: dict[str, Service] = {s.name: s for s in experiment.manifests.services}

    async def users(self, over: asyncio.Event) -> None:
        """Send the experiment's traffic until it is over."""
        traffic = self._experiment.traffic
        assert traffic is not None  # noqa: S101 - the caller has checked
        service = self._services[traffic.service]
        port, ingress = port_of(service, traffic.port), traffic.ingress is not None
        ask = partial(self._engine.ask, service, port, traffic.path, traffic.timeout, ingress=ingress)
        reachable = partial(self._engine.reachable, service, port, ingress=ingress)
        await users(
            ask,
            self._timeline,
            service.name,
            rate=traffic.rate,
            stop=over,
            reachable=None if service.type == "ExternalName" else reachable,
        )

    async def steps(self, tasks: asyncio.TaskGroup) -> None:
        """Perform each step at its time."""
        for step in self._experiment.steps:
            await asyncio.sleep(step.at - self._timeline.now())
            await self._perform(step, tasks)

    def takers(self) -> list[PodView]:
        """Return the pods into which faults can be injected."""
        return [view for view in self._engine.pods() if self._engine.takes_faults(view.pod)]

    async def _perform(self, step: Step, tasks: asyncio.TaskGroup) -> None:
        action = step.action
        match action:
            case Scale():
                found = next(w for w in self._experiment.manifests.workloads if w.object == action.workload)
                self._engine.scale(found, action.replicas)
                self._record(step, found.object, f"{step.text} to {action.replicas}")
            case Apply():
                try:
                    await self._engine.apply(action.manifests)
                except BadInput as error:
                    self._record(step, "manifests", "; ".join(error.lines), "Refused")
                    return
                self._services |= {s.name: s for s in action.manifests.services}
                self._record(step, "manifests", "applied")
            case Drain():
                self.loads.append(tasks.create_task(self._drain(step, action.timeout)))
            case Uncordon():
                self._engine.uncordon()
                self._record(step, _NODE, f"{_NODE} uncordoned")
            case Stop():
                self.loads.append(tasks.create_task(self._stop(step, action)))
            case Load():
                self.loads.append(tasks.create_task(self._load(action)))
                self._record(
                    step, f"service/{action.service}", f"{action.requests} requests, {action.concurrency} at once"
                )
            case Inject() | Recover() if step.target and step.target.service:
                await self._on_service(step, action, step.target.service)
            case _:
                await self._on_pods(step, action)

    async def _on_service(self, step: Step, action: Inject | Recover, name: str) -> None:
        service = self._services[name]
        if isinstance(action, Inject):
            await self._engine.inject_service(service, action.spec)
        else:
            await self._engine.recover_service(service, action.which)
        self._record(step, service.object, step.text)

    async def _on_pods(self, step: Step, action: Action) -> None:
        inject = isinstance(action, Inject)
        views = self._for(action)
        assert step.target is not None  # noqa: S101 - the reader requires it
        chosen = choose(step.target, views, PodView.facts, self._rng, self._injected if inject else ())
        kept = spared(chosen, views, step.keep_ready)
        if inject:
            self._injected.update(view.pod.name for view in kept)
        if not kept:
            why = (
                f"it would leave fewer than {step.keep_ready} ready pods"
                if chosen
                else self._why_none(step.target, action)
            )
            self._record(step, f"pod/{step.target.text}", why, "Skipped")
        await asyncio.gather(*(self._on_pod(step, action, view) for view in kept))

    def _for(self, action: Action) -> list[PodView]:
        """Return the pods that an action can be done on."""
        match action:
            case Inject(spec, container):
                fault, there = parse_spec(spec), self._engine.pods()
                templates = {id(view.pod.template): view.pod.template for view in there}
                why = {key: self._engine.refusal(one, fault, container) for key, one in templates.items()}
                return [view for view in there if not why[id(view.pod.template)]]
            case Recover():
                return self.takers()
        return list(self._engine.pods())

    def _why_none(self, target: Target, action: Action) -> str:
        """Return why no pod was chosen: there is none, or it can't take the fault."""
        views = self._engine.pods()
        if isinstance(action, Inject) and (meant := choose(target, views, PodView.facts, self._rng)):
            fault = parse_spec(action.spec)
            return self._engine.refusal(meant[0].pod.template, fault, action.container)
        names = [view.pod.name for view in views]
        return f"no such pod; there are: {listed(names)}" if names else "no such pod"

    async def _on_pod(self, step: Step, action: Action, view: PodView) -> None:
        pod = view.pod
        message = step.text
        match action:
            case Inject():
                await self._engine.inject(pod, action.spec, action.container)
            case Recover():
                await self._engine.recover(pod, action.which)
            case Delete():
                self._engine.delete(pod, action.grace)
            case Evict():
                try:
                    await self._engine.evict(pod)
                except EvictionRefusedError as error:
                    self._record(step, pod.object, error.text(), "Refused")
                    return
            case Exec():
                container = action.container or pod.template.containers[0].name
                message += f": {await self._engine.exec(pod, container, action.command, action.timeout)}"
        self._record(step, pod.object, message)

    def _record(self, step: Step, obj: str, message: str, reason: str = "Performed") -> None:
        kinds.STEP.add(self._timeline.add, "experiment", obj, reason, message, data={"step": step.text, "at": step.at})

    async def _drain(self, step: Step, timeout: float) -> None:
        """Drain the node, while other steps go on; kubectl's lines are events."""

        def tell(line: str) -> None:
            self._record(step, _NODE, line)

        try:
            await drain(self._engine, tell, timeout)
        except NotDrainedError as error:
            self._record(step, _NODE, str(error), "NotDrained")

    async def _stop(self, step: Step, action: Stop) -> None:
        """Stop the kubelet or the node, and start it again, while other steps go on."""
        if not await self._engine.stop(action.what):
            self._record(step, _NODE, "it is stopped already", "Skipped")
            return
        self._record(step, _NODE, f"{action.what} stopped")
        if action.seconds is not None:
            await asyncio.sleep(action.seconds)
            await self._engine.start()
            self._record(step, _NODE, f"{action.what} started")

    async def _load(self, load: Load) -> None:
        """Send requests in a closed loop, as `ab` does; the outcomes are recorded at the end."""
        service = self._services[load.service]
        ask = partial(self._engine.ask, service, port_of(service, None), load.path, load.timeout)
        left = iter(range(load.requests))
        outcomes: Counter[str] = Counter()
        began = self._timeline.now()

        async def worker(_: int) -> None:
            for _number in left:
                reply = await ask()
                outcomes[reply.failure or str(reply.status)] += 1

        await asyncio.gather(*map(worker, range(load.concurrency)))
        seconds = self._timeline.now() - began
        counts = ", ".join(f"{outcome}: {count}" for outcome, count in sorted(outcomes.items()))
        message = f"{load.requests} requests in {seconds:.1f}s ({counts})"
        kinds.STEP.add(
            self._timeline.add,
            "experiment",
            f"service/{load.service}",
            "LoadEnded",
            message,
            data={"outcomes": dict(outcomes)},
        )

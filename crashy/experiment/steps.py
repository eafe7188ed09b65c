"""Reads the steps of an experiment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from crashy.experiment.fields import Fields
from crashy.experiment.model import (
    Action,
    Apply,
    Delete,
    Drain,
    Evict,
    Exec,
    Inject,
    Load,
    Recover,
    Scale,
    Step,
    Stop,
    Uncordon,
)
from crashy.experiment.schema import ACTIONS, OPTIONS, StepFields
from crashy.experiment.targets import check_service, check_workload, on_target, possible, target_in
from crashy.objects.kinds import SCALABLE, kind_called
from crashy.objects.manifests import Manifests

_EXEC_SECONDS = 10.0
_RESTART_SECONDS = 1.0

ON_SERVICES = ("inject", "recover")
"""The actions whose target may be a Service."""

ReadManifests = Callable[[Any, str], Manifests]


def read_steps(
    fields: Fields, value: Any, manifests: Manifests, duration: float, read_manifests: ReadManifests
) -> tuple[Step, ...]:
    """Return the steps in the order of their times."""
    reader = _Steps(fields, manifests, duration, read_manifests)
    found = [reader.step(item, f"steps[{i}]") for i, item in enumerate(fields.list(value, "steps"))]
    return tuple(sorted((step for step in found if step), key=lambda step: step.at))


@dataclass(frozen=True, slots=True)
class _Steps:
    """What the steps of one experiment are read with."""

    fields: Fields
    manifests: Manifests
    duration: float
    read_manifests: ReadManifests

    def step(self, value: Any, path: str) -> Step | None:
        """Read one step."""
        fields, manifests, duration = self.fields, self.manifests, self.duration
        raw = fields.mapping(value, path, StepFields.keys)
        actions = [key for key in raw if key in ACTIONS]
        name = actions[0] if len(actions) == 1 else ""
        if isinstance(value, dict) and not name:
            fields.wrong(path, f"must do one of {', '.join(ACTIONS)}; it has: {', '.join(actions) or 'none'}")
        if "at" not in raw and isinstance(value, dict):
            fields.wrong(path, "at: is missing")
        fitting = {"at", name, *OPTIONS.get(name, ())}
        for key in raw:
            if name and key not in fitting:
                fields.wrong(f"{path}.{key}", f"does not go with {name}")
        given = fields.given(StepFields, {key: raw[key] for key in raw if key in fitting}, path)
        if given.at >= duration and "at" in raw:
            fields.wrong(f"{path}.at", f"{raw['at']!r}: must be before the experiment's end, {duration:g}s")
        if not name:
            return None
        if "target" in fitting and "target" not in raw:
            fields.wrong(path, "target: is missing (a pod's name, any, all, as '2 of app=web', or service/NAME)")
        if given.target and given.target.service and name not in ON_SERVICES:
            fields.wrong(f"{path}.target", f"{given.target.text!r}: a Service is for {' and '.join(ON_SERVICES)} only")
        elif given.target and (manifests.workloads or manifests.services):
            fields.parsed(given.target.text, f"{path}.target", partial(target_in, manifests))
        if given.target and given.target.service and "keep_ready" in raw:
            fields.wrong(f"{path}.keep_ready", "is about pods, and a Service has none of its own")
        if given.target and given.inject:
            fields.parsed(given.inject, f"{path}.inject", partial(on_target, given.target))
        there = possible({}, manifests)
        if given.target and given.keep_ready and given.keep_ready >= there and not fields.errors:
            fields.wrong(f"{path}.keep_ready", f"{given.keep_ready}: must be fewer than the pods there are, {there}")
        action = self._action(name, given, raw, path)
        return Step(given.at, action, given.target, given.keep_ready, f"{name} {_words(raw[name])}".strip())

    def _action(self, name: str, given: StepFields, raw: Mapping[str, Any], path: str) -> Action:
        fields, at = self.fields, f"{path}.{name}"
        match name:
            case "inject":
                return Inject(given.inject, given.container or "")
            case "recover":
                return Recover(given.recover)
            case "delete":
                return Delete(None if given.grace is None else round(given.grace))
            case "evict":
                return Evict()
            case "drain" | "uncordon" | "restart" | "stop":
                return _on_node(name, given)
            case "scale":
                if "replicas" not in raw:
                    fields.wrong(path, "replicas: is missing")
                return self._scale(given, at)
            case "apply":
                return Apply(self.read_manifests(given.apply, at), _words(given.apply))
            case "load":
                load = fields.record(Load, given.load, at)
                check_service(fields, load.service, f"{at}.service", self.manifests)
                return load
            case _:
                words = [fields.text(word, f"{at}[{i}]") for i, word in enumerate(fields.list(given.exec, at))]
                if given.exec == []:
                    fields.wrong(at, "must name a command")
                return Exec(tuple(words), given.container, given.timeout or _EXEC_SECONDS)

    def _scale(self, given: StepFields, path: str) -> Scale:
        word, slash, called = given.scale.partition("/")
        kind = kind_called(word, SCALABLE)
        if kind is None or not slash:
            if given.scale:
                kinds = " or ".join(f"{kind.name.lower()}/NAME" for kind in SCALABLE)
                self.fields.wrong(path, f"{given.scale!r}: must be {kinds}")
            return Scale(given.scale, given.replicas)
        check_workload(self.fields, kind.name, called, path, self.manifests)
        return Scale(f"{kind.name.lower()}/{called}", given.replicas)


def _on_node(name: str, given: StepFields) -> Action:
    match name:
        case "drain":
            return Drain(given.timeout or 0.0)
        case "restart":
            return Stop("kubelet", given.for_ or _RESTART_SECONDS)
        case "stop":
            return Stop("node" if given.stop == "node" else "kubelet", given.for_)
    return Uncordon()


def _words(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value))
    return "" if isinstance(value, dict) else str(value)

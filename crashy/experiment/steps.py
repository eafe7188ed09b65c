"""Reads the steps of an experiment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from crashy.experiment import schema
from crashy.experiment.fields import Fields
from crashy.experiment.model import Action, Apply, Delete, Exec, Inject, Load, Recover, Scale, Step
from crashy.experiment.targets import check_deployment, check_service, possible, target_in
from crashy.faults.base import FAULTS, parse_spec
from crashy.objects.manifests import Manifests
from crashy.targets import Target

ReadManifests = Callable[[Any, str], Manifests]

# What a step may have besides its action and `at`.
_TARGETED = ("target", "keep_ready")
_OPTIONS: dict[str, tuple[str, ...]] = {
    "inject": _TARGETED,
    "recover": _TARGETED,
    "delete": (*_TARGETED, "grace"),
    "scale": ("replicas",),
    "apply": (),
    "load": (),
    "exec": (*_TARGETED, "container", "timeout"),
}


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
        raw = fields.mapping(value, path, schema.STEP)
        actions = [key for key in raw if key in schema.ACTIONS]
        if isinstance(value, dict) and len(actions) != 1:
            fields.wrong(path, f"must do one of {', '.join(schema.ACTIONS)}; it has: {', '.join(actions) or 'none'}")
        if "at" not in raw and isinstance(value, dict):
            fields.wrong(path, "at: is missing")
        at = fields.duration(raw.get("at", 0), f"{path}.at") or 0.0
        if at >= duration and "at" in raw:
            fields.wrong(f"{path}.at", f"{raw['at']!r}: must be before the experiment's end, {duration:g}s")
        if len(actions) != 1:
            return None
        name = actions[0]
        for key in raw:
            if key not in ("at", name, *_OPTIONS[name]):
                fields.wrong(f"{path}.{key}", f"does not go with {name}")
        target = self._target(raw, path) if "target" in _OPTIONS[name] else None
        keep = fields.whole(raw.get("keep_ready", 0), f"{path}.keep_ready", 0, 100) or 0
        there = possible({}, manifests)
        if target and keep and keep >= there and not fields.errors:
            fields.wrong(f"{path}.keep_ready", f"{keep}: must be fewer than the pods there are, {there}")
        action = self._action(name, raw, path)
        return Step(at, action, target, keep, f"{name} {_words(raw[name])}".strip()) if action else None

    def _target(self, raw: Mapping[str, Any], path: str) -> Target | None:
        fields, manifests = self.fields, self.manifests
        if "target" not in raw:
            fields.wrong(path, "target: is missing (a pod's name, any, all, or as '2 of app=web')")
            return None
        read = partial(target_in, manifests) if manifests.deployments or manifests.pods else Target.parse
        return fields.parsed(raw["target"], f"{path}.target", read)

    def _action(self, name: str, raw: Mapping[str, Any], path: str) -> Action | None:
        fields = self.fields
        value, at = raw[name], f"{path}.{name}"
        match name:
            case "inject":
                fault = fields.parsed(value, at, parse_spec)
                return Inject(fault.to_spec()) if fault else None
            case "recover":
                which = fields.choice(value, at, ("all", *FAULTS))
                return Recover(which) if which else None
            case "delete":
                fields.choice(value, at, ("pod",))
                grace = fields.duration(raw["grace"], f"{path}.grace") if "grace" in raw else None
                return Delete(None if grace is None else round(grace))
            case "scale":
                return self._scale(raw, path)
            case "apply":
                return Apply(self.read_manifests(value, at), _words(value))
            case "load":
                return self._load(value, at)
            case _:
                words = [fields.text(word, f"{at}[{i}]") for i, word in enumerate(fields.list(value, at))]
                if not words and isinstance(value, list):
                    fields.wrong(at, "must name a command")
                timeout = fields.duration(raw.get("timeout", 10), f"{path}.timeout", least=0.001) or 10.0
                container = fields.text(raw["container"], f"{path}.container") if "container" in raw else None
                return Exec(tuple(words), container, timeout)

    def _scale(self, raw: Mapping[str, Any], path: str) -> Scale | None:
        fields = self.fields
        name = fields.text(raw["scale"], f"{path}.scale")
        kind, slash, deployment = name.partition("/")
        if name and (kind not in ("deployment", "deployments", "deploy") or not slash):
            fields.wrong(f"{path}.scale", f"{name!r}: must be deployment/NAME")
            return None
        if "replicas" not in raw:
            fields.wrong(path, "replicas: is missing")
        replicas = fields.whole(raw.get("replicas", 0), f"{path}.replicas", 0, 100) or 0
        check_deployment(fields, deployment, f"{path}.scale", self.manifests)
        return Scale(deployment, replicas)

    def _load(self, value: Any, path: str) -> Load:
        fields, manifests = self.fields, self.manifests
        raw = fields.mapping(value, path, schema.LOAD)
        service = fields.text(raw.get("service"), f"{path}.service")
        check_service(fields, service, f"{path}.service", manifests)
        asked = raw.get("path", "/")
        if not isinstance(asked, str) or not asked.startswith("/") or not asked.isprintable() or " " in asked:
            fields.wrong(f"{path}.path", f"{asked!r}: must begin with / and be written as in a URL")
        return Load(
            service=service,
            path=str(asked),
            concurrency=fields.whole(raw.get("concurrency", 10), f"{path}.concurrency", 1, 1000) or 1,
            requests=fields.whole(raw.get("requests", 1000), f"{path}.requests", 1, 1_000_000) or 1,
            timeout=fields.duration(raw.get("timeout", 30), f"{path}.timeout", least=0.001) or 30.0,
        )


def _words(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value))
    return "" if isinstance(value, dict) else str(value)

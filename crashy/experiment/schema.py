"""The fields of an experiment file: its reader knows them by these, and editors by the JSON Schema made of them."""

from __future__ import annotations

from typing import Any

from crashy.experiment.expectations import expectations
from crashy.experiment.model import ENGINES, Load, Traffic
from crashy.experiment.values import TEXT, Filled, Name, Parsed, Shape, Span
from crashy.faults.base import FAULTS, parse_spec
from crashy.fields import Declared, param
from crashy.fields.values import Integer, OneOf
from crashy.objects.kinds import SCALABLE
from crashy.report.parity import MEASURES
from crashy.targets import Target

_MANIFESTS = {"type": "array", "minItems": 1, "items": {"anyOf": [TEXT, {"type": "object"}]}}

OTHERS = tuple(engine for engine in ENGINES if engine != "lab")
"""The engines that may differ from the lab."""

EXPECT: dict[str, Any] = {name: expectation.schema for name, expectation in expectations().items()}


def _mapping(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _object(of: type[Declared]) -> dict[str, Any]:
    """Return the schema of a mapping with these fields."""
    required = [name for name, key in of.keys.items() if key.required]
    properties = {name: key.kind.schema for name, key in of.keys.items()}
    return {"type": "object", "required": required, **_mapping(properties)}


_ON_PODS = "inject recover delete evict exec"


class StepFields(Declared):
    """What a step may say: when, one action, and what goes with it: an option's `mode` names the actions it is for."""

    at: float = param(Span(), default=0.0, required=True)
    inject: str = param(Parsed(lambda text: parse_spec(text).to_spec()), default="")
    recover: str = param(OneOf("all", *FAULTS, schema=TEXT), default="")
    delete: str = param(OneOf("pod"), default="")
    evict: str = param(OneOf("pod"), default="")
    drain: str = param(OneOf("node"), default="")
    uncordon: str = param(OneOf("node"), default="")
    restart: str = param(OneOf("kubelet"), default="")
    stop: str = param(OneOf("kubelet", "node"), default="")
    scale: str = param(
        Filled({"type": "string", "pattern": "|".join(f"^{kind.name.lower()}/.+" for kind in SCALABLE)}), default=""
    )
    apply: Any = param(Shape({"anyOf": [TEXT, _MANIFESTS]}))
    load: Any = param(Shape(_object(Load)))
    exec: Any = param(Shape({"type": "array", "minItems": 1, "items": {"type": "string"}}))
    target: Target | None = param(Parsed(Target.parse), mode=_ON_PODS)
    keep_ready: int = param(Integer(0, 100), default=0, mode=_ON_PODS)
    grace: float | None = param(Span(), mode="delete")
    for_: float | None = param(Span(least=0.001), mode="restart stop")
    replicas: int = param(Integer(0, 100), default=0, mode="scale")
    container: str | None = param(Filled(), mode="exec inject")
    timeout: float | None = param(Span(least=0.001), mode="exec drain")


ACTIONS = tuple(name for name, key in StepFields.keys.items() if key.mode is None and name != "at")
OPTIONS = {
    action: [name for name, key in StepFields.keys.items() if key.mode and action in key.mode.split()]
    for action in ACTIONS
}
"""What goes with each action."""

_STEP = {**_object(StepFields), "oneOf": [{"required": [action]} for action in ACTIONS]}


class ExperimentFields(Declared):
    """What an experiment file may say."""

    name: str = param(Name(), default="", required=True)
    lesson: str = param(Filled(), default="", required=True)
    manifests: Any = param(Shape(_MANIFESTS), required=True)
    traffic: Any = param(Shape(_object(Traffic)))
    duration: float = param(Span(least=1.0, days=30), default=30 * 86_400.0, required=True)
    steps: Any = param(Shape({"type": "array", "items": _STEP}), default=())
    models: Any = param(Shape({"type": "object", "additionalProperties": TEXT}))
    images: Any = param(Shape({"type": "object", "additionalProperties": TEXT}))
    expect: Any = param(Shape(_mapping(EXPECT)))
    engines: Any = param(Shape({"type": "array", "minItems": 1, "items": {"enum": list(ENGINES)}}))
    why_not: Any = param(Shape(_mapping(dict.fromkeys(ENGINES, TEXT))))
    differs: Any = param(Shape(_mapping(dict.fromkeys(OTHERS, _mapping(dict.fromkeys(MEASURES, TEXT))))))


SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "crashy experiment",
    **_object(ExperimentFields),
}

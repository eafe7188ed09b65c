"""The JSON Schema of an experiment file, for editors; its keys are the ones that the reader knows."""

from __future__ import annotations

from typing import Any

from crashy.experiment.expectations import expectations
from crashy.experiment.fields import DURATION, TEXT
from crashy.experiment.model import ENGINES
from crashy.objects.kinds import SCALABLE
from crashy.report.parity import MEASURES

_DIFFERS = {"type": "object", "additionalProperties": False, "properties": dict.fromkeys(MEASURES, TEXT)}
_MANIFESTS = {"type": "array", "minItems": 1, "items": {"anyOf": [TEXT, {"type": "object"}]}}

OTHERS = tuple(engine for engine in ENGINES if engine != "lab")
"""The engines that may differ from the lab."""

EXPECT: dict[str, Any] = {name: expectation.schema for name, expectation in expectations().items()}

LOAD: dict[str, Any] = {
    "service": TEXT,
    "path": {"type": "string", "pattern": "^/"},
    "concurrency": {"type": "integer", "minimum": 1, "maximum": 1000},
    "requests": {"type": "integer", "minimum": 1, "maximum": 1_000_000},
    "timeout": DURATION,
}

ACTIONS: dict[str, Any] = {
    "inject": TEXT,
    "recover": TEXT,
    "delete": {"enum": ["pod"]},
    "scale": {"type": "string", "pattern": "|".join(f"^{kind.name.lower()}/.+" for kind in SCALABLE)},
    "apply": {"anyOf": [TEXT, _MANIFESTS]},
    "load": {"type": "object", "required": ["service"], "additionalProperties": False, "properties": LOAD},
    "exec": {"type": "array", "minItems": 1, "items": {"type": "string"}},
}

STEP: dict[str, Any] = {
    "at": DURATION,
    **ACTIONS,
    "target": TEXT,
    "keep_ready": {"type": "integer", "minimum": 0, "maximum": 100},
    "grace": DURATION,
    "replicas": {"type": "integer", "minimum": 0, "maximum": 100},
    "container": TEXT,
    "timeout": DURATION,
}

TRAFFIC: dict[str, Any] = {
    "service": TEXT,
    "port": {"type": ["integer", "string"]},
    "path": {"type": "string", "pattern": "^/"},
    "rate": {"type": "number", "exclusiveMinimum": 0, "maximum": 1000},
    "timeout": DURATION,
}

EXPERIMENT: dict[str, Any] = {
    "name": {"type": "string", "pattern": "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"},
    "lesson": TEXT,
    "manifests": _MANIFESTS,
    "traffic": {"type": "object", "required": ["service"], "additionalProperties": False, "properties": TRAFFIC},
    "duration": DURATION,
    "steps": {
        "type": "array",
        "items": {
            "type": "object",
            "required": ["at"],
            "additionalProperties": False,
            "properties": STEP,
            "oneOf": [{"required": [action]} for action in ACTIONS],
        },
    },
    "expect": {"type": "object", "additionalProperties": False, "properties": EXPECT},
    "engines": {"type": "array", "minItems": 1, "items": {"enum": list(ENGINES)}},
    "why_not": {"type": "object", "additionalProperties": False, "properties": dict.fromkeys(ENGINES, TEXT)},
    "differs": {
        "type": "object",
        "additionalProperties": False,
        "properties": dict.fromkeys(OTHERS, _DIFFERS),
    },
}

REQUIRED = ("name", "lesson", "manifests", "duration")

SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "crashy experiment",
    "type": "object",
    "required": list(REQUIRED),
    "additionalProperties": False,
    "properties": EXPERIMENT,
}

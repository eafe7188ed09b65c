"""The JSON Schema of an experiment file, for editors; its keys are the ones that the reader knows."""

from __future__ import annotations

from typing import Any

from crashy.experiment.model import ENGINES, OUTCOMES
from crashy.fields.units import PATTERN
from crashy.report.parity import MEASURES

_DURATION = {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": PATTERN}]}
_COMPARISON = {"type": "string", "pattern": r"^\s*(>=|<=|==|!=|>|<)\s*\S+\s*$"}
_TEXT = {"type": "string", "minLength": 1}
_DIFFERS = {"type": "object", "additionalProperties": False, "properties": dict.fromkeys(MEASURES, _TEXT)}
_MANIFESTS = {"type": "array", "minItems": 1, "items": {"anyOf": [_TEXT, {"type": "object"}]}}

OTHERS = tuple(engine for engine in ENGINES if engine != "lab")
"""The engines that may differ from the lab."""

EXPECT: dict[str, Any] = {
    "availability": _COMPARISON,
    "max_outage": _COMPARISON,
    "errors": _COMPARISON,
    "requests_after_leaving": _COMPARISON,
    "back_off": _COMPARISON,
    "zombies": _COMPARISON,
    "restarts": {"type": "object", "additionalProperties": _COMPARISON},
    "logs": {"type": "object", "additionalProperties": _TEXT},
    "detected_within": _DURATION,
    "recovered_within": _DURATION,
    "outcome": {"enum": list(OUTCOMES)},
    "events": {
        "type": "array",
        "items": {
            "anyOf": [
                _TEXT,
                {
                    "type": "object",
                    "required": ["reason"],
                    "additionalProperties": False,
                    "properties": {"reason": _TEXT, "object": _TEXT, "message": _TEXT},
                },
            ]
        },
    },
}

LOAD: dict[str, Any] = {
    "service": _TEXT,
    "path": {"type": "string", "pattern": "^/"},
    "concurrency": {"type": "integer", "minimum": 1, "maximum": 1000},
    "requests": {"type": "integer", "minimum": 1, "maximum": 1_000_000},
    "timeout": _DURATION,
}

ACTIONS: dict[str, Any] = {
    "inject": _TEXT,
    "recover": _TEXT,
    "delete": {"enum": ["pod"]},
    "scale": {"type": "string", "pattern": "^deployment/.+"},
    "apply": {"anyOf": [_TEXT, _MANIFESTS]},
    "load": {"type": "object", "required": ["service"], "additionalProperties": False, "properties": LOAD},
    "exec": {"type": "array", "minItems": 1, "items": {"type": "string"}},
}

STEP: dict[str, Any] = {
    "at": _DURATION,
    **ACTIONS,
    "target": _TEXT,
    "keep_ready": {"type": "integer", "minimum": 0, "maximum": 100},
    "grace": _DURATION,
    "replicas": {"type": "integer", "minimum": 0, "maximum": 100},
    "container": _TEXT,
    "timeout": _DURATION,
}

TRAFFIC: dict[str, Any] = {
    "service": _TEXT,
    "port": {"type": ["integer", "string"]},
    "path": {"type": "string", "pattern": "^/"},
    "rate": {"type": "number", "exclusiveMinimum": 0, "maximum": 1000},
    "timeout": _DURATION,
}

EXPERIMENT: dict[str, Any] = {
    "name": {"type": "string", "pattern": "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"},
    "lesson": _TEXT,
    "manifests": _MANIFESTS,
    "traffic": {"type": "object", "required": ["service"], "additionalProperties": False, "properties": TRAFFIC},
    "duration": _DURATION,
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
    "why_not": {"type": "object", "additionalProperties": False, "properties": dict.fromkeys(ENGINES, _TEXT)},
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

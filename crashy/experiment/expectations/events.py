"""Reasons of events in this order, with any others in between; steps (`Performed`, `LoadEnded`) are events too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from crashy.experiment.expectations import Expectation, Run, Verdict, expression
from crashy.experiment.fields import Fields
from crashy.experiment.model import EventPattern
from crashy.experiment.values import TEXT
from crashy.objects.manifests import Manifests
from crashy.timeline import Event, kinds

_KEYS = ("reason", "object", "message")
_PATTERN = {
    "type": "object",
    "required": ["reason"],
    "additionalProperties": False,
    "properties": dict.fromkeys(_KEYS, TEXT),
}
_SCHEMA = {"type": "array", "items": {"anyOf": [TEXT, _PATTERN]}}


def _read(fields: Fields, value: Any, path: str, _manifests: Manifests | None) -> Sequence[EventPattern]:
    return [_pattern(fields, item, f"{path}[{i}]") for i, item in enumerate(fields.list(value, path))]


def _pattern(fields: Fields, value: Any, path: str) -> EventPattern:
    if isinstance(value, str) and value.strip():
        name, colon, reason = value.rpartition(": ")
        return EventPattern(reason.strip(), name.strip() if colon else "")
    raw = fields.mapping(value, path, _KEYS)
    texts = {key: fields.text(raw[key], f"{path}.{key}") for key in raw}
    if isinstance(value, dict) and "reason" not in raw:
        fields.wrong(path, "reason: is missing")
    if "message" in texts:
        expression(fields, texts["message"], f"{path}.message")
    return EventPattern(texts.get("reason", ""), texts.get("object", ""), texts.get("message", ""))


def _judge(name: str, wanted: Sequence[EventPattern], run: Run) -> Iterator[Verdict]:
    if wanted:
        missing = first_missing(wanted, run.events)
        seen = f"missing from {missing} on" if missing else "in this order"
        yield Verdict(name, ", ".join(map(str, wanted)), seen, not missing)


def first_missing(patterns: Sequence[EventPattern], events: Sequence[Event]) -> str:
    """Return the first pattern that has no event after that of the pattern before; an empty text if none is missing."""
    candidates = (event for event in events if event.kind in {kinds.EVENT, kinds.STEP})
    for pattern in patterns:
        if not any(map(pattern.matches, candidates)):  # goes on where the last search ended
            return str(pattern)
    return ""


EXPECTATION = Expectation(
    120,
    _SCHEMA,
    'events: [Unhealthy, "web-: Killing", {reason: Started, object: pod/web-, message: started}]',
    _read,
    _judge,
)

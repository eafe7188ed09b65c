"""One toxic as its proxy has it: what it does, in which direction, to how many connections."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

from crashy.server.toxiproxy.problem import BAD_BODY, ApiError
from crashy.server.toxiproxy.toxics import NAMES, Stage, Way, stage_of

Stream = Literal["upstream", "downstream"]
STREAMS: tuple[Stream, ...] = get_args(Stream)
_MOST = 2**53


class Toxic:
    """A toxic; `attributes` has all of its type's, `toxicity` is the part of the connections that it acts on."""

    def __init__(self, name: str, type_: str, stream: Stream, toxicity: float, attributes: Mapping[str, int]) -> None:
        self.name = name
        self.type = type_
        self.stream = stream
        self.toxicity = toxicity
        self.attributes = attributes

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Toxic:
        """Read a toxic that a client adds; raises ApiError."""
        kind, stream = text(document, "type"), text(document, "stream") or "downstream"
        if stream not in STREAMS:
            raise ApiError(400, "stream was invalid, can be either upstream or downstream")
        if kind not in NAMES:
            raise ApiError(400, "invalid toxic type")
        attributes = _attributes(stage_of(kind), document, {})
        return cls(text(document, "name") or f"{kind}_{stream}", kind, stream, _toxicity(document, 1.0), attributes)

    def update(self, document: Mapping[str, Any]) -> None:
        """Change its attributes and its toxicity, those that are given; raises ApiError."""
        attributes = _attributes(stage_of(self.type), document, self.attributes)
        self.toxicity = _toxicity(document, self.toxicity)
        self.attributes = attributes

    def stage(self, way: Way) -> Stage:
        """Return what it does in its direction of one connection."""
        return stage_of(self.type)(way, self.attributes)

    def to_json(self) -> dict[str, Any]:
        """Describe it as clients read it."""
        whole = self.toxicity.is_integer()
        return {
            "attributes": dict(self.attributes),
            "name": self.name,
            "type": self.type,
            "stream": self.stream,
            "toxicity": int(self.toxicity) if whole else self.toxicity,
        }


def text(document: Mapping[str, Any], name: str) -> str:
    """Return a text of a document, empty if it has none; raises ApiError."""
    value = document.get(name)
    if value is not None and not isinstance(value, str):
        raise ApiError(400, f"{BAD_BODY}: {name}: must be a string")
    return value or ""


def _attributes(stage: type[Stage], document: Mapping[str, Any], before: Mapping[str, int]) -> dict[str, int]:
    given = document.get("attributes")
    if given is None:
        given = {}
    if not isinstance(given, Mapping):
        raise ApiError(400, f"{BAD_BODY}: attributes: must be an object, such as {{{stage.takes[0]!r}: 1000}}")
    values = {name: before.get(name, 0) for name in stage.takes}
    for name in stage.takes:
        value = given.get(name)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
            raise ApiError(400, f"{BAD_BODY}: {name}: must be a whole number")
        values[name] = int(value)
    for name, value in values.items():
        least = int(name in stage.positive)
        if not least <= value <= _MOST:
            raise ApiError(400, f"{BAD_BODY}: {name}: must be at least {least}")
    return values


def _toxicity(document: Mapping[str, Any], before: float) -> float:
    value = document.get("toxicity")
    if value is None:
        return before
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ApiError(400, f"{BAD_BODY}: toxicity: must be a number from 0 to 1")
    return float(value)

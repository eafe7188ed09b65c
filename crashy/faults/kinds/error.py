"""The app answers with an error."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

from crashy.faults.base import Fault
from crashy.faults.effects import InjectedResponse, RequestPart
from crashy.faults.probed import PASSES, STATUS, Probed
from crashy.faults.scope import Request
from crashy.fields import param
from crashy.fields.units import plain
from crashy.fields.values import Integer, Kind, Text

_STATUS = Integer(200, 599, "a status")
_ENTRY = r"([0-9]{3}):([0-9]{1,6}(?:\.[0-9]{1,6})?)"


class Statuses(NamedTuple):
    """HTTP statuses, each as likely as its share of the weights."""

    weights: tuple[tuple[int, float], ...]

    def choose(self, rng: random.Random) -> int:
        """Draw one; a single status draws no random number."""
        if len(self.weights) == 1:
            return self.weights[0][0]
        statuses, weights = zip(*self.weights, strict=True)
        return int(rng.choices(statuses, weights)[0])


class _StatusesKind(Kind[Statuses]):
    type = "statuses"
    allowed = "a status from 200 to 599 (503), or several with weights (500:3,503:1)"
    schema = {  # noqa: RUF012 - never written to
        "anyOf": [_STATUS.schema, {"type": "string", "pattern": rf"^(?:[2-5][0-9]{{2}}|{_ENTRY}(?:,{_ENTRY})*)$"}]
    }

    def from_json(self, value: Any) -> Statuses:
        if not isinstance(value, str):
            return Statuses(((self._status(value), 1.0),))
        if value.isdecimal():
            return self.from_json(int(value[:9]))
        entries = [re.fullmatch(_ENTRY, part.strip()) for part in value.split(",")]
        weights = {self._status(int(entry[1])): float(entry[2]) for entry in entries if entry}
        if len(weights) != len(entries) or not all(weights.values()) or len(weights) > 20:
            raise ValueError(self.allowed)
        return Statuses(tuple(weights.items()))

    def _status(self, value: Any) -> int:
        try:
            return _STATUS.from_json(value)
        except ValueError:
            raise ValueError(self.allowed) from None

    def to_json(self, value: Statuses) -> int | str:
        if len(value.weights) == 1:
            return value.weights[0][0]
        return ",".join(f"{status}:{plain(weight)}" for status, weight in value.weights)


_DEFAULT = Statuses(((500, 1.0),))


class Error(Fault):
    """Answer with an error status instead of the app's own answer."""

    rank: ClassVar[int] = 4
    examples: ClassVar[tuple[str, ...]] = (
        "error",
        "error code=503 p=0.3 routes=/ clients=users seed=7",
        "error code=500:3,503:1 every=2 for=1m",
        "error code=429 body='slow down' methods=POST times=5",
    )
    probed: ClassVar[Mapping[str, Probed]] = {
        "error": PASSES,
        "error clients=kubelet": Probed(
            http=STATUS.format(500),
            grpc="error: health rpc probe failed: rpc error: code = Unknown desc = 500 Internal Server Error",
        ),
    }

    code: Statuses = param(_StatusesKind(), "the HTTP status", default=_DEFAULT)
    body: str | None = param(Text(8192), "the body of the response, by default the status and its name")

    def on_request(self, request: Request, rng: random.Random) -> RequestPart | None:
        """Answer with a status drawn from `code`."""
        return InjectedResponse(self.code.choose(rng), self.body)

"""What the faults of probes share: they fail one probe, in each of the ways that it may be asked."""

from __future__ import annotations

import random
from typing import Any, ClassVar

from crashy.faults.base import Fault, FaultError
from crashy.faults.effects import InjectedResponse, ListenersClosed, ProcessEffect, RequestPart
from crashy.faults.probed import NOT_SERVING, REFUSED, STATUS, Probed
from crashy.faults.scope import PROBES, PROTOCOLS, ProbeName, Protocol, Request, protocol_of
from crashy.fields import param
from crashy.fields.values import Kind


class _ProtocolsKind(Kind[tuple[Protocol, ...]]):
    type = "list"
    allowed = "one or more of http, grpc, exec and tcp, with commas between"
    schema = {  # noqa: RUF012 - never written to
        "anyOf": [
            {"type": "array", "minItems": 1, "maxItems": 4, "items": {"enum": [*PROTOCOLS]}},
            {"type": "string", "pattern": "^(http|grpc|exec|tcp)( *, *(http|grpc|exec|tcp)){0,3}$"},
        ]
    }

    def from_json(self, value: Any) -> tuple[Protocol, ...]:
        """Read a list, or a text with commas; the order and what is there twice make no difference."""
        words = [word.strip(" ") for word in value.split(",")] if isinstance(value, str) else value
        if not isinstance(words, list) or not 1 <= len(words) <= 4 or not all(word in PROTOCOLS for word in words):
            raise ValueError(self.allowed)
        return tuple(protocol for protocol in PROTOCOLS if protocol in words)

    def to_json(self, value: tuple[Protocol, ...]) -> list[str]:
        """Write a list."""
        return list(value)

    def to_text(self, value: tuple[Protocol, ...]) -> str:
        """Write the names with commas between."""
        return ",".join(value)


_BY_DEFAULT: tuple[Protocol, ...] = ("http", "grpc", "exec")


def probed_as(spec: str, status: int, path: str, file: str) -> dict[str, Probed]:
    """Return what probes make of a fault by each protocol, and by all of them at once."""
    http, no_file = STATUS.format(status), f"cat: /app/{file}: No such file or directory"
    get_refused = f'Get "http://POD:8080{path}": {REFUSED}'
    return {
        spec: Probed(http=http, grpc=NOT_SERVING, exec=no_file),
        f"{spec} protocols=http": Probed(http=http),
        f"{spec} protocols=grpc": Probed(grpc=NOT_SERVING),
        f"{spec} protocols=exec": Probed(exec=no_file),
        f"{spec} protocols=tcp": Probed(http=get_refused, tcp=REFUSED),
        f"{spec} protocols=http,grpc,exec,tcp": Probed(get_refused, NOT_SERVING, REFUSED, no_file),
    }


def probed_from_outside(spec: str, status: int) -> dict[str, Probed]:
    """Return what probes make of it from outside, where a command finds the app's own file."""
    return {spec: Probed(http=STATUS.format(status), grpc=NOT_SERVING)}


class ProbeFault(Fault):
    """Fail one probe.

    By tcp a probe fails only where the listeners of PORT are closed, for users and for every probe of these ports.
    """

    rank: ClassVar[int] = 3

    protocols: tuple[Protocol, ...] = param(
        _ProtocolsKind(),
        "fail when the probe is asked so: http answers with the probe's status, grpc says NOT_SERVING, for exec the "
        "probe's file in STATE_DIR is missing, tcp closes the listeners of PORT, to users too",
        default=_BY_DEFAULT,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.scope.via == "outside" and self.protocols != _BY_DEFAULT and {"exec", "tcp"} & {*self.protocols}:
            raise FaultError(
                "protocols", f"{','.join(self.protocols)}: from outside probes fail by http and grpc alone"
            )
        if "tcp" in self.protocols and self.scope.names_requests:
            raise FaultError(
                "protocols",
                "tcp can't be combined with routes, methods, headers, clients, times, every and p: where no "
                "connection is accepted, none can be told from another or counted",
            )

    def matches(self, request: Request) -> bool:
        """Return whether a request asks for the probe, in one of the ways that fail."""
        return protocol_of(request) in self.protocols and super().matches(request)

    def process_effect(self) -> ProcessEffect | None:
        """Return the closing of the listeners, for tcp."""
        return ListenersClosed(grpc=False) if "tcp" in self.protocols else None

    def acts_on_requests(self) -> bool:
        """Return True: what comes on open connections is answered in any case."""
        return True

    def on_request(self, request: Request, rng: random.Random) -> RequestPart | None:
        """Answer with the probe's status, in the persona's words."""
        return InjectedResponse(500 if self.target == "liveness" else 503)

    def failing(self) -> frozenset[ProbeName]:
        """Return the probe."""
        return frozenset(probe for probe in PROBES if probe == self.target)

    def speaks(self) -> tuple[Protocol, ...]:
        """Return the protocols by which it fails."""
        return self.protocols

"""The settings of a stand-in's process: a healthy app in the place of an image that this machine doesn't have."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from crashy.faults.scope import ProbeName

PROBE_HEADER = "X-Crashy-Probe"
"""The header by which the lab names the probe that asks: several may ask the same path."""

EXEC_ROUTE = "/admin/exec"
"""The route of the admin port that runs a command beside the app."""


class StandIn(NamedTuple):
    """One life of a stand-in.

    `began` is the moment of its start on the clock of time.monotonic(), which all processes share. `start`, `drain` and
    `run` are durations, or what they are drawn from; an empty `run` lasts until SIGTERM. `command` is what it runs
    before the app, empty for the image's own program; the programs of an `init` container end at once, and well.
    """

    image: str
    pod: str
    host: str
    admin_port: int
    began: float
    start: str
    drain: str
    run: str = ""
    ports: tuple[int, ...] = ()
    tls: tuple[int, ...] = ()
    """Those of its ports on which it speaks TLS."""
    services: dict[str, ProbeName] = {}  # noqa: RUF012 - read only
    """The gRPC services that probes ask for."""
    command: tuple[str, ...] = ()
    init: bool = False
    folders: dict[str, str] = {}  # noqa: RUF012 - read only
    """Where the folders that are mounted in the container are on this machine."""

    def to_json(self) -> str:
        """Return the text that `from_json` reads."""
        return json.dumps(self._asdict(), separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> StandIn:
        """Return the stand-in that a text of `to_json` describes."""
        given: dict[str, Any] = json.loads(text)
        read: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in given.items()}
        return cls(**read)

"""The probes that a container has, as PROBES describes them: the kubelet tells no container its thresholds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from crashy.faults.base import FaultError
from crashy.faults.scope import PROBES, ProbeName
from crashy.fields.values import show

_HANDLERS = {"httpGet": "http", "grpc": "grpc", "tcpSocket": "tcp", "exec": "exec"}
# The field, its lowest value, and its default, which stands for 0 too where 0 is too low (kubernetes: defaults.go).
_NUMBERS = {
    "initialDelaySeconds": (0, 0),
    "timeoutSeconds": (1, 1),
    "periodSeconds": (1, 10),
    "successThreshold": (1, 1),
    "failureThreshold": (1, 3),
}
_MOST = 2**31 - 1


class ProbeSettings(NamedTuple):
    """One probe of a container; `target` is a path, a gRPC service or a command, `host` another host that is asked."""

    kind: ProbeName
    handler: str
    port: int = 0
    target: str = ""
    host: str = ""
    initial_delay: int = 0
    timeout: int = 1
    period: int = 10
    success_threshold: int = 1
    failure_threshold: int = 3

    @property
    def unseen(self) -> str:
        """Return why the patient can't see this probe; empty if it can."""
        if self.handler in ("tcp", "exec"):
            return f"{self.handler} probes can't be seen from inside"
        return f"it asks another host, {self.host}" if self.host else ""

    def to_json(self) -> dict[str, int]:
        """Return the numbers by their names in a manifest."""
        return dict(zip(_NUMBERS, self[5:], strict=True))


def read(text: str) -> tuple[ProbeSettings, ...]:
    """Read a container's probes as its manifest has them, as JSON; raises FaultError.

    >>> read('{"livenessProbe": {"httpGet": {"path": "/livez", "port": 80}, "periodSeconds": 1}}')[0].failure_threshold
    3
    """
    try:
        container = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FaultError("JSON", f"can't be read: {error}") from None
    known = [f"{kind}Probe" for kind in PROBES]
    _members("the container", container, [*known, "ports"])
    ports = _ports(container.get("ports") or [])
    return tuple(_probe(kind, container[f"{kind}Probe"], ports) for kind in PROBES if container.get(f"{kind}Probe"))


def _members(path: str, value: Any, known: list[str]) -> None:
    if not isinstance(value, Mapping):
        raise FaultError(path, f"{show(value)}: must be an object")
    for name in value:
        if name not in known:
            raise FaultError(path, f"has no {show(name)}: it may have {', '.join(known)}")


def _ports(value: Any) -> dict[str, int]:
    if not isinstance(value, list) or not all(isinstance(one, Mapping) for one in value):
        raise FaultError("ports", f"{show(value)}: must be a list of the container's ports")
    return {
        str(one["name"]): _number(f"ports[{i}].containerPort", one.get("containerPort"), 1, 65535)
        for i, one in enumerate(value)
        if "name" in one
    }


def _probe(kind: ProbeName, raw: Any, ports: Mapping[str, int]) -> ProbeSettings:
    path = f"{kind}Probe"
    _members(path, raw, [*_HANDLERS, *_NUMBERS, "terminationGracePeriodSeconds"])
    numbers = [
        default if raw.get(name) in (None, 0) else _number(f"{path}.{name}", raw[name], least, _MOST)
        for name, (least, default) in _NUMBERS.items()
    ]
    given = [name for name in _HANDLERS if raw.get(name) is not None]
    if len(given) != 1:
        raise FaultError(path, f"must have one of {', '.join(_HANDLERS)}")
    where = f"{path}.{given[0]}"
    return ProbeSettings(kind, *_handler(where, given[0], raw[given[0]], ports), *numbers)


def _handler(path: str, name: str, raw: Any, ports: Mapping[str, int]) -> tuple[str, int, str, str]:
    """Read a handler: its kind, port, target and host."""
    handler = _HANDLERS[name]
    if handler == "exec":
        _members(path, raw, ["command"])
        command = raw.get("command")
        if not isinstance(command, list):
            raise FaultError(f"{path}.command", f"{show(command)}: must be a list of words")
        return handler, 0, " ".join(map(str, command)), ""
    members = {"http": ["path", "port", "host", "scheme", "httpHeaders"], "grpc": ["port", "service"]}
    _members(path, raw, members.get(handler, ["port", "host"]))
    port = raw.get("port")
    if isinstance(port, str) and port not in ports:
        raise FaultError(f"{path}.port", f"{show(port)}: is not the name of one of `ports`, which belong beside it")
    number = ports[port] if isinstance(port, str) else _number(f"{path}.port", port, 1, 65535)
    target = raw.get("service") if handler == "grpc" else (raw.get("path") or "/") if handler == "http" else ""
    return handler, number, str(target or ""), str(raw.get("host") or "")


def _number(path: str, value: Any, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise FaultError(path, f"{show(value)}: must be a whole number from {least} to {most}")
    return value

"""The setting PROBES of a patient in the lab: its container's probes, so that its ledger knows their thresholds."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from crashy.objects.pod import GRPC, Container, Exec, HTTPGet, Probe, ProbeType, TCPSocket
from crashy.objects.ports import PortError, find_port


def probes_of(container: Container, listening: Callable[[int], int]) -> str:
    """Return a container's probes as JSON, each with the port that is `listening` for its own; empty if it has none.

    One whose port has no number is left out: it is never asked.
    """
    described = {}
    for kind in ProbeType:
        if probe := container.probe(kind):
            with suppress(PortError):
                described[kind.field] = _describe(probe, lambda port: listening(find_port(container, port)))
    return json.dumps(described) if described else ""


def _describe(probe: Probe, port_of: Callable[[int | str], int]) -> dict[str, Any]:
    return {
        **_handler(probe, port_of),
        "initialDelaySeconds": probe.initial_delay_seconds,
        "timeoutSeconds": probe.timeout_seconds,
        "periodSeconds": probe.period_seconds,
        "successThreshold": probe.success_threshold,
        "failureThreshold": probe.failure_threshold,
    }


def _handler(probe: Probe, port_of: Callable[[int | str], int]) -> dict[str, Any]:
    match probe.handler:
        case HTTPGet(port=port, path=path, host=host):
            return {"httpGet": {"path": path, "port": port_of(port), "host": host}}
        case GRPC(port=port, service=service):
            return {"grpc": {"port": port_of(port), "service": service}}
        case TCPSocket(port=port, host=host):
            return {"tcpSocket": {"port": port_of(port), "host": host}}
        case Exec(command=command):
            return {"exec": {"command": list(command)}}

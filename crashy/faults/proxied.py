"""What a proxy can do that stands before a server alone: it has connections, and neither a process nor probes."""

from __future__ import annotations

from crashy.faults.base import Fault, FaultError
from crashy.faults.effects import ListenersClosed
from crashy.faults.scope import CONNECTION, PROBES, Request


def proxied(fault: Fault, *, reads_http: bool = True) -> Fault:
    """Return a fault as it acts in a proxy; raises FaultError where it could never act on what passes.

    Without `reads_http` the proxy takes each connection as a whole.
    """
    fault = fault.taken("outside")
    effect = fault.process_effect()
    if effect is not None and not isinstance(effect, ListenersClosed):
        raise FaultError(
            "fault",
            f"{_named(fault)} acts on the processes of an app, and a proxy has connections alone: freeze mode=hang, "
            "freeze mode=deaf or blackhole would do",
        )
    if isinstance(effect, ListenersClosed) and effect.clients == "kubelet":
        raise FaultError("clients", "'kubelet': a proxy can't tell whose connection comes: clients=all would do")
    if reads_http and fault.target in PROBES and not fault.scope.routes:
        raise FaultError(
            "routes", f"a proxy knows no probes: give the path of the {fault.target} probe, as routes=/ready"
        )
    if not reads_http and effect is None and not fault.matches(Request(CONNECTION, "")):
        if fault.on_connections:
            raise FaultError("fault", f"{fault.to_spec()} chooses requests, which this proxy does not read: {_HTTP}")
        raise FaultError("fault", f"{_named(fault)} acts on requests, which this proxy does not read: {_HTTP}")
    return fault


_HTTP = "start it with --http"


def _named(fault: Fault) -> str:
    return f"{fault.name} mode={mode}" if (mode := getattr(fault, "mode", "")) else fault.name

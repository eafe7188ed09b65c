"""The outcomes of a container's probes: while its app is healthy, and in each failure mode."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from crashy.check.commands import ENDLESS, run
from crashy.check.ports import is_another_node
from crashy.check.targets import CheckTarget
from crashy.kubelet.detection import Bounds, detection
from crashy.kubelet.detection import Illness as ProbeFailure
from crashy.objects import clients, images
from crashy.objects.pod import GRPC, Exec, Handler, HTTPGet, Probe, ProbeType, Sleep, TCPSocket
from crashy.objects.ports import PortError, find_port
from crashy.objects.standin import ports
from crashy.patient.commands import Other


class FailureMode(StrEnum):
    """How a container fails: its process ends, it answers with errors, or it never answers."""

    EXIT = "exit"
    ERRORS = "errors"
    HANG = "hang"


class Verdict(StrEnum):
    """A probe's outcome: a timeout is a failure, an error is not counted (see `worker.step`)."""

    PASSES = "passes"
    FAILS = "fails"
    HANGS = "hangs"
    ERRS = "errs"


class Outcome(NamedTuple):
    """A probe's verdict, the seconds that it takes as far as they are known, and why it fails in any case."""

    verdict: Verdict
    seconds: float = 0.0
    why: str = ""


def outcome(target: CheckTarget, probe: Probe, mode: FailureMode | None = None) -> Outcome:
    """Return a probe's outcome while the app is healthy (no `mode`), or in a failure mode; EXIT: nothing listens.

    A TCP handshake is the kernel's: it succeeds while the process behind it answers with errors, or is frozen.
    """
    handler = probe.handler
    if isinstance(handler, Exec):
        return _exec(target, handler.command, probe.timeout_seconds, mode)
    try:
        port = find_port(target.container, handler.port)
    except PortError:
        return Outcome(Verdict.ERRS)
    if why := _refused(target, handler, port):
        return Outcome(Verdict.FAILS, why=why)
    tcp = isinstance(handler, TCPSocket) and mode is not FailureMode.EXIT
    if mode is None or tcp or _another_listens(target, port):
        return Outcome(Verdict.PASSES)
    return Outcome(Verdict.HANGS if mode is FailureMode.HANG else Verdict.FAILS)


def noticed(target: CheckTarget, kind: ProbeType, mode: FailureMode) -> Bounds | None:
    """Bound the time from a failure's onset in a healthy container until the probe's failureThreshold is reached."""
    probe = target.container.probe(kind)
    if probe is None or not notices(target, probe, mode):
        return None
    hangs = outcome(target, probe, mode).verdict is Verdict.HANGS
    bounds = detection(probe, ProbeFailure.HANG if hangs else ProbeFailure.REFUSE)
    # What has begun before the onset can fail after it.
    late = max(target.env.latency.get(kind, 0.0), outcome(target, probe).seconds)
    return Bounds(max(bounds.best - late, 0.0), bounds.worst + late)


def notices(target: CheckTarget, probe: Probe, mode: FailureMode) -> bool:
    """Return whether a probe fails in this failure mode; a command in a container whose process has ended errs."""
    if mode is FailureMode.EXIT and isinstance(probe.handler, Exec):
        return False
    return outcome(target, probe, mode).verdict in {Verdict.FAILS, Verdict.HANGS}


def hook_seconds(hook: Handler | Sleep | None) -> tuple[float, bool]:
    """Return how long a hook takes at least, and whether that is all; a day for one that never ends."""
    match hook:
        case None:
            return 0.0, True
        case Sleep(seconds):
            return float(seconds), True
        case Exec(command):
            unknown: list[Other] = []

            def succeeds(one: Other) -> int:
                unknown.append(one)
                return 0

            _, least = run(command, succeeds, ENDLESS)
            return least, not unknown
    return 0.0, False


def _refused(target: CheckTarget, handler: HTTPGet | TCPSocket | GRPC, port: int) -> str:
    """Return why a network probe isn't answered as it should be, however well the app is; empty if it is.

    That is known of the patient, and of the node, where nobody answers for a pod.
    """
    if host := "" if isinstance(handler, GRPC) else handler.host:
        return f"{host} is the node that the kubelet runs on" if is_another_node(target, host) else ""
    settings = target.env.settings
    others = [one for one in target.template.containers if one is not target.container]
    if settings is None or any(port in ports(target.template, one) for one in others):
        return ""
    from crashy.patient import routes  # noqa: PLC0415 - few containers are the patient

    match handler:
        case HTTPGet(path=path, scheme=scheme):
            return routes.get_refused(settings, port, path, https=scheme.upper() == "HTTPS")
        case GRPC(service=service):
            return routes.check_refused(settings, port, service)
    return routes.connection_refused(settings, port)


def _another_listens(target: CheckTarget, port: int) -> bool:
    """Return whether a port is another container's of the pod."""
    return not images.is_patient(target.container.image) and port not in ports(target.template, target.container)


def _exec(target: CheckTarget, command: tuple[str, ...], timeout: float, mode: FailureMode | None) -> Outcome:
    if not clients.startable(command):
        return Outcome(Verdict.ERRS)
    patient = images.is_patient(target.container.image)

    def other(one: Other) -> int | None:
        words = one.words
        if clients.operator(words):
            return 1
        if mode is None or not clients.contacts(words):
            return 0
        if mode is FailureMode.HANG:
            return None
        return int(mode is FailureMode.EXIT or patient or clients.sees_errors(words))

    ended, seconds = run(command, other, timeout)
    shown = " ".join(" ".join(command).split())
    if ended is None:
        _, whole = run(command, other, ENDLESS)
        takes = "never ends" if whole == ENDLESS else f"takes {whole:g} s"
        return Outcome(Verdict.HANGS, seconds, "" if mode else f"{shown} {takes}, timeoutSeconds is {timeout:g}")
    if ended.code:
        return Outcome(Verdict.FAILS, seconds, "" if mode else f"{shown} exits with {ended.code}")
    return Outcome(Verdict.PASSES, seconds)

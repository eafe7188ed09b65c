"""The outcome of a probe of a modelled container, and how long it takes."""

from __future__ import annotations

from http import HTTPStatus

from crashy.engines.sim.process import Condition, Cut, Full, Missing, Refuse, Stall
from crashy.kubelet.backoff import format_go_duration
from crashy.kubelet.outcome import Outcome, Result
from crashy.kubelet.versions import EventTexts
from crashy.objects.pod import GRPC, Exec, HTTPGet, Probe, TCPSocket
from crashy.patient.answers import Answer

Reply = tuple[float, Outcome]


def reply(condition: Condition, probe: Probe, address: str, texts: EventTexts) -> Reply:
    """Return the seconds until the probe's outcome is known, and the outcome in the version's `texts`."""
    match probe.handler:
        case HTTPGet():
            return _http(condition, probe, probe.handler, address, texts)
        case Exec():
            return _exec(condition, probe, probe.handler, texts)
        case GRPC():
            return _grpc(condition, probe, probe.handler, address)
        case TCPSocket():
            return _tcp(condition, probe, address)


def _failure(text: str) -> Outcome:
    return Outcome(Result.FAILURE, text)


def _http(condition: Condition, probe: Probe, handler: HTTPGet, address: str, texts: EventTexts) -> Reply:
    timeout = probe.timeout_seconds
    match condition:
        case Answer(status, body, latency) if latency < timeout:
            if status >= HTTPStatus.BAD_REQUEST:
                return latency, _failure(f"HTTP probe failed with statuscode: {status}")
            if status >= HTTPStatus.MULTIPLE_CHOICES:
                return latency, Outcome(Result.WARNING, texts.redirect_warning.format(body=body))
            return latency, Outcome(Result.SUCCESS, body)
        case Stall():
            error = "context deadline exceeded (Client.Timeout or context cancellation while reading body)"
            return timeout, Outcome(Result.FAILURE, error=error)
        case Refuse():
            seconds, error = 0.0, f"dial tcp {address}: connect: connection refused"
        case Full():
            seconds, error = timeout, f"dial tcp {address}: i/o timeout"
        case Cut(latency):
            seconds, error = latency, "EOF"
        case _:
            seconds, error = timeout, "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
    return seconds, _failure(f'Get "{handler.scheme.lower()}://{address}{handler.path}": {error}')


def _tcp(condition: Condition, probe: Probe, address: str) -> Reply:
    match condition:
        case Refuse():
            return 0.0, _failure(f"dial tcp {address}: connect: connection refused")
        case Full():
            return probe.timeout_seconds, _failure(f"dial tcp {address}: i/o timeout")
    return 0.0, Outcome(Result.SUCCESS)


def _exec(condition: Condition, probe: Probe, handler: Exec, texts: EventTexts) -> Reply:
    match condition:
        case Answer(status, body, latency) if latency < probe.timeout_seconds:
            ok = status < HTTPStatus.BAD_REQUEST
            return latency, Outcome(Result.SUCCESS if ok else Result.FAILURE, body)
        case Refuse() | Stall():
            return 0.0, Outcome(Result.SUCCESS)
        case Cut(latency):
            return latency, Outcome(Result.UNKNOWN, error="container not running")
        case Missing():
            return 0.0, Outcome(Result.UNKNOWN, error=condition.error)
    text = texts.exec_timeout.format(command=" ".join(handler.command), timeout=f"{probe.timeout_seconds}s")
    return probe.timeout_seconds, _failure(text)


def _grpc(condition: Condition, probe: Probe, handler: GRPC, address: str) -> Reply:
    timeout = probe.timeout_seconds
    within = format_go_duration(timeout)
    match condition:
        case Refuse():
            return timeout, _failure(
                f'timeout: failed to connect service "{address}" within {within}: context deadline exceeded'
            )
        case Cut(latency):
            return latency, _failure("error: health rpc probe failed: rpc error: code = Unavailable desc = EOF")
        case Answer(status, _, latency) if latency < timeout:
            if status < HTTPStatus.BAD_REQUEST:
                return latency, Outcome(Result.SUCCESS, "service healthy")
            return latency, _failure('service unhealthy (responded with "NOT_SERVING")')
    return timeout, _failure(f"timeout: health rpc did not complete within {within}")

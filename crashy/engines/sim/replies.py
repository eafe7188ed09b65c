"""What the kubelet makes of a modelled container's response to a probe or a hook, and how long that takes."""

from __future__ import annotations

from http import HTTPStatus

from crashy.engines.sim.process import (
    Broken,
    CallFailed,
    Condition,
    Cut,
    Full,
    Missing,
    Refuse,
    Reset,
    Stall,
    Stopped,
    Truncated,
)
from crashy.grpc import Code, Serving
from crashy.kubelet.backoff import format_go_duration
from crashy.kubelet.handlers import judge
from crashy.kubelet.handlers.judge import RpcError
from crashy.kubelet.outcome import Outcome, Result
from crashy.kubelet.versions import EventTexts
from crashy.objects.pod import GRPC, Exec, HTTPGet, Probe, TCPSocket
from crashy.patient.answers import Answer

NODE = "10.244.0.1:40000"
"""Whence the node asks, in Go's texts: a port that the kernel chooses."""

Reply = tuple[float, Outcome]


def reply(condition: Condition, probe: Probe, address: str, texts: EventTexts, url: str = "") -> Reply:
    """Return the seconds until the probe's outcome is known, and the outcome in the version's `texts`.

    `address` is where a network probe goes, `url` what an httpGet probe asks for.
    """
    match probe.handler:
        case HTTPGet():
            return _http(condition, probe.timeout_seconds, address, url, texts)
        case Exec():
            return _exec(condition, probe, probe.handler, texts)
        case GRPC():
            return _grpc(condition, probe.timeout_seconds, address)
        case TCPSocket():
            return _tcp(condition, probe.timeout_seconds, address)


def error(condition: Condition, address: str) -> str:
    """Return Go's text of why an HTTP request has no response; empty if it has one, or waits for it."""
    match condition:
        case Refuse():
            return judge.refused(address)
        case Cut():
            return "EOF"
        case Reset():
            return judge.reset(NODE, address)
        case Broken(text):
            return text
    return ""


def _failure(text: str) -> Outcome:
    return Outcome(Result.FAILURE, text)


def _http(condition: Condition, timeout: float, address: str, url: str, texts: EventTexts) -> Reply:
    match condition:
        case Answer(status, body, latency) if latency < timeout:
            return latency, judge.judge_http(status, body, texts)
        case Stall():
            return timeout, Outcome(Result.FAILURE, error=judge.READING)
        case Truncated(_, latency) if latency < timeout:
            return latency, Outcome(Result.FAILURE, error="unexpected EOF")
        case Refuse():
            seconds = 0.0
        case Cut(latency) | Reset(latency) | Broken(_, latency):
            seconds = latency
        case _:
            seconds = timeout
    if isinstance(condition, Broken):
        url = condition.url or url
    return seconds, _failure(f'Get "{url}": {error(condition, address) or judge.AWAITING}')


def _tcp(condition: Condition, timeout: float, address: str) -> Reply:
    match condition:
        case Refuse():
            return 0.0, _failure(judge.refused(address))
        case Full():
            return timeout, _failure(judge.dial_timeout(address))
        case Broken(text):
            return 0.0, _failure(text)
    return 0.0, Outcome(Result.SUCCESS)


def _exec(condition: Condition, probe: Probe, handler: Exec, texts: EventTexts) -> Reply:
    timeout = probe.timeout_seconds
    match condition:
        case Answer(status, body, latency) if latency < timeout:
            ok = status < HTTPStatus.BAD_REQUEST
            return latency, Outcome(Result.SUCCESS if ok else Result.FAILURE, body)
        case Refuse() | Stall():
            return 0.0, Outcome(Result.SUCCESS)
        case Cut(0.0):
            return 0.0, Outcome(Result.UNKNOWN, error="container not running")
        case Cut(latency):
            return latency, _failure("")  # it was killed with its container: exit code 137
        case Missing():
            return 0.0, Outcome(Result.UNKNOWN, error=condition.error)
    text = texts.exec_timeout.format(command=" ".join(handler.command), timeout=format_go_duration(timeout))
    return timeout, _failure(text)


def _grpc(condition: Condition, timeout: float, address: str) -> Reply:
    match condition:
        case Refuse() | Stopped() | Full() | Broken():
            return timeout, judge.grpc_unreachable(address, timeout)
        case Cut(latency):
            return latency, judge.grpc_failed(RpcError(Code.UNAVAILABLE, "error reading from server: EOF"), timeout)
        case Reset(latency):
            text = f"error reading from server: {judge.reset(NODE, address)}"
            return latency, judge.grpc_failed(RpcError(Code.UNAVAILABLE, text), timeout)
        case CallFailed(code, message, latency) if latency < timeout:
            return latency, judge.grpc_failed(RpcError(code, message), timeout)
        case Answer(status, _, latency) if latency < timeout:
            serving = status < HTTPStatus.BAD_REQUEST
            return latency, judge.judge_grpc(Serving.SERVING if serving else Serving.NOT_SERVING)
    return timeout, judge.grpc_late(timeout)

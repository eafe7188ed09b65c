"""How the kubelet judges what a probe was answered, and Go's texts for what kept an answer away.

The handlers, which ask over sockets, and sim, which asks models, have these in common.
Sources: kubelet: pkg/probe/http/http.go, pkg/probe/grpc/grpc.go; Go: net, net/http, crypto/tls.
"""

from __future__ import annotations

from crashy.grpc import HEALTH, Code, Serving
from crashy.kubelet.backoff import format_go_duration
from crashy.kubelet.outcome import Outcome, Result
from crashy.kubelet.versions import EventTexts

AWAITING = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
READING = "context deadline exceeded (Client.Timeout or context cancellation while reading body)"
HTTP_TO_HTTPS = "http: server gave HTTP response to HTTPS client"
NOT_TLS = "tls: first record does not look like a TLS handshake"
UNREADABLE = "grpc: failed to unmarshal the received message: proto: cannot parse invalid wire-format data"
BROKEN = "net/http: HTTP/1.x transport connection broken: "

_TITLES = {code.value: "OK" if code is Code.OK else code.name.title().replace("_", "") for code in Code}
_STATUSES = tuple(status.name for status in Serving)


class WireError(Exception):
    """An error of the network or the peer; the text is Go's."""


class RpcError(Exception):
    """The call failed; the text is Go's."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"rpc error: code = {_TITLES.get(code, f'Code({code})')} desc = {message}")
        self.code = code
        self.message = message


def judge_http(status: int, body: str, texts: EventTexts) -> Outcome:
    """Judge the status of the last response: 2xx succeeds, 3xx warns, all else fails."""
    if not 200 <= status < 400:
        return Outcome(Result.FAILURE, f"HTTP probe failed with statuscode: {status}")
    if status < 300:
        return Outcome(Result.SUCCESS, body)
    return Outcome(Result.WARNING, texts.redirect_warning.format(body=body))


def refused(address: str, reason: str = "connection refused") -> str:
    """Return the text of a connection to `address` that was not made."""
    return f"dial tcp {address}: connect: {reason}"


def dial_timeout(address: str) -> str:
    """Return the text of a connection to `address` that was not made in time."""
    return f"dial tcp {address}: i/o timeout"


def reset(local: str, peer: str, reason: str = "connection reset by peer") -> str:
    """Return the text of a connection that broke while it was read."""
    return f"read tcp {local}->{peer}: read: {reason}"


def unknown_host(host: str) -> str:
    """Return the text of a name that has no address."""
    return f"dial tcp: lookup {host}: no such host"


def quoted(text: str) -> str:
    """Escape as Go's %q does."""
    shown = (c if " " <= c <= "~" else f"\\x{ord(c):02x}" for c in text.replace("\\", "\\\\").replace('"', '\\"'))
    return "".join(shown)


def judge_grpc(status: int) -> Outcome:
    """Judge the status of a health check's response: SERVING succeeds, all else fails."""
    if status == Serving.SERVING:
        return Outcome(Result.SUCCESS, "service healthy")
    name = _STATUSES[status] if 0 <= status < len(_STATUSES) else str(status)
    return Outcome(Result.FAILURE, f'service unhealthy (responded with "{name}")')


def grpc_unreachable(address: str, timeout: float) -> Outcome:
    """Return the outcome of a server that is not connected within `timeout` seconds, for whatever reason."""
    within = format_go_duration(timeout)
    text = f'timeout: failed to connect service "{address}" within {within}: context deadline exceeded'
    return Outcome(Result.FAILURE, text)


def grpc_late(timeout: float) -> Outcome:
    """Return the outcome of a server that is connected, and does not answer within `timeout` seconds."""
    return Outcome(Result.FAILURE, f"timeout: health rpc did not complete within {format_go_duration(timeout)}")


def grpc_failed(error: RpcError, timeout: float) -> Outcome:
    """Return the outcome of a call that failed."""
    if error.code == Code.UNIMPLEMENTED:
        text = f"error: this server does not implement the grpc health protocol ({HEALTH}): {error.message}"
        return Outcome(Result.FAILURE, text)
    if error.code == Code.DEADLINE_EXCEEDED:
        return grpc_late(timeout)
    return Outcome(Result.FAILURE, f"error: health rpc probe failed: {error}")

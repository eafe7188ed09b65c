"""Probes and hooks of all kinds and what becomes of them: one table, for the lab's sockets and sim's models.

In the texts, `POD` is the pod's address. The pod has a patient, frozen from some moment on, and a stand-in of another
image, which speaks TLS on 8443 and plain HTTP and gRPC on 8000.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from crashy.kubelet.outcome import Result
from crashy.objects.pod import GRPC, Container, Exec, Handler, HTTPGet, PodTemplate, TCPSocket, parse_pod_template

VERSIONS = ("1.20", "1.32", "1.36")

_ENV = {"GRPC_PORT": "9000", "ADMIN_TOKEN": "secret"}
_PATIENT: dict[str, Any] = {
    "name": "app",
    "image": "crashy-app",
    "env": [{"name": name, "value": value} for name, value in _ENV.items()],
    "ports": [{"name": "web", "containerPort": 8080}],
}
_OTHER: dict[str, Any] = {
    "name": "other",
    "image": "other",
    "ports": [{"containerPort": 8443}, {"containerPort": 8000}],
}


def template(**more: Any) -> PodTemplate:
    """Return the pod's template."""
    spec = {"containers": [_PATIENT, _OTHER], **more}
    return parse_pod_template({"metadata": {"name": "web"}, "spec": spec}, path="")


def container_of(pod: PodTemplate, handler: Handler) -> Container:
    """Return the container whose probe a handler is: who listens on its port, else the patient."""
    port = 0 if isinstance(handler, Exec) else handler.port
    return pod.containers[port in {8443, 8000}]


class Row(NamedTuple):
    """A handler, and what a probe of it learns; `text` None stands for any."""

    handler: Handler
    result: Result
    text: str | None


OK, NO, ERROR = Result.SUCCESS, Result.FAILURE, Result.UNKNOWN
REFUSED = "connect: connection refused"
AWAITING = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
NOT_TLS = "tls: first record does not look like a TLS handshake"
HTTP2 = 'net/http: HTTP/1.x transport connection broken: malformed HTTP response "…"'  # what a gRPC server says first
PLAIN = "http: server gave HTTP response to HTTPS client"
UNREACHABLE = 'timeout: failed to connect service "POD:{}" within 1s: context deadline exceeded'
BEARER = (("authorization", "Bearer secret"),)


def get(url: str, error: str) -> str:
    """Return the text of a GET that has no response."""
    return f'Get "{url}": {error}'


AWAKE = (
    # the scheme, to those that speak it and those that don't
    Row(HTTPGet(8080, "/readyz"), OK, "ok"),
    Row(HTTPGet("web", "/readyz"), OK, "ok"),
    Row(HTTPGet(8080, "/readyz", scheme="HTTPS"), NO, get("https://POD:8080/readyz", PLAIN)),
    Row(HTTPGet(8443, "/", scheme="HTTPS"), OK, None),
    Row(HTTPGet(8443, "/"), NO, get("http://POD:8443/", "EOF")),
    Row(HTTPGet(8000, "/"), OK, None),
    Row(HTTPGet(8000, "/", scheme="HTTPS"), NO, get("https://POD:8000/", PLAIN)),
    Row(HTTPGet(9000, "/", scheme="HTTPS"), NO, get("https://POD:9000/", NOT_TLS)),
    Row(HTTPGet(9000, "/"), NO, get("http://POD:9000/", HTTP2)),
    Row(HTTPGet(7000, "/x?y"), NO, get("http://POD:7000/x?y", f"dial tcp POD:7000: {REFUSED}")),
    Row(HTTPGet(7000, "/", scheme="HTTPS"), NO, get("https://POD:7000/", f"dial tcp POD:7000: {REFUSED}")),
    Row(HTTPGet("webb"), ERROR, 'strconv.Atoi: parsing "webb": invalid syntax'),
    # the host: the kubelet asks from the node, which is no pod and knows no Service's name
    Row(HTTPGet(8080, "/", "localhost"), NO, get("http://localhost:8080/", f"dial tcp 127.0.0.1:8080: {REFUSED}")),
    Row(HTTPGet(8080, "/", "127.0.0.1"), NO, get("http://127.0.0.1:8080/", f"dial tcp 127.0.0.1:8080: {REFUSED}")),
    Row(
        HTTPGet(8080, "/", "nowhere.invalid"),
        NO,
        get("http://nowhere.invalid:8080/", "dial tcp: lookup nowhere.invalid: no such host"),
    ),
    Row(
        HTTPGet(8080, "/", "nowhere.invalid", "HTTPS"),
        NO,
        get("https://nowhere.invalid:8080/", "dial tcp: lookup nowhere.invalid: no such host"),
    ),
    Row(TCPSocket(8080, "localhost"), NO, f"dial tcp 127.0.0.1:8080: {REFUSED}"),
    Row(TCPSocket(8080, "LOCALHOST"), NO, f"dial tcp 127.0.0.1:8080: {REFUSED}"),
    Row(TCPSocket(8080, "nowhere.invalid"), NO, "dial tcp: lookup nowhere.invalid: no such host"),
    Row(TCPSocket(8080, "127.1"), NO, "dial tcp: lookup 127.1: no such host"),
    # headers
    Row(HTTPGet(8080, "/readyz", headers=(("Host", "web.example"), ("Content-Length", "5"))), OK, "ok"),
    Row(
        HTTPGet(8080, "/readyz", headers=(("X-A", "a\nb"),)),
        NO,
        get("http://POD:8080/readyz", 'net/http: invalid header field value for "X-A"'),
    ),
    Row(HTTPGet(8080, "/crash"), NO, "HTTP probe failed with statuscode: 401"),
    Row(
        HTTPGet(8080, "/crash", headers=(("Authorization", "Bearer wrong"),)),
        NO,
        "HTTP probe failed with statuscode: 401",
    ),
    # the path
    Row(HTTPGet(8080, "readyz?x=1#y"), OK, "ok"),
    Row(HTTPGet(8080, "/%72eadyz"), OK, "ok"),
    Row(HTTPGet(8080, "/nope"), NO, "HTTP probe failed with statuscode: 404"),
    Row(HTTPGet(8080, "/re adyz"), NO, "HTTP probe failed with statuscode: 404"),
    Row(HTTPGet(8081, "/readyz"), NO, "HTTP probe failed with statuscode: 404"),
    Row(HTTPGet(8081, "/admin/status"), OK, None),
    # connections
    Row(TCPSocket(8080), OK, ""),
    Row(TCPSocket(8443), OK, ""),
    Row(TCPSocket(9000), OK, ""),
    Row(TCPSocket(7000), NO, f"dial tcp POD:7000: {REFUSED}"),
    # grpc, without TLS
    Row(GRPC(9000), OK, "service healthy"),
    Row(GRPC(9000, "liveness"), OK, "service healthy"),
    Row(GRPC(9000, "nobody"), NO, "error: health rpc probe failed: rpc error: code = NotFound desc = unknown service"),
    Row(GRPC(8000), OK, "service healthy"),
    Row(GRPC(8443), NO, UNREACHABLE.format(8443)),
    Row(GRPC(8080), NO, UNREACHABLE.format(8080)),
    Row(GRPC(7000), NO, UNREACHABLE.format(7000)),
)
"""While all is well."""

ON_THE_NODE = (
    Row(HTTPGet(8080, "/readyz", "localhost"), OK, "ok"),
    Row(HTTPGet(8080, "/readyz", "127.0.0.1"), OK, "ok"),
    Row(TCPSocket(8080, "localhost"), OK, ""),
)
"""Of a pod with `hostNetwork`."""

FROZEN = (
    Row(HTTPGet(8080, "/freeze", headers=BEARER), NO, get("http://POD:8080/freeze", AWAITING)),  # this one freezes it
    Row(HTTPGet(8080, "/readyz"), NO, get("http://POD:8080/readyz", AWAITING)),
    Row(HTTPGet(8080, "/readyz", scheme="HTTPS"), NO, get("https://POD:8080/readyz", AWAITING)),
    Row(HTTPGet(8081, "/admin/status"), OK, None),
    Row(TCPSocket(8080), OK, ""),
    Row(GRPC(9000), NO, UNREACHABLE.format(9000)),
)
"""And then, in this order."""


class HookRow(NamedTuple):
    """An httpGet hook and why it fails, by version; None where it succeeds."""

    hook: HTTPGet
    fails: dict[str, str | None]


def _from_1_27(old: str | None, new: str | None) -> dict[str, str | None]:
    return {"1.20": old, "1.32": new, "1.36": new}


HOOKS = (
    HookRow(HTTPGet(8080, "/info"), _from_1_27(None, None)),
    HookRow(HTTPGet(8080, "/nope"), _from_1_27(None, None)),
    HookRow(HTTPGet("web", "/crash"), _from_1_27(None, None)),  # 404 (its path is //crash) and 401
    HookRow(HTTPGet(8080, "/info", scheme="HTTPS"), _from_1_27(None, None)),
    HookRow(HTTPGet(8443, "/", scheme="HTTPS"), _from_1_27(get("http://POD:8443//", "EOF"), None)),
    HookRow(HTTPGet(8443, "/"), _from_1_27(get("http://POD:8443//", "EOF"), get("http://POD:8443/", "EOF"))),
    HookRow(
        HTTPGet(9000, "/", scheme="HTTPS"),
        _from_1_27(get("http://POD:9000//", HTTP2), get("https://POD:9000/", NOT_TLS)),
    ),
    HookRow(
        HTTPGet(7000, "/bye"),
        _from_1_27(
            get("http://POD:7000//bye", f"dial tcp POD:7000: {REFUSED}"),
            get("http://POD:7000/bye", f"dial tcp POD:7000: {REFUSED}"),
        ),
    ),
    HookRow(
        HTTPGet(8080, "bye", "nowhere.invalid", "HTTPS"),
        _from_1_27(
            get("http://nowhere.invalid:8080/bye", "dial tcp: lookup nowhere.invalid: no such host"),
            get("https://nowhere.invalid:8080/bye", "dial tcp: lookup nowhere.invalid: no such host"),
        ),
    ),
    HookRow(
        HTTPGet(8080, "/info", headers=(("X-A", "a\nb"),)),
        _from_1_27(None, get("http://POD:8080/info", 'net/http: invalid header field value for "X-A"')),
    ),
    HookRow(
        HTTPGet(8080, "/%zz"),
        _from_1_27('parse "http://POD:8080//%zz": invalid URL escape "%zz"', None),
    ),
)
"""Against the pod while all is well: what a version asks is what differs. Source: kubelet: pkg/kubelet/lifecycle."""

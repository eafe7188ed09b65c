"""Which protocol a modelled port speaks, and what a client hears that speaks another."""

from __future__ import annotations

from crashy.engines.sim.process import Broken
from crashy.kubelet.handlers.judge import BROKEN, HTTP_TO_HTTPS, NOT_TLS
from crashy.kubelet.handlers.request import Request
from crashy.objects.pod import HTTPGet

# What a gRPC server sends first, the settings of HTTP/2, to a client that expects a status line.
_SETTINGS = (
    r"\x00\x00*\x04\x00\x00\x00\x00\x00\x00\x01\x00\x00\x10\x00\x00\x02\x00\x00\x00\x00\x00\x04\x00\x00\xff\xff"
    r"\x00\x05\x00\x00@\x00\x00\x08\x00\x00\x00\x00\x00\x03\x00\x00\x00d\x00\x06\x00\x01\x00\x00"
)
_HTTP2 = f'{BROKEN}malformed HTTP response "{_SETTINGS}"'


def action(request: Request, port: int, host: str) -> HTTPGet:
    """Return the httpGet that sends this request: what a hook's is depends on the version."""
    headers = tuple((name, value) for name, values in request.headers.items() for value in values)
    return HTTPGet(port, request.url, host, request.url.partition(":")[0].upper(), headers)


def clash(get: HTTPGet, *, tls: bool, grpc: bool) -> Broken | None:
    """Return what a GET hears of a port with or without TLS, perhaps for gRPC alone; None if that is what it speaks."""
    secure = get.scheme.upper() == "HTTPS"
    if secure and not tls:
        return Broken(NOT_TLS if grpc else HTTP_TO_HTTPS)
    if tls and not secure:
        return Broken("EOF")
    return Broken(_HTTP2) if grpc else None

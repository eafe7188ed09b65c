"""Which protocol a modelled port speaks, and what a client hears that speaks another."""

from __future__ import annotations

from functools import cache, lru_cache
from urllib.parse import unquote, urlsplit

from crashy.engines.sim.process import Broken
from crashy.kubelet.handlers.judge import BROKEN, HTTP_TO_HTTPS, NOT_TLS, quoted
from crashy.kubelet.handlers.request import Request, format_url
from crashy.objects.pod import HTTPGet


@lru_cache
def path_of(path: str) -> str:
    """Return the path without query that a server reads of a handler's."""
    return unquote(urlsplit(format_url("http", "pod", 80, path)).path) or "/"


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
    return Broken(_http2()) if grpc else None


@cache
def _http2() -> str:
    """Return what HTTP/1.1 makes of the settings that a gRPC server sends first."""
    from h2.config import H2Configuration  # noqa: PLC0415 - few ask a gRPC port by http
    from h2.connection import H2Connection  # noqa: PLC0415

    server = H2Connection(H2Configuration(client_side=False))
    server.initiate_connection()
    return f'{BROKEN}malformed HTTP response "{quoted(server.data_to_send().decode("latin-1"))}"'

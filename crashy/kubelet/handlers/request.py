"""What the kubelet asks by httpGet: the URL and the headers of a probe and of a hook, by version.

Sources: kubelet: pkg/probe/http/request.go, pkg/kubelet/lifecycle/handlers.go runHTTPHandler; Go: net/http.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from urllib.parse import quote, unquote, urlsplit

from crashy.kubelet.handlers.dial import authority
from crashy.kubelet.handlers.judge import HTTP_TO_HTTPS, WireError
from crashy.kubelet.versions import Profile
from crashy.objects.pod import HTTPGet

CONTROL = re.compile(r"[\x00-\x1f\x7f]")
PATH = "/%!$&'()*+,;=:@[]-_.~"
"""What is not escaped in a path."""

_BAD_ESCAPE = re.compile(r"%(?![0-9a-fA-F]{2}).{0,2}")
_NOT_SENT = {"Host", "User-Agent", "Content-Length", "Transfer-Encoding", "Trailer"}  # Go: reqWriteExcludeHeader

Headers = dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class Request:
    """A GET; `headers` are by canonical name.

    A `pooled` one is of a client that keeps connections, and takes compressed bodies; the kubelet's probes do neither.
    Redirects lead to the same hostname only, or `anywhere`.
    """

    url: str
    headers: Headers
    pooled: bool = False
    anywhere: bool = False

    @property
    def user_agent(self) -> str:
        """Return the User-Agent, empty without one."""
        return self.headers.get("User-Agent", [""])[0]

    def lines(self, host: str, referer: str = "") -> list[tuple[str, str]]:
        """Order the headers as Go writes them: Host, User-Agent, the others by name, then its own; raises WireError."""
        lines = [("Host", host)]
        if self.user_agent:
            lines.append(("User-Agent", self.user_agent))
        others = {name: values for name, values in self.headers.items() if name not in _NOT_SENT}
        if referer:
            others.setdefault("Referer", [referer])
        lines += [(name, value) for name in sorted(others) for value in others[name]]
        if self.pooled and not others.keys() & {"Accept-Encoding", "Range"}:
            lines.append(("Accept-Encoding", "gzip"))
        if not self.pooled and not any("close" in value.lower() for value in others.get("Connection", ())):
            lines.append(("Connection", "close"))
        for name, value in lines:
            if CONTROL.search(value):
                raise WireError(f'net/http: invalid header field value for "{name}"')
        return lines


def probe_request(get: HTTPGet, host: str, port: int, profile: Profile) -> Request:
    """Return the request of a probe of a pod at `host`; a host of its own takes precedence."""
    url = format_url(get.scheme, get.host or host, port, get.path)
    return Request(url, request_headers(get.headers, profile.user_agent))


def hook_request(get: HTTPGet, host: str, port: int, profile: Profile) -> Request:
    """Return the request of a hook of a pod at `host`; a host of its own takes precedence.

    Before 1.27 it has neither the scheme nor the headers of its manifest, and its path comes behind a slash; raises
    WireError if that is no URL.
    """
    if profile.hooks_like_probes:
        url = format_url(get.scheme, get.host or host, port, get.path)
        return Request(url, request_headers(get.headers, f"kube-lifecycle/{profile.release}"), pooled=True)
    url = f"http://{authority(get.host or host, port)}/{get.path.partition('#')[0]}"
    if CONTROL.search(url):
        raise WireError(f"parse {json.dumps(url)}: net/url: invalid control character in URL")
    path, mark, query = url.partition("?")
    if wrong := _BAD_ESCAPE.search(path):
        raise WireError(f'parse "{url}": invalid URL escape "{wrong[0]}"')
    return Request(quote(path, safe=PATH) + mark + query, {"User-Agent": ["Go-http-client/1.1"]}, True, True)


def without_tls(request: Request, error: WireError) -> Request | None:
    """Return the request that a hook sends next if TLS was answered by plain HTTP; None after any other error."""
    if not request.url.startswith("https:") or HTTP_TO_HTTPS not in str(error):
        return None
    headers = {name: values for name, values in request.headers.items() if name != "Authorization"}
    return replace(request, url="http:" + request.url.removeprefix("https:"), headers=headers)


def request_headers(given: Sequence[tuple[str, str]], user_agent: str) -> Headers:
    """Return the headers by canonical name, with the kubelet's own User-Agent and Accept unless they are given.

    An empty User-Agent or Accept suppresses the header.
    """
    headers: Headers = {}
    for name, value in given:
        headers.setdefault(canonical(name), []).append(value)
    headers.setdefault("User-Agent", [user_agent])
    if not headers.setdefault("Accept", ["*/*"])[0]:
        del headers["Accept"]
    return headers


def canonical(name: str) -> str:
    """Write a header's name in Go's canonical case."""
    return "-".join(part.capitalize() for part in name.split("-"))


def format_url(scheme: str, host: str, port: int, path: str) -> str:
    """Return a probe's URL: the path (with its query) parsed as a reference, scheme and host then overwritten.

    A path that can't be parsed is escaped as a whole.

    >>> format_url("HTTP", "fd00::1", 80, "/x?y")
    'http://[fd00::1]:80/x?y'
    """
    start = f"{scheme.lower() or 'http'}://{authority(host, port)}"
    if CONTROL.search(path) or _BAD_ESCAPE.search(path.partition("?")[0]):
        reference, query = quote(path, safe="/$&+,:;=@-_.~"), ""
    else:
        rest = re.sub(r"^([a-zA-Z][a-zA-Z0-9+.-]*:)?//[^/?#]*", "", path.partition("#")[0])
        reference, mark, query = rest.partition("?")
        reference, query = quote(reference, safe=PATH), mark + query
    if reference and not reference.startswith("/"):
        reference = f"/{reference}"
    return start + reference + query


@lru_cache
def path_of(path: str) -> str:
    """Return the path without query that a server reads of a handler's."""
    return unquote(urlsplit(format_url("http", "pod", 80, path)).path) or "/"

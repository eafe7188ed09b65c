"""The httpGet probe. Source: kubelet: pkg/probe/http/http.go, request.go; Go: src/net/http/client.go."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from urllib.parse import quote, urljoin, urlsplit

from crashy.kubelet.handlers.dial import Dial, WireError, authority, direct
from crashy.kubelet.handlers.http1 import Response, exchange, open_connection
from crashy.kubelet.outcome import Outcome, Result
from crashy.kubelet.versions import NEWEST, Profile
from crashy.objects.pod import HTTPGet

MAX_BODY = 10 * 1024
"""The most bytes of a body that are read."""

_MAX_REQUESTS = 10
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_PATH = "/%!$&'()*+,;=:@[]-_.~"
_REDIRECTS = {301, 302, 303, 307, 308}
_TIMEOUT = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
_BODY_TIMEOUT = "context deadline exceeded (Client.Timeout or context cancellation while reading body)"

Headers = dict[str, list[str]]


async def probe_http(
    probe: HTTPGet, *, host: str, port: int, timeout: float, dial: Dial = direct, profile: Profile = NEWEST
) -> Outcome:
    """GET once and judge by the status of the last response: 2xx succeeds, 3xx warns, all else fails.

    `host` is the pod's address (a probe's own host takes precedence), `port` the probe's port, resolved. `timeout`
    seconds cover everything: connecting, redirects, the body. A body that stalls or ends early is an error, not a
    failure. Redirects are followed to the same hostname only.
    """
    deadline = asyncio.get_running_loop().time() + timeout
    url = format_url(probe.scheme, probe.host or host, port, probe.path)
    client = _Client(request_headers(probe.headers, profile.user_agent), dial)
    try:
        async with asyncio.timeout_at(deadline):
            response = await client.get(url)
    except TimeoutError:
        return Outcome(Result.FAILURE, f'Get "{client.url}": {_TIMEOUT}')
    except WireError as error:
        return Outcome(Result.FAILURE, f'Get "{client.url}": {error}')
    try:
        async with asyncio.timeout_at(deadline):
            body = await response.body(MAX_BODY)
    except TimeoutError:
        return Outcome(Result.FAILURE, error=_BODY_TIMEOUT)
    except WireError as error:
        return Outcome(Result.FAILURE, error=str(error))
    finally:
        response.connection.close()
    return _judge(response.status, body.decode(errors="replace"), profile)


def _judge(status: int, body: str, profile: Profile) -> Outcome:
    if not 200 <= status < 400:
        return Outcome(Result.FAILURE, f"HTTP probe failed with statuscode: {status}")
    if status < 300:
        return Outcome(Result.SUCCESS, body)
    return Outcome(Result.WARNING, profile.texts.redirect_warning.format(body=body))


def request_headers(given: Sequence[tuple[str, str]], user_agent: str) -> Headers:
    """Return a probe's headers by canonical name, with the kubelet's own User-Agent and Accept unless they are given.

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
    if _CONTROL.search(path) or re.search(r"%(?![0-9a-fA-F]{2})", path.partition("?")[0]):
        reference, query = quote(path, safe="/$&+,:;=@-_.~"), ""
    else:
        rest = re.sub(r"^([a-zA-Z][a-zA-Z0-9+.-]*:)?//[^/?#]*", "", path.partition("#")[0])
        reference, mark, query = rest.partition("?")
        reference, query = quote(reference, safe=_PATH), mark + query
    if reference and not reference.startswith("/"):
        reference = f"/{reference}"
    return start + reference + query


class _Client:
    """Follows redirects as Go's client does; `url` is that of the current request, for errors."""

    def __init__(self, headers: Headers, dial: Dial) -> None:
        self.url = ""
        self._headers = headers
        self._dial = dial

    async def get(self, first: str) -> Response:
        """Get the last response of a chain that begins at `first`; raises WireError."""
        host = self._headers.get("Host", [""])[0]
        referer = ""
        url = first
        for count in range(1, _MAX_REQUESTS + 1):
            self.url = url
            response = await self._request(url, host, referer)
            location = response.headers.get("location", "")
            if response.status not in _REDIRECTS or not location:
                return response
            try:
                target, absolute = _resolve(url, location)
            except WireError:
                response.connection.close()
                raise
            if _hostname(target) != _hostname(first):
                return response
            response.connection.close()
            if count == _MAX_REQUESTS:
                break
            if absolute:
                host = ""
            referer = "" if url.startswith("https:") and target.startswith("http:") else url
            url = target
        self.url = location
        raise WireError(f"stopped after {_MAX_REQUESTS} redirects")

    async def _request(self, url: str, host: str, referer: str) -> Response:
        try:
            parts = urlsplit(url)
        except ValueError:
            raise WireError(f'parse "{url}": invalid host') from None
        if parts.scheme not in {"http", "https"}:
            raise WireError(f'unsupported protocol scheme "{parts.scheme}"')
        if not parts.hostname:
            raise WireError("http: no Host in request URL")
        tls = parts.scheme == "https"
        lines = self._lines(host or parts.netloc, referer)
        for name, value in lines:
            if _CONTROL.search(value):
                raise WireError(f'net/http: invalid header field value for "{name}"')
        connection = await open_connection(_hostname(url), _port(url, tls), tls=tls, dial=self._dial)
        target = (quote(parts.path, safe=_PATH) or "/") + (f"?{parts.query}" if parts.query else "")
        try:
            return await exchange(connection, target, lines)
        except BaseException:
            connection.close()
            raise

    def _lines(self, host: str, referer: str) -> list[tuple[str, str]]:
        """Order the headers as Go writes them: Host, User-Agent, the others by name, then its own."""
        lines = [("Host", host)]
        if agent := self._headers["User-Agent"][0]:
            lines.append(("User-Agent", agent))
        others = {k: v for k, v in self._headers.items() if k not in {"Host", "User-Agent"}}
        if referer:
            others.setdefault("Referer", [referer])
        lines += [(name, value) for name in sorted(others) for value in others[name]]
        if not any("close" in value.lower() for value in self._headers.get("Connection", ())):
            lines.append(("Connection", "close"))
        return lines


def _resolve(url: str, location: str) -> tuple[str, bool]:
    """Return a Location's URL, and whether the Location is absolute."""
    try:
        absolute = bool(urlsplit(location).scheme)
        return (location if absolute else urljoin(url, location)), absolute
    except ValueError:
        raise WireError(f'failed to parse Location header "{location}"') from None


def _hostname(url: str) -> str:
    """Return a URL's host without its port, in its original case, as Go compares it."""
    host = urlsplit(url).netloc.rpartition("@")[2]
    return host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]


def _port(url: str, tls: bool) -> int:
    try:
        return urlsplit(url).port or (443 if tls else 80)
    except ValueError:
        raise WireError(f'parse "{url}": invalid port') from None

"""The httpGet probe. Source: kubelet: pkg/probe/http/http.go, request.go; Go: src/net/http/client.go."""

from __future__ import annotations

import asyncio
from urllib.parse import quote, urljoin, urlsplit

from crashy.kubelet.handlers.dial import Dial, direct
from crashy.kubelet.handlers.http1 import Response, exchange, open_connection
from crashy.kubelet.handlers.judge import AWAITING, READING, WireError, judge_http
from crashy.kubelet.handlers.request import PATH, Request, probe_request
from crashy.kubelet.outcome import Outcome, Result
from crashy.kubelet.versions import NEWEST, Profile
from crashy.objects.pod import HTTPGet

MAX_BODY = 10 * 1024
"""The most bytes of a body that are read."""

MAX_REQUESTS = 10
_REDIRECTS = {301, 302, 303, 307, 308}


async def probe_http(
    probe: HTTPGet, *, host: str, port: int, timeout: float, dial: Dial = direct, profile: Profile = NEWEST
) -> Outcome:
    """GET once and judge by the status of the last response: 2xx succeeds, 3xx warns, all else fails.

    `host` is the pod's address (a probe's own host takes precedence), `port` the probe's port, resolved. `timeout`
    seconds cover everything: connecting, redirects, the body. A body that stalls or ends early is an error, not a
    failure. Redirects are followed to the same hostname only.
    """
    deadline = asyncio.get_running_loop().time() + timeout
    client = Client(probe_request(probe, host, port, profile), dial)
    try:
        async with asyncio.timeout_at(deadline):
            response = await client.get()
    except TimeoutError:
        return Outcome(Result.FAILURE, f'Get "{client.url}": {AWAITING}')
    except WireError as error:
        return Outcome(Result.FAILURE, f'Get "{client.url}": {error}')
    try:
        async with asyncio.timeout_at(deadline):
            body = await response.body(MAX_BODY)
    except TimeoutError:
        return Outcome(Result.FAILURE, error=READING)
    except WireError as error:
        return Outcome(Result.FAILURE, error=str(error))
    finally:
        response.connection.close()
    return judge_http(response.status, body.decode(errors="replace"), profile.texts)


class Client:
    """Follows redirects as Go's client does; `url` is that of the current request, for errors."""

    def __init__(self, request: Request, dial: Dial) -> None:
        self.url = request.url
        self._first = request
        self._dial = dial

    async def get(self) -> Response:
        """Get the last response of the chain that begins with the request; raises WireError."""
        first = url = self._first.url
        host = self._first.headers.get("Host", [""])[0]
        referer = ""
        for count in range(1, MAX_REQUESTS + 1):
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
            if not self._first.anywhere and _hostname(target) != _hostname(first):
                return response
            response.connection.close()
            if count == MAX_REQUESTS:
                break
            if absolute:
                host = ""
            referer = "" if url.startswith("https:") and target.startswith("http:") else url
            url = target
        self.url = location
        raise WireError(f"stopped after {MAX_REQUESTS} redirects")

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
        lines = self._first.lines(host or parts.netloc, referer)
        connection = await open_connection(_hostname(url), _port(url, tls), tls=tls, dial=self._dial)
        target = (quote(parts.path, safe=PATH) or "/") + (f"?{parts.query}" if parts.query else "")
        try:
            return await exchange(connection, target, lines)
        except BaseException:
            connection.close()
            raise


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

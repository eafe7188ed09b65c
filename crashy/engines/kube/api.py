"""The connection to a cluster's API server: JSON objects, and refusals as an `ApiError`."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from kubernetes_asyncio.client import ApiClient, Configuration
from kubernetes_asyncio.config import load_incluster_config, load_kube_config

from crashy.errors import BadInput

Object = dict[str, Any]
"""An object of Kubernetes' API, as JSON has it."""

TIMEOUT = 10.0
"""The timeout of a request, in seconds."""
_SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
_LOST = (aiohttp.ClientError, OSError, TimeoutError)


class ApiError(Exception):
    """The API server refused, with its own message, or could not be reached (`status` 0)."""

    def __init__(self, status: int, message: str, body: bytes = b"") -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.body = body

    def refusal(self, what: str) -> BadInput:
        """Return it as a user's mistake; `what` was requested."""
        lines = [f"kube: {what}: {self.message}"]
        if self.status == 403 and "cannot" in self.message:
            lines.append("kube: manifests/rbac.yaml has the rights that are needed (docs/kube.md)")
        return BadInput(*lines)


@dataclass(frozen=True, slots=True)
class Response:
    """A response of any status."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def error(self) -> ApiError:
        """Return it as an error, with the message of its Status object."""
        try:
            message = json.loads(self.body)["message"]
        except (ValueError, KeyError, TypeError):
            message = self.body.decode("utf-8", "replace").strip()[:300] or "no reason was given"
        return ApiError(self.status, f"{message} ({self.status})" if self.status >= 500 else str(message), self.body)


class Api:
    """Sends requests to one API server; made by `connected`. `host` is its URL."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client
        self.host = str(client.configuration.host)
        self.ca_file = client.configuration.ssl_ca_cert

    async def send(
        self,
        method: str,
        path: str,
        body: Object | None = None,
        *,
        timeout: float = TIMEOUT,
        content: str = "application/json",
    ) -> Response:
        """Return the response to a request; raises ApiError with status 0 if there is none."""
        try:
            async with asyncio.timeout(timeout), await self._call(method, path, body, content) as response:
                return Response(response.status, response.headers, await response.read())
        except _LOST as error:
            raise ApiError(0, f"{self.host}: {_why(error, timeout)}") from None

    async def request(self, method: str, path: str, body: Object | None = None, **options: Any) -> Object:
        """Return the object of the response to a request; raises ApiError."""
        answer = await self.send(method, path, body, **options)
        if answer.status >= 300:
            raise answer.error()
        try:
            parsed = json.loads(answer.body)
        except ValueError:
            raise ApiError(answer.status, f"{self.host}: answered what no API server answers") from None
        return dict(parsed)

    async def lines(self, path: str, silence: float) -> AsyncIterator[Object]:
        """Yield each object of a stream; raises ApiError if it can't start, or breaks."""
        rest = b""
        async for data in self.stream(path, silence):
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                try:
                    yield json.loads(line)
                except ValueError:
                    raise ApiError(0, f"{self.host}: sent a line that is no object") from None

    async def stream(self, path: str, silence: float | None = None) -> AsyncIterator[bytes]:
        """Yield the chunks of a stream; raises ApiError if it can't start, breaks, or is silent for too long."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=TIMEOUT, sock_read=silence)
        try:
            async with await self._call("GET", path, None, timeout=timeout) as response:
                if response.status >= 300:
                    raise Response(response.status, response.headers, await response.read()).error()
                async for data in response.content.iter_any():
                    yield data
        except _LOST as error:
            raise ApiError(0, f"{self.host}: {_why(error, silence or TIMEOUT)}") from None

    async def run(self, path: str, timeout: float) -> tuple[bytes, Object]:
        """Run a command through an exec path and return what it wrote and the Status of its end.

        Raises ApiError, and TimeoutError after `timeout` seconds: the command may go on then.
        """
        session, headers = await self._session()
        protocols = ("v4.channel.k8s.io",)
        written, status = bytearray(), Object()
        async with asyncio.timeout(timeout):
            try:
                async with session.ws_connect(self.host + path, protocols=protocols, headers=headers) as socket:
                    async for message in socket:
                        data = message.data if isinstance(message.data, bytes) else str(message.data).encode()
                        if data[:1] in (b"\1", b"\2"):
                            written += data[1:]
                        elif data[:1] == b"\3":
                            status |= json.loads(data[1:])
            except aiohttp.WSServerHandshakeError as error:
                refusal = await self.send("GET", path)  # the words of it, which a handshake has no room for
                known = is_status(refusal.body) and refusal.status == error.status
                raise refusal.error() if known else ApiError(error.status, f"refused: {error.message}") from None
            except (aiohttp.ClientError, OSError) as error:
                raise ApiError(0, f"{self.host}: {_why(error, timeout)}") from None
        return bytes(written), status

    async def _call(
        self,
        method: str,
        path: str,
        body: Object | None,
        content: str = "application/json",
        timeout: aiohttp.ClientTimeout | None = None,
    ) -> aiohttp.ClientResponse:
        response: aiohttp.ClientResponse = await self._client.call_api(
            path,
            method,
            query_params=[],
            header_params={"Accept": "application/json", "Content-Type": content},
            body=body,
            auth_settings=["BearerToken"],
            _preload_content=False,
            _request_timeout=timeout,
        )
        return response

    async def _session(self) -> tuple[aiohttp.ClientSession, dict[str, str]]:
        headers: dict[str, str] = {}
        await self._client.update_params_for_auth(headers, [], ["BearerToken"])
        session: aiohttp.ClientSession = self._client.rest_client.pool_manager
        return session, headers


def is_status(body: bytes) -> bool:
    """Return whether a body is a Status object, so from the API server itself."""
    try:
        parsed = json.loads(body)
    except ValueError:
        return False
    return isinstance(parsed, dict) and parsed.get("kind") == "Status" and parsed.get("apiVersion") == "v1"


@asynccontextmanager
async def connected() -> AsyncIterator[Api]:
    """Connect as kubectl does: $KUBECONFIG, ~/.kube/config, else the pod's service account; raises BadInput."""
    configuration = Configuration()
    files, in_cluster = _kubeconfigs()
    try:
        if files:
            await load_kube_config(os.pathsep.join(files), client_configuration=configuration, persist_config=False)
        elif in_cluster:
            load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
        else:
            looked = os.environ.get("KUBECONFIG") or "~/.kube/config"
            raise BadInput(f"kube: no kubeconfig ({looked}): set KUBECONFIG; kind get kubeconfig writes one")
        configuration.connection_pool_maxsize = 0  # no limit: each watch and each log has a connection for itself
        client = ApiClient(configuration)
    except BadInput:
        raise
    except Exception as error:  # noqa: BLE001 - the loader raises whatever a broken file makes it stumble over
        where = os.pathsep.join(files) or "the service account"
        raise BadInput(
            f"kube: {where}: can't be read: {' '.join(str(error).split()) or type(error).__name__}"
        ) from None
    async with client:
        yield Api(client)


def _kubeconfigs() -> tuple[list[str], bool]:
    """Return the kubeconfig's files, and whether a pod's service account is to be used without them."""
    names = [name for name in os.environ.get("KUBECONFIG", "").split(os.pathsep) if name]
    files = [path for path in (names or [str(Path("~/.kube/config").expanduser())]) if Path(path).exists()]
    return files, not names and _SERVICE_ACCOUNT.exists()


def _why(error: BaseException, timeout: float) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {timeout:g} s"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"can't be reached: {error.os_error.strerror or error.os_error}"
    return str(error) or type(error).__name__

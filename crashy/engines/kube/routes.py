"""The routes of users' requests to a Service: its ClusterIP, a NodePort, or the API server's proxy."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from crashy.engines.kube.api import Api, ApiError, Object, is_status
from crashy.traffic.connection import Reply
from crashy.traffic.request import Target, ask

_DIAL = 0.3
"""Seconds for a connection to an address; a lost packet is better sent again."""
_OPEN_WITHIN, _OPEN_EVERY = 5.0, 0.1
CLUSTER_IP = "its ClusterIP"
NODE_PORT = "a NodePort"
PROXY = "the API server's proxy, which chooses the pod itself and may keep connections to it"

_Key = tuple[str, int]
"""A Service's name and one of its ports."""


@dataclass(frozen=True, slots=True)
class Route:
    """How users reach one port of a Service: its `url`, and a description of the route."""

    url: str
    description: str


class Routes:
    """Chooses a route for each port of the Services; `cluster_ips`: ClusterIPs can be reached from here.

    `report` is called with each choice. A NodePort is chosen at the first request, since it refuses connections until
    the Service has an endpoint.
    """

    def __init__(self, api: Api, *, cluster_ips: bool, nodes: Sequence[str] = ()) -> None:
        self._api = api
        self._cluster_ips = cluster_ips
        self._nodes = nodes
        self._candidates: dict[_Key, tuple[Route, ...]] = {}
        self._chosen: dict[_Key, Route] = {}
        self._opening: dict[_Key, asyncio.Task[None]] = {}
        self.report: Callable[[str, int, Route], None] = lambda *_: None

    def learn(self, service: Object) -> None:
        """Find the routes of a Service, an object of the API."""
        for port in service["spec"].get("ports") or ():
            key = (str(service["metadata"]["name"]), int(port["port"]))
            candidates = tuple(self._routes(service, port))
            if candidates == self._candidates.get(key):
                continue
            self._candidates[key] = candidates
            self._opening.pop(key, None)
            if len(candidates) == 1:
                self._choose(key, candidates[0])

    def _routes(self, service: Object, port: Object) -> Iterator[Route]:
        ip = service["spec"].get("clusterIP") or ""
        if self._cluster_ips and ip not in ("", "None"):
            yield Route(f"http://{_host(ip)}:{port['port']}", CLUSTER_IP)
            return
        for node in self._nodes if port.get("nodePort") else ():
            yield Route(f"http://{_host(node)}:{port['nodePort']}", NODE_PORT)
        name, namespace = service["metadata"]["name"], service["metadata"]["namespace"]
        url = f"{self._api.host}/api/v1/namespaces/{namespace}/services/{name}:{port['port']}/proxy"
        yield Route(url, PROXY)

    def _choose(self, key: _Key, route: Route) -> None:
        self._chosen[key] = route
        self.report(*key, route)

    async def ask(self, service: str, port: int, path: str, timeout: float) -> Reply:
        """Send a user's request, on a new connection if the route allows it."""
        await self.opened(service, port)
        route = self._chosen[service, port]
        if route.description != PROXY:
            return await ask(Target.of(route.url + path), timeout)
        try:
            answer = await self._api.send("GET", route.url.removeprefix(self._api.host) + path, timeout=timeout)
        except ApiError as error:
            return Reply(failure="timeout" if "no answer" in error.message else "unreachable")
        pod = answer.headers.get("X-Pod", "")
        if not pod and is_status(answer.body):  # from the proxy itself: it found no endpoint, or could not reach it
            return Reply(failure="reset")
        return Reply(answer.status, pod, "", answer.body)

    async def opened(self, service: str, port: int) -> None:
        """Wait, once, until the nodes' proxies know a Service: they do so a second or so after its first endpoint.

        It makes no difference to users of an older Service. A request meanwhile waits, is not refused, and has its
        whole timeout left.
        """
        key = (service, port)
        if key not in self._opening:
            self._opening[key] = asyncio.create_task(self._open(key))
        if not self._opening[key].done():
            await asyncio.wait([self._opening[key]])

    async def _open(self, key: _Key) -> None:
        """Choose the first route that accepts a connection, else the last one."""
        candidates = self._candidates[key]
        direct = [(route, Target.of(route.url)) for route in candidates if route.description != PROXY]
        with suppress(TimeoutError):
            async with asyncio.timeout(_OPEN_WITHIN):
                while direct:
                    for route, target in direct:
                        if await _connects(target.host, target.port):
                            if self._chosen.get(key) != route:
                                self._choose(key, route)
                            return
                    await asyncio.sleep(_OPEN_EVERY)
        if self._chosen.get(key) != candidates[-1]:
            self._choose(key, candidates[-1])


async def _connects(host: str, port: int) -> bool:
    try:
        async with asyncio.timeout(_DIAL):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


def _host(address: str) -> str:
    return f"[{address}]" if ":" in address else address


async def cluster_ips_reachable(api: Api) -> bool:
    """Return whether ClusterIPs can be reached from here: whether the API server answers at its own.

    The certificate must be one of this cluster's: another network may well use the same addresses. In a pod they can.
    """
    if "KUBERNETES_SERVICE_HOST" in os.environ:
        return True
    try:
        service = await api.request("GET", "/api/v1/namespaces/default/services/kubernetes")
        context = ssl.create_default_context(cafile=api.ca_file)
        context.check_hostname = False
        async with asyncio.timeout(1.0):
            port = service["spec"]["ports"][0]["port"]
            _, writer = await asyncio.open_connection(service["spec"]["clusterIP"], port, ssl=context)
    except (ApiError, OSError, TimeoutError, LookupError):
        return False
    writer.close()
    return True


async def node_addresses(api: Api) -> list[str]:
    """Return the nodes' addresses, external ones first; an empty list if they may not be read."""
    try:
        nodes = (await api.request("GET", "/api/v1/nodes")).get("items") or []
    except ApiError:
        return []
    found = [address for node in nodes for address in (node.get("status") or {}).get("addresses") or ()]
    kinds = ("ExternalIP", "InternalIP")
    return [address["address"] for kind in kinds for address in found if address["type"] == kind]

"""The ways of users' requests to a Service: its ClusterIP, a NodePort, or through the API server."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from crashy.engines.kube.api import Api, ApiError, Object
from crashy.traffic.connection import Reply
from crashy.traffic.request import Target, ask

_DIAL = 1.0
"""Seconds in which an address that can be reached from here is."""
_OPEN_WITHIN, _OPEN_EVERY = 5.0, 0.1
CLUSTER_IP = "its ClusterIP"
NODE_PORT = "a NodePort"
PROXY = "the API server's proxy, which chooses the pod itself and may keep connections to it"


@dataclass(frozen=True, slots=True)
class Way:
    """How one port of a Service is asked: `url` is where, `by` says it in words."""

    url: str
    by: str


class Ways:
    """Chooses a way for each port of the Services: `cluster_ips` says whether ClusterIPs can be reached from here."""

    def __init__(self, api: Api, *, cluster_ips: bool, nodes: Sequence[str] = ()) -> None:
        self._api = api
        self._cluster_ips = cluster_ips
        self._nodes = nodes
        self._ways: dict[tuple[str, int], Way] = {}
        self._open: dict[str, asyncio.Task[None]] = {}  # by URL

    async def learn(self, service: Object) -> list[tuple[int, Way]]:
        """Choose for each port of a Service as the API has it; gives what is new."""
        name, namespace = service["metadata"]["name"], service["metadata"]["namespace"]
        found = []
        for port in service["spec"].get("ports") or ():
            key = (name, int(port["port"]))
            way = await self._choose(service, port) or Way(_proxy(self._api.host, namespace, *key), PROXY)
            if self._ways.get(key) != way:
                self._ways[key] = way
                found.append((key[1], way))
        return found

    async def _choose(self, service: Object, port: Object) -> Way | None:
        ip = service["spec"].get("clusterIP") or ""
        if self._cluster_ips and ip not in ("", "None"):
            return Way(f"http://{_host(ip)}:{port['port']}", CLUSTER_IP)
        for node in self._nodes if port.get("nodePort") else ():
            if await reachable(node, port["nodePort"]):
                return Way(f"http://{_host(node)}:{port['nodePort']}", NODE_PORT)
        return None

    async def ask(self, service: str, port: int, path: str, timeout: float) -> Reply:
        """Send a user's request, on a connection of its own where the way allows it."""
        way = self._ways[service, port]
        if way.by != PROXY:
            await self._opened(way.url, timeout)
            return await ask(Target.of(way.url + path), timeout)
        try:
            answer = await self._api.send("GET", way.url.removeprefix(self._api.host) + path, timeout=timeout)
        except ApiError as error:
            return Reply(failure="timeout" if "no answer" in error.message else "unreachable")
        pod = answer.headers.get("X-Pod", "")
        if not pod and is_status(answer.body):  # the proxy's own words: it found no endpoint, or could not reach it
            return Reply(failure="reset")
        return Reply(answer.status, pod, "", answer.body)

    async def _opened(self, url: str, timeout: float) -> None:
        """Wait, once, until the nodes' proxies know a Service: they do so a second or less after its first endpoint.

        Users of a Service that is long there know nothing of that. Whoever asks meanwhile waits, and is not refused.
        """
        if url not in self._open:
            self._open[url] = asyncio.create_task(_open(Target.of(url)))
        if not self._open[url].done():
            await asyncio.wait([self._open[url]], timeout=timeout)


async def _open(target: Target) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(_OPEN_WITHIN):
            while not await _connects(target.host, target.port, _OPEN_EVERY):  # noqa: ASYNC110 - it is elsewhere
                await asyncio.sleep(_OPEN_EVERY)


async def _connects(host: str, port: int, within: float, *, refused: bool = False) -> bool:
    try:
        async with asyncio.timeout(within):
            _, writer = await asyncio.open_connection(host, port)
    except ConnectionRefusedError:
        return refused
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


def is_status(body: bytes) -> bool:
    """Say whether the API server itself says this: a Status object."""
    try:
        told = json.loads(body)
    except ValueError:
        return False
    return isinstance(told, dict) and told.get("kind") == "Status" and told.get("apiVersion") == "v1"


def _proxy(host: str, namespace: str, name: str, port: int) -> str:
    return f"{host}/api/v1/namespaces/{namespace}/services/{name}:{port}/proxy"


def _host(address: str) -> str:
    return f"[{address}]" if ":" in address else address


async def reachable(host: str, port: int) -> bool:
    """Say whether a host answers at a port from here: a refusal is an answer, since nobody may listen there yet."""
    return await _connects(host, port, _DIAL, refused=True)


async def cluster_ips_reachable(api: Api) -> bool:
    """Say whether ClusterIPs can be reached from here: whether the cluster's own answers at the one of its API.

    The certificate must be one of this cluster's: another network may well use the same addresses.
    """
    try:
        service = await api.request("GET", "/api/v1/namespaces/default/services/kubernetes")
        context = ssl.create_default_context(cafile=api.ca_file)
        context.check_hostname = False
        async with asyncio.timeout(_DIAL):
            port = service["spec"]["ports"][0]["port"]
            _, writer = await asyncio.open_connection(service["spec"]["clusterIP"], port, ssl=context)
    except (ApiError, OSError, TimeoutError, LookupError):
        return False
    writer.close()
    return True


async def node_addresses(api: Api) -> list[str]:
    """Give the nodes' addresses, those of the outside first; none where they may not be read."""
    try:
        nodes = (await api.request("GET", "/api/v1/nodes")).get("items") or []
    except ApiError:
        return []
    found = [address for node in nodes for address in (node.get("status") or {}).get("addresses") or ()]
    kinds = ("ExternalIP", "InternalIP")
    return [address["address"] for kind in kinds for address in found if address["type"] == kind]

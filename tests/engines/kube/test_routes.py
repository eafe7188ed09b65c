"""How users' requests reach a Service: the best route that there is from here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from crashy.engines.kube import routes as routes_module
from crashy.engines.kube.api import ApiError, Response
from crashy.engines.kube.routes import CLUSTER_IP, NODE_PORT, PROXY, Routes
from crashy.traffic.connection import Reply
from tests.engines.kube.fakes import FakeApi, refused

CLOSED = 1  # nobody listens there


def service(ip: str = "10.0.0.9", node_port: int | None = None) -> dict[str, Any]:
    port = {"port": 80} | ({"nodePort": node_port} if node_port else {})
    return {"metadata": {"name": "web", "namespace": "ns"}, "spec": {"clusterIP": ip, "ports": [port]}}


@asynccontextmanager
async def server(port: int = 0) -> AsyncIterator[int]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await reader.readline():
            writer.write(b"HTTP/1.1 200 OK\r\nX-Pod: web-1\r\nContent-Length: 2\r\n\r\nok")
            await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", port) as listening:
        yield listening.sockets[0].getsockname()[1]


def reported(routes: Routes) -> list[tuple[str, int, str, str]]:
    choices: list[tuple[str, int, str, str]] = []
    routes.report = lambda name, port, route: choices.append((name, port, route.url, route.description))
    return choices


VIA_API = "https://api/api/v1/namespaces/ns/services/web:80/proxy"


@pytest.mark.parametrize(
    ("ips", "given", "url", "by"),
    [
        (True, service(node_port=CLOSED), "http://10.0.0.9:80", CLUSTER_IP),
        (True, service("fd00::9"), "http://[fd00::9]:80", CLUSTER_IP),
        (False, service(), VIA_API, PROXY),
        (True, service("None"), VIA_API, PROXY),
    ],
    ids=["ClusterIP", "IPv6", "no NodePort", "headless"],
)
def test_a_route_is_chosen_if_there_is_only_one(ips: bool, given: dict[str, Any], url: str, by: str) -> None:
    routes = Routes(FakeApi(lambda *_: {}), cluster_ips=ips, nodes=["127.0.0.1"])  # type: ignore[arg-type]
    choices = reported(routes)

    routes.learn(given)
    routes.learn(given)

    assert choices == [("web", 80, url, by)]


async def test_the_first_node_that_answers_is_the_way() -> None:
    async with server() as port:
        routes = Routes(FakeApi(lambda *_: {}), cluster_ips=False, nodes=["240.0.0.1", "127.0.0.1"])  # type: ignore[arg-type]
        choices = reported(routes)
        routes.learn(service(node_port=port))
        assert choices == []

        assert (await routes.ask("web", 80, "/", 2.0)).pod == "web-1"
        assert choices == [("web", 80, f"http://127.0.0.1:{port}", NODE_PORT)]


async def test_where_no_node_answers_it_is_the_api_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes_module, "_OPEN_WITHIN", 0.5)
    api = FakeApi(lambda *_: Response(200, {"X-Pod": "web-1"}, b""))
    routes = Routes(api, cluster_ips=False, nodes=["127.0.0.1"])  # type: ignore[arg-type]
    choices = reported(routes)
    routes.learn(service(node_port=CLOSED))

    assert (await routes.ask("web", 80, "/", 0.1)).pod == "web-1"  # the search is not the user's time
    assert choices == [("web", 80, VIA_API, PROXY)]


@pytest.mark.parametrize(
    ("answer", "reply"),
    [
        (Response(200, {"X-Pod": "web-1"}, b"hello"), Reply(200, "web-1", "", b"hello")),
        (refused(503, "x", {"X-Pod": "web-1"}), Reply(503, "web-1", "", refused(503, "x").body)),
        (Response(404, {}, b"not a Status"), Reply(404, "", "", b"not a Status")),
        (refused(503, 'no endpoints available for service "web"'), Reply(failure="reset")),
        (ApiError(0, "https://api: no answer within 1 s"), Reply(failure="timeout")),
        (ApiError(0, "https://api: can't be reached"), Reply(failure="unreachable")),
    ],
    ids=["answered", "the patient's own 503", "another's 404", "no endpoints", "timeout", "no API server"],
)
async def test_through_the_api_server_a_failure_is_the_pods_own(answer: Any, reply: Reply) -> None:
    api = FakeApi(lambda *_: answer)
    routes = Routes(api, cluster_ips=False)  # type: ignore[arg-type]
    routes.learn(service())

    assert await routes.ask("web", 80, "/x", 1.0) == reply
    assert api.requested == [("GET", "/api/v1/namespaces/ns/services/web:80/proxy/x")]


async def test_users_wait_for_a_service_that_the_nodes_do_not_know_yet() -> None:
    async with server() as port:
        pass
    routes = Routes(FakeApi(lambda *_: {}), cluster_ips=False, nodes=["127.0.0.1"])  # type: ignore[arg-type]
    routes.learn(service(node_port=port))
    requested = [asyncio.create_task(routes.ask("web", 80, "/", 3.0)) for _ in range(3)]
    await asyncio.wait(requested, timeout=0.05)
    assert not any(task.done() for task in requested)
    async with server(port):
        assert {(await task).pod for task in requested} == {"web-1"}

    assert (await routes.ask("web", 80, "/", 1.0)).failure == "refused"  # once known, what is refused is refused

"""Services whose ports open, move and close while connections come and go."""

from __future__ import annotations

import asyncio
import random
import socket
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from fractions import Fraction
from urllib.parse import urlsplit

import pytest

from crashy.engines.lab.addresses import Addresses
from crashy.engines.lab.network import LoopbackNetwork
from crashy.errors import BadInput
from crashy.objects.document import Source
from crashy.objects.service import Service, ServicePort
from tests.kubelet.cases import Expect, Means, Where
from tests.kubelet.http_servers import talking

BACK = "127.0.0.1"


def free_port() -> int:
    for port in range(31000, 32768):
        with socket.socket() as probe:
            if probe.connect_ex((BACK, port)):
                return port
    raise AssertionError("no free port")


def service(*ports: tuple[int, int | None], name: str = "web") -> Service:
    """Return a Service of these ports and nodePorts."""
    kind = "NodePort" if any(number for _, number in ports) else "ClusterIP"
    made = tuple(ServicePort("", port, 8080, number) for port, number in ports)
    return Service(name, "default", kind, {"app": name}, made, False, Source("app.yaml", 1))


@asynccontextmanager
async def network() -> AsyncIterator[LoopbackNetwork]:
    made = LoopbackNetwork(Addresses(lambda _: None), random.Random(1))
    try:
        yield made
    finally:
        made.close()
        await asyncio.sleep(0)


@asynccontextmanager
async def backend(network: LoopbackNetwork, made: Service) -> AsyncIterator[None]:
    """Let what comes to a Service be answered by its name."""

    answering: set[asyncio.Task[None]] = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        answering.add(task)
        while line := await reader.readline():
            writer.write(made.name.encode() + b" " + line)
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(answer, BACK, 0)
    place = server.sockets[0].getsockname()[:2]
    network.publish(made, {port.port: [place] for port in made.ports})
    try:
        yield
    finally:
        server.close()
        await asyncio.wait(answering)


async def said(port: int, host: str = BACK) -> str:
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(b"hello\n")
    try:
        return (await reader.readline()).decode()
    finally:
        writer.close()


async def test_a_changed_port_opens_and_the_old_one_closes_for_new_connections_only() -> None:
    one, other = free_port(), 0
    async with network() as n:
        before = service((80, one))
        await n.open([before])
        async with backend(n, before):
            reader, writer = await asyncio.open_connection(BACK, one)
            writer.write(b"first\n")
            assert await reader.readline() == b"web first\n"
            other = free_port()
            after = service((80, other))
            await n.open([after])

            assert await said(other) == "web hello\n"
            with pytest.raises(ConnectionRefusedError):
                await said(one)
            writer.write(b"second\n")
            assert await reader.readline() == b"web second\n"
            writer.close()
        assert n.node_port("default", "web", 80) == other
        assert len(n.cluster_ips) == 1
        assert n.url(after, after.ports[0]) == f"http://{BACK}:{other}"


async def test_a_node_port_goes_from_one_service_to_another() -> None:
    port = free_port()
    async with network() as n:
        await n.open([service((80, port), name="old")])
        old, new = service((80, None), name="old"), service((80, port), name="new")
        await n.open([old, new])
        async with backend(n, new):
            assert await said(port) == "new hello\n"


async def test_a_node_port_that_nobody_chose_stays() -> None:
    async with network() as n:
        chosen = free_port()
        await n.open([service((80, None), (81, chosen))])
        number = n.node_port("default", "web", 80)
        await n.open([service((80, None), (82, chosen))])
        assert n.node_port("default", "web", 80) == number
        assert n.node_port("default", "web", 81) is None


async def test_a_port_that_is_taken_changes_nothing() -> None:
    port = free_port()
    async with network() as n:
        before = service((80, port))
        await n.open([before])
        async with backend(n, before):
            with socket.create_server((BACK, 0)) as taken:
                number = taken.getsockname()[1]
                bad = service((80, number))
                with pytest.raises(BadInput) as refused:
                    await n.open([bad, service((90, port), name="second"), service((91, port), name="third")])
                assert refused.value.lines == (
                    f"app.yaml:1: Service/web: {BACK}:{number}: another program listens there; "
                    "stop it, or give another nodePort",
                    f"app.yaml:1: Service/third: {BACK}:{port}: provided port is already allocated to Service/second",
                )
            assert await said(port) == "web hello\n"
            assert len(n.cluster_ips) == 1


@pytest.mark.case("proxy.iptables-probabilities")
async def test_each_endpoint_is_as_likely_for_each_connection(expect: Expect) -> None:
    """kube-proxy: pkg/proxy/iptables/proxier.go: 1/3, then 1/2 of the rest, then all of it."""
    web = service((80, None))

    async def says(name: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(name)
        await writer.drain()

    async with network() as made, AsyncExitStack() as stack:
        ports = [await stack.enter_async_context(talking(lambda _, w, n=n: says(n, w))) for n in (b"a", b"b", b"c")]  # type: ignore[misc]
        await made.open([web])
        made.publish(web, {80: [(BACK, port) for port in ports]})
        url = urlsplit(made.url(web, web.ports[0]))
        found: Counter[bytes] = Counter()
        for _ in range(300):
            reader, writer = await asyncio.open_connection(url.hostname, url.port)
            found[await reader.read()] += 1
            writer.close()
    assert found.keys() == {b"a", b"b", b"c"}
    assert min(found.values()) > 75

    def shares(rules: list[str]) -> Iterator[Fraction]:
        rest = Fraction(1)
        for rule in rules:
            share = rest if rule == "unconditional" else rest * Fraction(rule)
            rest -= share
            yield share

    even = Where(lambda rules: list(shares(rules)) == [Fraction(1, len(found))] * len(found))
    expect(rule_probabilities=even, overall=Means("uniform 1/3 each, per new connection", min(found.values()) > 75))


async def answer(host: str | None, port: int | None) -> bytes:
    """Return the first byte of what a new connection says."""
    reader, _ = await asyncio.open_connection(host, port)
    return await reader.readexactly(1)


@pytest.mark.case("proxy.none")
async def test_without_an_endpoint_a_connection_is_rejected(expect: Expect) -> None:
    web = service((80, None))
    async with network() as made:
        await made.open([web])
        made.publish(web, {80: []})
        url = urlsplit(made.url(web, web.ports[0]))
        with pytest.raises(ConnectionError) as refused:
            await answer(url.hostname, url.port)
    expect(new_connections=Means("rejected", isinstance(refused.value, ConnectionError)))

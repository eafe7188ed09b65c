"""`crashy proxy` beside a bare splice and HAProxy: requests a second, added latency, shaping, idle connections."""

from __future__ import annotations

import contextlib
import resource
import shutil
import socket
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

from benchmarks.environment import PYTHON
from benchmarks.probes import percentile
from benchmarks.servers import Server, crashy, serving
from benchmarks.table import Line, against, line
from benchmarks.throughput import ab, wrk

RUNS, TURNS = 7, 5  # of requests a second, which vary most; of all else
RATE, SECONDS = 500, 2.0
IDLE = 1000
SIZE = 2_000_000  # bytes, which take two seconds at 1 MB/s
DELAY = 0.1

DIRECT, TCP, HTTP = "direct", "crashy", "crashy --http"
SPLICE, HAPROXY, HAPROXY_HTTP = "bare splice", "HAProxy", "HAProxy, http"
RESPONDER = Server([PYTHON, "-m", "benchmarks.peers.responder", "{port}"])


def _crashy(upstream: int, *options: str) -> Server:
    return Server([PYTHON, "-m", "crashy", "proxy", "{port}", f"127.0.0.1:{upstream}", "--admin-port", "", *options])


def _proxies(upstream: int) -> dict[str, Server]:
    """Return the proxies that can be had here, before that port."""
    found = {
        TCP: _crashy(upstream),
        HTTP: _crashy(upstream, "--http"),
        SPLICE: Server([PYTHON, "-m", "benchmarks.peers.splice", "{port}", str(upstream)]),
    }
    if shutil.which("haproxy"):
        command = ["haproxy", "-db", "-f", str(Path(__file__).with_name("peers") / "haproxy.cfg")]
        for name, mode in ((HAPROXY, "tcp"), (HAPROXY_HTTP, "http")):
            found[name] = Server(command, {"PORT": "{port}", "UPSTREAM": str(upstream), "MODE": mode})
    return found


def _client(port: int) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", port), timeout=30)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return client


def _get(client: socket.socket, path: str = "/") -> float:
    """Ask by a kept connection; return the seconds until the whole response is there."""
    begin = time.perf_counter()
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n".encode())
    head, _, body = client.recv(1 << 16).partition(b"\r\n\r\n")
    left = int(head.lower().partition(b"content-length: ")[2].split()[0]) - len(body)
    while left > 0:
        left -= len(client.recv(1 << 16))
    return time.perf_counter() - begin


def _requests() -> Iterator[Line]:
    """Measure requests/s before two servers: the patient, and one so fast that the proxy is what is measured."""
    for what, server in (("the patient", crashy()), ("a bare responder", RESPONDER)):
        rate: dict[str, list[float]] = {}
        cost: dict[str, list[float]] = {}
        new: dict[str, list[float]] = {}
        with ExitStack() as stack:
            upstream = stack.enter_context(serving(server))
            proxies = {n: stack.enter_context(serving(one)) for n, one in _proxies(upstream.port).items()}
            for run in range(RUNS + 1):
                for name, one in {DIRECT: upstream, **proxies}.items():
                    found, spent = wrk(one, "/")
                    if run:  # the first is the warm-up
                        rate.setdefault(name, []).append(found)
                        cost.setdefault(name, []).append(spent)
                        if server is not RESPONDER and shutil.which("ab"):
                            new.setdefault(name, []).append(ab(one, "/"))
        figure, dear = f"requests/s before {what}, kept", f"CPU a request before {what}, kept"
        is_patient = server is not RESPONDER
        yield against(figure, rate, TCP, DIRECT, least=0.75 if is_patient else 0.4)
        yield against(figure, rate, HTTP, DIRECT, least=0.5 if is_patient else 0.15)
        yield against(figure, rate, TCP, SPLICE, least=0.9)
        yield against(figure, rate, HTTP, SPLICE, least=0.6 if is_patient else None)
        yield against(dear, cost, TCP, SPLICE, note="steadier than requests/s; 1 / 0.9 is 1.11")
        yield against(dear, cost, HTTP, SPLICE)
        if HAPROXY in rate:
            yield against(figure, rate, TCP, HAPROXY, least=0.5)
            yield against(figure, rate, HTTP, HAPROXY_HTTP)
            yield against(dear, cost, TCP, HAPROXY)
        yield from (line(f"{figure}: {name}", values, unit="/s") for name, values in rate.items())
        yield from (line(f"{dear}: {name}", values, unit="us") for name, values in cost.items())
        yield from (line(f"requests/s before {what}, new: {name}", values, unit="/s") for name, values in new.items())


def _latencies(*ports: int) -> list[list[float]]:
    """Ask each port 500 times a second, in turns; return its milliseconds from when a request was due."""
    found: list[list[float]] = [[] for _ in ports]
    with ExitStack() as stack:
        clients = [stack.enter_context(contextlib.closing(_client(port))) for port in ports]
        begin = ended = time.perf_counter()
        for number in range(int(RATE * SECONDS) * len(ports)):
            due, which = begin + number / RATE / len(ports), number % len(ports)
            waited = max(0.0, ended - due)  # for the response before it; a late wake-up is the client's own
            time.sleep(max(0.0, due - time.perf_counter()))
            found[which].append(1000 * (waited + _get(clients[which])))
            ended = time.perf_counter()
    return found


def _added() -> Iterator[Line]:
    """Measure what a proxy adds to the patient's latency, both asked in turns."""
    with serving(crashy()) as upstream:
        for name, server in _proxies(upstream.port).items():
            added: dict[str, list[float]] = {"p50": [], "p99": []}
            with serving(server) as proxy:
                for run in range(TURNS + 1):
                    through, direct = _latencies(proxy.port, upstream.port)
                    if run:
                        added["p50"].append(percentile(through, 0.5) - percentile(direct, 0.5))
                        added["p99"].append(percentile(through, 0.99) - percentile(direct, 0.99))
            for (share, values), most in zip(added.items(), (0.3, 2.0), strict=True):
                bound = most if name in (TCP, HTTP) else None
                yield line(f"added latency at {RATE}/s, {share}: {name}", values, unit="ms", most=bound)


def _shaped() -> Iterator[Line]:
    """Measure a bandwidth and a delay against what was asked."""
    with serving(RESPONDER) as upstream:
        for name, options in ((TCP, ()), (HTTP, ("--http",))):
            fault = f"bandwidth rate={SIZE // 2}"
            with serving(_crashy(upstream.port, "--fault", fault, *options)) as proxy:
                took = []
                for _ in range(3):
                    with contextlib.closing(_client(proxy.port)) as client:
                        took.append(_get(client, f"/{SIZE}"))
            errors = [100 * abs(SIZE / seconds / (SIZE / 2) - 1) for seconds in took]
            yield line(f"bandwidth 1 MB/s, error: {name}", errors, unit="%", most=3)
            slow = _crashy(upstream.port, "--fault", f"latency delay={1000 * DELAY:.0f}ms", *options)
            with serving(slow) as proxy, contextlib.closing(_client(proxy.port)) as client:
                late = [1000 * abs(_get(client) - DELAY) for _ in range(50)]
            figure, note = f"delay 100 ms, error of the p50: {name}", f"p99 {percentile(late, 0.99):.3g} ms"
            yield line(figure, [statistics.median(late)], unit="ms", most=3, note=note)


def _idle() -> Iterator[Line]:
    """Measure what a thousand connections that say nothing cost, and whether others feel them: two proxies in turns."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, 4 * IDLE), hard), hard))
    with serving(RESPONDER) as upstream:
        for name, server in _proxies(upstream.port).items():
            mine = name in (TCP, HTTP)
            rate: dict[str, list[float]] = {"1,000 idle beside": [], "none": []}
            with serving(server) as crowded, serving(server) as empty, ExitStack() as connections:
                for one in (crowded, empty):
                    wrk(one, "/")
                rest = crowded.memory()
                for _ in range(IDLE):
                    client = connections.enter_context(contextlib.closing(_client(crowded.port)))
                    _get(client)
                size = crowded.memory() - rest
                for _ in range(TURNS):
                    for kind, one in zip(rate, (crowded, empty), strict=True):
                        rate[kind].append(wrk(one, "/")[0])
            yield line(f"{IDLE:,} idle connections, above rest: {name}", [size], unit="MB", most=20 if mine else None)
            yield against(f"requests/s of others, {name}", rate, *rate, least=0.9 if mine else None)


def measure() -> list[Line]:
    """Measure all of it."""
    if not shutil.which("wrk"):
        return []
    parts: tuple[Callable[[], Iterator[Line]], ...] = (_requests, _added, _shaped, _idle)
    return [one for part in parts for one in part()]

"""Toxiproxy's own clients drive `crashy proxy`, as their users use them."""

from __future__ import annotations

import errno
import json
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.needs import need
from tests.server.proxies import Proxied, app
from tests.server.running import DEADLINE, until

pytestmark = [pytest.mark.timeout(120), pytest.mark.slow]


class Served(Proxied):
    """`crashy proxy --toxiproxy 0`, without a proxy of its own."""

    @classmethod
    def alone(cls, *flags: str) -> Served:
        return cls.start({}, "--toxiproxy", "0", *flags, command="proxy")

    @property
    def api(self) -> int:
        return int(self.line(r"Toxiproxy's API on http://127\.0\.0\.1:(\d+)/proxies")[1])


@pytest.fixture
def served() -> Iterator[Served]:
    running = Served.alone()
    yield running
    running.end()


@pytest.fixture
def upstream() -> Iterator[str]:
    with app() as port:
        yield f"127.0.0.1:{port}"


def got(listen: str) -> tuple[str, float]:
    """Return what a server behind a proxy answers, and after how many seconds."""
    host, _, port = listen.rpartition(":")
    began = time.monotonic()
    with socket.create_connection((host, int(port)), timeout=DEADLINE) as client:
        client.sendall(b"GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        text = client.recv(4096).decode()
    return text.partition("\r\n")[0], time.monotonic() - began


def refuses(listen: str) -> bool:
    """Return whether connections are refused."""
    host, _, port = listen.rpartition(":")
    with socket.socket() as client:
        return client.connect_ex((host, int(port))) == errno.ECONNREFUSED


@pytest.fixture
def python(served: Served) -> Any:
    """Return the client that PyPI has, pointed at our server."""
    library = pytest.importorskip("toxiproxy", reason="toxiproxy-python is not installed (requirements/dev.txt has it)")
    client = library.Toxiproxy()
    client.update_api_consumer("127.0.0.1", served.api)
    return client


def test_the_client_of_pypi_slows_a_proxy_and_takes_it_down(python: Any, upstream: str) -> None:
    proxy = python.create(upstream=upstream, name="test_mysql_master")
    assert python.running()
    assert json.loads(python.version()) == {"version": "2.12.0"}
    assert got(proxy.listen)[0] == "HTTP/1.1 200 OK"

    proxy.add_toxic(type="latency", attributes={"latency": 200})
    assert got(proxy.listen)[1] >= 0.2
    assert proxy.get_toxic("latency_downstream").attributes == {"latency": 200, "jitter": 0}
    proxy.destroy_toxic("latency_downstream")
    assert proxy.toxics() == {}

    with proxy.down(), pytest.raises(ConnectionRefusedError):
        got(proxy.listen)
    assert min(got(proxy.listen)[1] for _ in range(5)) < 0.2


def test_the_client_of_pypi_populates_finds_and_resets(python: Any, upstream: str) -> None:
    exceptions = pytest.importorskip("toxiproxy.exceptions")
    made = python.populate([{"name": name, "upstream": upstream, "listen": "127.0.0.1:0"} for name in ("one", "two")])

    assert [proxy.name for proxy in made] == ["one", "two"]
    assert set(python.proxies()) == {"one", "two"}
    assert python.get_proxy("none") is None
    with pytest.raises(exceptions.ProxyExists):
        python.create(upstream=upstream, name="one")
    with pytest.raises(exceptions.InvalidToxic):
        made[0].add_toxic(type="none")
    made[0].disable()
    made[0].add_toxic(type="latency", stream="upstream", toxicity=0.5)
    python.reset()
    assert got(made[0].listen)[0] == "HTTP/1.1 200 OK"
    assert made[0].toxics() == {}
    python.destroy_all()
    assert python.proxies() == {}


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install npm's client into a folder; skip the tests where that can't be."""
    npm, folder = need("npm"), tmp_path_factory.mktemp("npm")
    need("node")
    words = [npm, "install", "--prefix", str(folder), "--no-audit", "--no-fund", "toxiproxy-node-client@4.1.0"]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip("npm does not answer within 30 s")
    if done.returncode:
        pytest.skip(f"npm can't install toxiproxy-node-client: {done.stderr.strip().splitlines()[0]}")
    return folder


def node(modules: Path, script: str) -> Any:
    """Run a script where npm's client is installed; return the JSON that it prints."""
    done = subprocess.run(
        [need("node"), "-e", script], cwd=modules, capture_output=True, text=True, timeout=DEADLINE, check=True
    )
    return json.loads(done.stdout)


def test_the_example_of_npms_client_runs_as_it_is_written(modules: Path, served: Served, upstream: str) -> None:
    readme = (modules / "node_modules/toxiproxy-node-client/README.md").read_text()
    example = re.findall(r"(?s)```js\n(.*?)```", readme)[0]
    script = example.replace("localhost:8474", f"127.0.0.1:{served.api}").replace("redis:6379", upstream)

    toxic = node(modules, f"{script}\ntoxic.then((one) => console.log(JSON.stringify(one.toJson())));")

    assert toxic == {
        "attributes": {"rate": 1000},
        "name": "bandwidth_downstream",
        "stream": "downstream",
        "toxicity": 1,
        "type": "bandwidth",
    }


def test_npms_client_changes_and_removes_and_reads_why_not(modules: Path, served: Served, upstream: str) -> None:
    script = f"""
    const {{ Toxiproxy }} = require("toxiproxy-node-client");
    (async () => {{
      const server = new Toxiproxy("http://127.0.0.1:{served.api}");
      const seen = {{ version: JSON.parse(await server.getVersion()).version }};
      const made = await server.populate([
        {{ name: "one", listen: "localhost:0", upstream: "{upstream}" }},
        {{ name: "two", listen: "localhost:0", upstream: "{upstream}" }},
      ]);
      const body = {{ type: "latency", attributes: {{ latency: 1000, jitter: 100 }} }};
      const toxic = await made.one.addToxic(body);
      seen.twice = await made.one.addToxic(body).catch((error) => error.message);
      seen.changed = (await toxic.update({{ attributes: {{ latency: 12, jitter: 4 }} }})).attributes;
      seen.again = (await made.one.getToxic(toxic.name)).attributes;
      await toxic.remove();
      seen.none = await made.one.getToxic(toxic.name).catch((error) => error.message);
      const two = {{ enabled: false, listen: made.two.listen, upstream: "{upstream}" }};
      seen.down = (await made.two.update(two)).enabled;
      await server.reset();
      await made.one.remove();
      seen.left = Object.values(await server.getAll()).map((proxy) => [proxy.name, proxy.enabled]);
      console.log(JSON.stringify(seen));
    }})();
    """

    assert node(modules, script) == {
        "version": "2.12.0",
        "twice": "Request failed with status code 409",
        "changed": {"latency": 12, "jitter": 4},
        "again": {"latency": 12, "jitter": 4},
        "none": "Request failed with status code 404",
        "down": False,
        "left": [["two", True]],
    }


def test_faults_act_on_the_same_proxies_the_next_two_then_none(python: Any, served: Served, upstream: str) -> None:
    """Fail the next N, then recover: what Toxiproxy's issue 404 asks for."""
    proxy = python.create(upstream=upstream, name="one")
    proxy.add_toxic(type="latency", attributes={"latency": 50})
    served.inject("reset times=2")

    seen = []
    for _ in range(4):
        try:
            seen.append(got(proxy.listen)[0])
        except ConnectionResetError:
            seen.append("reset")

    assert seen == ["reset", "reset", "HTTP/1.1 200 OK", "HTTP/1.1 200 OK"]


def test_the_proxy_of_the_command_line_is_one_of_them() -> None:
    with app() as port:
        running = Served.before(port, "--toxiproxy", "0")
        try:
            library = pytest.importorskip("toxiproxy")
            client = library.Toxiproxy()
            client.update_api_consumer("127.0.0.1", running.api)
            (proxy,) = client.proxies().values()

            assert (proxy.name, proxy.listen) == ("proxy", f"127.0.0.1:{running.port}")
            proxy.add_toxic(type="limit_data", attributes={"bytes": 4})
            assert got(proxy.listen)[0] == "HTTP"
            running.inject("freeze mode=deaf clients=all")
            until(lambda: refuses(proxy.listen), "connections are refused")
            running.admin("DELETE", "faults")
            until(lambda: not refuses(proxy.listen), "connections are accepted again")
            assert got(proxy.listen)[0] == "HTTP"
        finally:
            running.end()


def test_what_is_wrong_with_the_command_line_is_one_line() -> None:
    for words in (["--toxiproxy", "x"], ["--toxiproxy", "0.0.0.0:0"], ["6380"], ["6380", "--toxiproxy", "0"], []):
        done = Served.start({}, *words, command="proxy")
        assert done.process.wait(DEADLINE) == 2
        done.end()
        assert len(done.lines) == 1, done.lines

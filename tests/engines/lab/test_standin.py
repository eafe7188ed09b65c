"""Other people's images in the lab: a real process that answers as a healthy app, and is as ill as it is made."""

from __future__ import annotations

import asyncio
import random
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest

from crashy.engines.lab.lab import LabEngine
from crashy.engines.lab.running import running
from crashy.engines.propagation import AT_ONCE
from crashy.objects.images import parse_command
from crashy.objects.manifests import Manifests
from crashy.timeline import Event, Timeline
from tests.docs_tables import ROOT
from tests.manifest.conftest import manifests

DEADLINE = 30.0
POD = """
apiVersion: v1
kind: Pod
metadata: {{name: web, labels: {{app: web}}, annotations: {{crashy/model: 'start=300ms drain={drain}'}}}}
spec:
  terminationGracePeriodSeconds: 5
  containers: [{{name: web, image: "example.org/web:1", {container}}}]
"""


def pod(container: str, *, drain: str = "100ms") -> Manifests:
    return manifests(POD.format(container=container, drain=drain))


class Lab:
    """A lab with one manifest, and what happened in it."""

    def __init__(self, engine: LabEngine, timeline: Timeline) -> None:
        self.engine = engine
        self._timeline = timeline

    @property
    def events(self) -> list[Event]:
        return [*self._timeline.since()]

    async def until(self, happened: Callable[[], object]) -> None:
        async with asyncio.timeout(DEADLINE):
            while not happened():  # noqa: ASYNC110 - it happens in other processes
                await asyncio.sleep(0.02)

    async def ready(self) -> None:
        await self.until(lambda: all(view.status.ready for view in self.engine.pods()))

    def count(self, reason: str, text: str = "") -> int:
        return sum(event.reason == reason and text in event.message for event in self.events)

    async def inject(self, fault: str) -> None:
        await self.engine.inject(self.engine.pods()[0].pod, fault)

    def logs(self) -> list[str]:
        return [event.message for event in self.events if event.kind == "log"]


@asynccontextmanager
async def lab(given: Manifests, folder: Path, images: dict[str, str] | None = None) -> AsyncIterator[Lab]:
    timeline = Timeline(time.monotonic)
    commands = {image: parse_command(text, str(folder)) for image, text in (images or {}).items()}
    rng = random.Random(1)
    at_once = {"propagation": AT_ONCE}
    async with running(timeline, labs=folder, note=lambda _: None, rng=rng, images=commands, **at_once) as engine:
        await engine.apply(given)
        yield Lab(engine, timeline)


@pytest.mark.parametrize(
    "probe",
    [
        "httpGet: {path: /any/path, port: 9000}",
        "httpGet: {path: /any/path, port: 9000, scheme: HTTPS}",
        "tcpSocket: {port: 9000}",
        "grpc: {port: 9000, service: any}",
        "exec: {command: [no-such-client]}",
    ],
)
async def test_every_probe_is_answered(probe: str, tmp_path: Path) -> None:
    probes = f"readinessProbe: {{{probe}, periodSeconds: 1}}, livenessProbe: {{{probe}, periodSeconds: 1}}"
    async with lab(pod(probes), tmp_path) as one:
        await one.ready()

        assert one.engine.pods()[0].status.containers[0].restart_count == 0


@pytest.mark.parametrize(
    "probe",
    [
        "httpGet: {path: /any/path, port: 9000}",
        "grpc: {port: 9000, service: any}",
        "exec: {command: [no-such-client]}",
    ],
)
async def test_a_fault_of_one_probe_leaves_another_that_asks_the_same(probe: str, tmp_path: Path) -> None:
    slow = f"livenessProbe: {{{probe}, periodSeconds: 1, initialDelaySeconds: 3, failureThreshold: 1}}"
    async with lab(pod(f"readinessProbe: {{{probe}, periodSeconds: 1, failureThreshold: 1}}, {slow}"), tmp_path) as one:
        await one.ready()
        await one.inject("unready")
        await one.until(lambda: not one.engine.pods()[0].status.ready)
        await one.engine.recover(one.engine.pods()[0].pod)
        await one.ready()
        assert not one.count("Unhealthy", "Liveness")

        await one.inject("unlive")
        await one.until(lambda: one.count("Unhealthy", "Liveness"))


@pytest.mark.parametrize("fault", ["crash", "freeze", "error clients=kubelet", "latency clients=kubelet delay=5s"])
async def test_it_takes_the_faults_of_a_process(fault: str, tmp_path: Path) -> None:
    probe = "{httpGet: {path: /healthy, port: 80}, periodSeconds: 1, failureThreshold: 2}"
    async with lab(pod(f"readinessProbe: {probe}, livenessProbe: {probe}"), tmp_path) as one:
        await one.ready()
        await one.inject(fault)
        await one.until(lambda: one.engine.pods()[0].status.containers[0].restart_count == 1)
        await one.ready()


async def test_it_takes_sigterm_and_ends_after_its_drain(tmp_path: Path) -> None:
    async with lab(pod("readinessProbe: {tcpSocket: {port: 80}, periodSeconds: 1}", drain="2s"), tmp_path) as one:
        await one.ready()
        began = time.monotonic()
        one.engine.delete(one.engine.pods()[0].pod)
        await one.until(lambda: one.count("Exited"))

    (exited,) = [event for event in one.events if event.reason == "Exited"]
    assert exited.data["exit_code"] == 0
    assert time.monotonic() - began >= 2


async def test_its_simple_commands_do_what_they_say(tmp_path: Path) -> None:
    given = pod(
        'command: [sh, -c, "touch /tmp/ok; no-such-server"], '
        "readinessProbe: {exec: {command: [sh, -c, 'cat /tmp/ok && rm /tmp/ok']}, periodSeconds: 1}"
    )
    async with lab(given, tmp_path) as one:
        await one.until(lambda: one.count("Unhealthy", "cat: /tmp/ok: No such file or directory"))

        await one.until(lambda: any("standing in for example.org/web:1" in line for line in one.logs()))


SERVED = (ROOT / "tests/nginx.yaml").read_text()


async def test_an_image_that_is_a_command_serves_from_its_folder_on_each_pods_own_address(tmp_path: Path) -> None:
    (tmp_path / "hello.txt").write_text("hello\n")
    given = manifests(SERVED)
    async with lab(given, tmp_path, {"nginx": "python3 -m http.server 8000"}) as one:
        await one.ready()
        url = one.engine.url(given.services[0], given.services[0].ports[0])
        with await asyncio.to_thread(urlopen, f"{url}/hello.txt") as response:
            assert response.read() == b"hello\n"
        await one.inject("crash")
        await one.until(lambda: one.count("Exited"))

        assert [event.data["exit_code"] for event in one.events if event.reason == "Exited"] == [137]


async def test_a_manifests_own_python_program_has_each_pods_own_address_too(tmp_path: Path) -> None:
    command = 'image: nginx:1.27, command: [sh, -c, "echo ${HOST-none} > index.html; exec python3 -m http.server 8000"]'
    given = manifests(SERVED.replace("image: nginx:1.27", command.replace(", ", "\n          ", 1)))
    async with lab(given, tmp_path) as one:
        await one.ready()
        url = one.engine.url(given.services[0], given.services[0].ports[0])
        with await asyncio.to_thread(urlopen, url) as response:
            assert response.read() == b"none\n", "it has the variables of its manifest and no others"


async def test_a_program_whose_address_another_pod_has_is_told_to_listen_on_its_own(tmp_path: Path) -> None:
    script = "echo 'bind: address already in use' >&2; exec python3 -c 'exit(1)'"
    async with lab(pod(f'command: [sh, -c, "{script}"]'), tmp_path) as one:
        await one.until(lambda: one.count("AddressInUse", "listen on its pod's own address"))


async def test_users_get_a_page_and_https_where_it_is_asked(tmp_path: Path) -> None:
    given = manifests(SERVED.replace("{port: 8000}, periodSeconds", "{port: 8000, scheme: HTTPS}, periodSeconds"))
    async with lab(given, tmp_path) as one:
        await one.ready()
        url = one.engine.url(given.services[0], given.services[0].ports[0]).replace("http:", "https:")
        trusting = ssl.create_default_context()
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
        with await asyncio.to_thread(urlopen, url, context=trusting) as response:
            assert b"stands in for nginx:1.27" in response.read()

"""Labs with apps that are not crashy's, for faults from outside: programs of several processes, as servers are."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from crashy.controllers.base import PodView
from crashy.engines.lab import running as running_module
from crashy.engines.lab.cgroups import Cgroups
from crashy.engines.lab.lab import LabEngine
from crashy.engines.lab.running import running
from crashy.engines.propagation import AT_ONCE
from crashy.objects.manifests import Manifests
from crashy.timeline import Event, Timeline
from crashy.traffic.connection import Reply
from tests.manifest.conftest import manifests

DEADLINE = 20.0

SERVER = """
import http.server, os, sys

class Page(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = b"here I am\\n"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer((os.environ["POD_IP"], int(sys.argv[1])), Page)
for _ in range(int(sys.argv[2])):  # workers that share the listener, as those of gunicorn and nginx do
    if os.fork() == 0:
        break
server.serve_forever()
"""
"""A web server with some processes: its port, and how many more than one."""


def app(*command: str, **values: Any) -> dict[str, Any]:
    """Return the manifest of a container that runs a program of its own, by default one of three processes."""
    return {
        "name": "app",
        "image": "example.org/app:1",
        "command": list(command or ("python3", "-c", SERVER, "8080", "2")),
        "env": [{"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}],
        **values,
    }


def served(*containers: dict[str, Any], **values: Any) -> Manifests:
    """Return a pod with such containers, which are never waited for at its end, and its Service."""
    spec = {"terminationGracePeriodSeconds": 0, "containers": [*containers], **values}
    ports = [{"port": 80, "targetPort": 8080}]
    objects = (
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "labels": {"app": "web"}}, "spec": spec},
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "web"},
            "spec": {"selector": {"app": "web"}, "ports": ports},
        },
    )
    return manifests("\n---\n".join(map(json.dumps, objects)))


class Lab:
    """A lab with one pod and a Service, and what happens in it."""

    def __init__(self, engine: LabEngine, timeline: Timeline, given: Manifests) -> None:
        self.engine = engine
        self.timeline = timeline
        self._given = given

    @property
    def view(self) -> PodView:
        return self.engine.pods()[0]

    @property
    def exit_codes(self) -> list[int]:
        return [event.data["exit_code"] for event in self.events("Exited")]

    @property
    def restarts(self) -> int:
        return sum(one.restart_count for one in self.view.status.containers)

    def events(self, reason: str, text: str = "") -> list[Event]:
        return [event for event in self.timeline.since() if event.reason == reason and text in event.message]

    def faults(self) -> list[tuple[str, str]]:
        return [(event.reason, event.message) for event in self.timeline.since() if event.kind == "fault"]

    async def until(self, happened: Callable[[], object]) -> None:
        async with asyncio.timeout(DEADLINE):
            while not happened():  # noqa: ASYNC110 - it happens in other processes
                await asyncio.sleep(0.01)

    async def ready(self) -> None:
        await self.until(lambda: self.view.status.ready)

    async def answers(self) -> None:
        async with asyncio.timeout(DEADLINE):
            while (await self.ask(1.0)).status != 200:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.01)

    async def inject(self, spec: str, container: str = "") -> None:
        await self.engine.inject(self.view.pod, spec, container)

    async def recover(self, which: str = "all") -> None:
        await self.engine.recover(self.view.pod, which)

    async def ask(self, timeout: float = 5.0, path: str = "/", *, ingress: bool = False) -> Reply:
        """Send a user's request through the Service, or an ingress."""
        service = self._given.services[0]
        return await self.engine.ask(service, service.ports[0], path, timeout, ingress=ingress)

    @property
    def url(self) -> str:
        """Return where users find the Service."""
        service = self._given.services[0]
        return self.engine.url(service, service.ports[0])

    def processes(self) -> list[int]:
        """Return the processes of all containers."""
        return [pid for one in self.engine._runtime._running.values() for pid in one.processes()]


@asynccontextmanager
async def lab(given: Manifests, folder: Path) -> AsyncIterator[Lab]:
    """Run a lab that its pods have started in."""
    timeline = Timeline(time.monotonic)
    at_once = {"propagation": AT_ONCE}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(running_module, "END_GRACE", 0.0)
        async with running(timeline, labs=folder, note=lambda _: None, rng=random.Random(1), **at_once) as engine:
            await engine.apply(given)
            one = Lab(engine, timeline, given)
            await one.until(one.processes)
            yield one


def no_cgroups(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have labs find no control groups that they may write."""
    monkeypatch.setattr(Cgroups, "find", lambda note: Cgroups(None, "this system has no cgroups", note))

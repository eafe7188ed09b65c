"""One pod that takes faults, is probed and used; what is seen of it."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from crashy.engines.admin import NotDoneError
from crashy.faults.base import Fault, parse_spec
from crashy.faults.probed import KINDS, Probed
from crashy.faults.scope import Way
from crashy.kubelet.events import probe_event
from crashy.kubelet.runtime import Exited, HookError, Pod, Runtime
from crashy.kubelet.versions import PROFILES
from crashy.objects.pod import HTTPGet, PodTemplate, ProbeType, parse_pod_template
from crashy.traffic.connection import Reply

PROFILE = PROFILES["1.32"]
DEADLINE = 20.0
_ASKED = {
    "readiness": ("/readyz", "readiness", "is_ready"),
    "liveness": ("/livez", "liveness", "is_healthy"),
    "startup": ("/startupz", "startup", "is_started"),
}
ENV: dict[str, str] = {"GRPC_PORT": "9000"}
"""The patient's settings."""
PATIENCE = 1.0
"""The seconds that a user waits for an answer, as long as a probe does."""
_LATE = 0.25
_FILES = " ".join(f"/app/{file}" for _, _, file in _ASKED.values())
_APP = Path(__file__).with_name("foreign_app.py")
"""The app of a container that runs a program of its own."""


class Seen(NamedTuple):
    """What is seen of a fault: what each kind of probe says, and what a user feels, nothing of an answer as ever."""

    probed: Probed
    user: str = ""


def template(way: Way, asked: str = "http") -> PodTemplate:
    """Return the template of a pod that takes faults in this way, with probes that ask by `asked`."""
    container: dict[str, Any] = {
        "name": "app",
        "ports": [{"name": "web", "containerPort": 8080}],
        "resources": {"limits": {"memory": "256Mi"}},
        **{f"{kind}Probe": _probe(asked, *of) for kind, of in _ASKED.items()},
    }
    spec: dict[str, Any] = {"containers": [container]}
    if way == "inside":
        env = [{"name": name, "value": value} for name, value in ENV.items()]
        container |= {"image": "crashy-app", "env": env}
    else:
        spec["volumes"] = [{"name": "files", "emptyDir": {}}]
        container |= {
            "image": "python",
            "command": ["sh", "-c", f"touch {_FILES}; exec {sys.executable} {_APP}"],
            "env": [{"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}],
            "volumeMounts": [{"name": "files", "mountPath": "/app"}],
        }
    return parse_pod_template({"metadata": {"name": "web"}, "spec": spec}, path="")


def _probe(asked: str, path: str, service: str, file: str) -> dict[str, Any]:
    match asked:
        case "http":
            return {"httpGet": {"port": 8080, "path": path}}
        case "grpc":
            return {"grpc": {"port": 9000, "service": service}}
        case "tcp":
            return {"tcpSocket": {"port": 8080}}
    return {"exec": {"command": ["cat", f"/app/{file}"]}}


def probe_of(fault: type[Fault]) -> ProbeType:
    """Return the probe that a fault is about: the one that is its target, else readiness."""
    return ProbeType(fault.target) if fault.target in _ASKED else ProbeType.READINESS


def felt(reply: Reply, seconds: float, healthy: bytes) -> str:
    """Return what a user feels of an answer that came after so long, if it isn't the healthy one at once."""
    if reply.failure:
        return reply.failure
    parts = [str(reply.status)] if reply.status != 200 else []
    if reply.body != healthy and reply.status == 200:
        parts.append("another body")
    if seconds > _LATE:
        parts.append("late")
    return ", ".join(parts)


class Gate(Protocol):
    """The admin API of a pod's patient."""

    async def inject(self, pod: Pod, spec: str) -> None:
        """Inject; raises NotDoneError."""

    async def recover(self, pod: Pod) -> None:
        """Recover from all faults; raises NotDoneError."""


Ask = Callable[[Pod, str], Awaitable[Reply]]
"""Asks a pod's app as a user does, for a path."""


class ProbedPod:
    """A pod that runs, or has ended and can be started again; it is probed by these `kinds` of handlers."""

    def __init__(
        self, runtime: Runtime, gate: Gate, ask: Ask, pod: Pod, way: Way, kinds: Sequence[str] = KINDS
    ) -> None:
        self._runtime = runtime
        self._gate = gate
        self._ask = ask
        self._pod = pod
        self._container = pod.template.containers[0]
        one = len(kinds) == 1  # then the pod's own container has the probes
        self._asked = {kind: self._container if one else template(way, kind).containers[0] for kind in kinds}
        self._healthy = b""
        self._id = ""
        self._attempt = 0
        self._exited: asyncio.Future[int]

    async def start(self) -> None:
        """Start its container, and wait until it serves."""
        self._exited = exited = asyncio.get_running_loop().create_future()

        def on_exit(one: Exited) -> None:
            exited.set_result(one.exit_code)

        self._id = await self._runtime.start(self._pod, self._container, self._attempt, on_exit)
        self._attempt += 1
        await self._until(ProbeType.READINESS, Seen(Probed()), users=False)
        await self._until_served()

    async def _until_served(self) -> None:
        """Wait until users are served: a command passes before."""
        while True:
            reply = await self._ask(self._pod, "/")
            if not reply.failure:
                self._healthy = reply.body
                return
            await asyncio.sleep(0.02)

    async def says(self, probe: ProbeType, kind: str) -> str:
        """Return what one probe says, as `Probed` has it, or what a user feels."""
        loop = asyncio.get_running_loop()
        if kind == "user":
            began = loop.time()
            return felt(await self._ask(self._pod, "/"), loop.time() - began, self._healthy)
        container = self._asked[kind]
        asked = container.probe(probe)
        assert asked is not None
        event = probe_event(probe, await self._runtime.probe(self._pod, container, self._id, asked), PROFILE)
        name = probe.value.capitalize()
        return self._said(event.text.removeprefix(f"{name} probe ").removeprefix("failed: ") if event else "")

    def _said(self, text: str) -> str:
        text = text.replace(self._pod.ip, "POD").rstrip("\n")
        return re.sub(r"read tcp [^ ]+->", "read tcp NODE->", text)

    async def _until(self, probe: ProbeType, expected: Seen, *, users: bool = True) -> Seen:
        """Ask until all say what is expected, for some seconds; return what they said last.

        Those that are to succeed are asked once the others fail: a fault acts a moment after its injection.
        """
        wanted = {kind: getattr(expected.probed, kind) for kind in self._asked}
        if users:
            wanted["user"] = expected.user
        said: dict[str, str] = {}

        async def ask(kind: str) -> None:
            deadline = asyncio.get_running_loop().time() + DEADLINE
            while (got := await self.says(probe, kind)) != wanted[kind]:
                if asyncio.get_running_loop().time() > deadline or self._exited.done():
                    break
                await asyncio.sleep(0.02)
            said[kind] = got

        for fails in (True, False):
            await asyncio.gather(*(ask(kind) for kind, text in wanted.items() if bool(text) is fails))
        user = said.pop("user", "")
        return Seen(Probed(**said), user)

    async def with_fault(self, spec: str, expected: Seen) -> Seen:
        """Inject a fault; return what is seen of it. Afterwards the app is as it was; raises NotDoneError."""
        await self._gate.inject(self._pod, spec)
        if expected.probed.exits is not None:
            async with asyncio.timeout(DEADLINE):
                code = await self._exited
            await self.start()
            return Seen(Probed(exits=code))
        probe = probe_of(type(parse_spec(spec)))
        seen = await self._until(probe, expected)
        await self._recover()
        after = await self._until(probe, Seen(Probed()))
        assert after == Seen(Probed()), f"{spec}: after its end"
        return seen

    async def hook_with_fault(self, spec: str, hook: HTTPGet, within: float) -> str | None:
        """Run a hook while a fault is active; return why it fails, empty if it doesn't, None if it waits on."""
        await self._gate.inject(self._pod, spec)
        try:
            async with asyncio.timeout(within):
                await self._runtime.hook(self._pod, self._container, self._id, hook)
        except HookError as error:
            return self._said(str(error))
        except TimeoutError:
            return None
        finally:
            await self._recover()
        return ""

    async def _recover(self) -> None:
        """Recover as soon as that can be: a stopped process takes no request."""
        async with asyncio.timeout(DEADLINE):
            while True:
                try:
                    return await self._gate.recover(self._pod)
                except NotDoneError:
                    await asyncio.sleep(0.1)


class FourPods:
    """Pods alike, each probed by one kind of handler, where a model must know its probes before."""

    def __init__(self, pods: Mapping[str, ProbedPod]) -> None:
        self._pods = pods

    async def start(self) -> None:
        """Start all."""
        for pod in self._pods.values():
            await pod.start()

    async def with_fault(self, spec: str, expected: Seen) -> Seen:
        """Inject a fault into each; see `ProbedPod.with_fault`."""
        seen = {kind: await pod.with_fault(spec, expected) for kind, pod in self._pods.items()}
        first = next(iter(seen.values()))
        if first.probed.exits is not None:
            return first
        said = {kind: getattr(one.probed, kind) for kind, one in seen.items()}
        return Seen(Probed(**said), ", ".join({one.user for one in seen.values()}))

"""What the node asks of the containers in a lab: probes and hooks, through the gates of faults from outside."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from crashy.engines.lab import standin
from crashy.engines.lab.outside_faults import OutsideFaults
from crashy.kubelet.handlers.ask import ask
from crashy.kubelet.handlers.dial import Dial
from crashy.kubelet.handlers.exec import ExecResult
from crashy.kubelet.handlers.hooks import run_http_hook
from crashy.kubelet.outcome import Outcome
from crashy.kubelet.runtime import Pod
from crashy.kubelet.versions import Profile
from crashy.objects.pod import Container, HTTPGet, Probe, ProbeType
from crashy.objects.ports import find_port

_LOCALHOST = {"localhost", "127.0.0.1", "::1"}

Run = Callable[[tuple[str, ...], float, ProbeType | None], Awaitable[ExecResult]]
"""Runs a command in a container, for at most so many seconds, for a probe or for none."""


class Prober:
    """Asks containers, whose addresses `dial` resolves, as the kubelet of `profile` does."""

    def __init__(self, dial: Dial, outside: OutsideFaults, profile: Profile) -> None:
        self._dial = dial
        self._outside = outside
        self._profile = profile

    async def probe(self, pod: Pod, container: Container, probe: Probe, run: Run, *, stand_in: bool) -> Outcome:
        """Probe a container once; a `stand_in` is told which of its probes asks."""
        kind = next((kind for kind in ProbeType if container.probe(kind) is probe), None)
        asked = standin.marked(container, kind) if stand_in and kind else probe

        async def execute(command: tuple[str, ...], timeout: float) -> ExecResult:
            return await run(command, timeout, kind)

        faulted = self._outside.of(pod, container)
        async with faulted.probing(self._dial_of(pod), probe, kind) as dial:
            return await ask(asked, container, host=pod.ip, run=execute, dial=dial, profile=self._profile)

    async def hook(self, pod: Pod, container: Container, handler: HTTPGet) -> str:
        """Run an httpGet hook; raises PortError, and HookError if it fails."""
        port = find_port(container, handler.port)
        async with self._outside.of(pod, container).probing(self._dial_of(pod)) as dial:
            return await run_http_hook(handler, host=pod.ip, port=port, dial=dial, profile=self._profile)

    def _dial_of(self, pod: Pod) -> Dial:
        """Return how a pod is dialled: on the node's network it is the node's localhost too."""
        if not pod.template.host_network:
            return self._dial
        return lambda host, port: self._dial(pod.ip if host in _LOCALHOST else host, port)

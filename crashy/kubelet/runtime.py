"""The runtime of a pod's containers: all that the driver needs from an engine.

`engines/lab` starts real processes behind this protocol, `engines/sim` models; the driver above them is the same code.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from crashy.kubelet.outcome import Outcome
from crashy.objects.pod import Container, Exec, HTTPGet, PodTemplate, Probe


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod bound to this node: its identity, its address and what to run. `created_at` is in seconds of the loop."""

    name: str
    namespace: str
    uid: str
    ip: str
    template: PodTemplate
    created_at: float = 0.0

    @property
    def object(self) -> str:
        """Return the pod's name as kubectl writes it: `pod/web-1`."""
        return f"pod/{self.name}"


@dataclass(frozen=True, slots=True)
class Exited:
    """A container's process has ended: exit code (128 + signal for a death by signal) and the loop's time of it.

    `reason` is the runtime's, where it has one (`OOMKilled`); without one the exit code gives it.
    """

    container_id: str
    exit_code: int
    finished_at: float
    message: str = ""
    reason: str = ""


LOST_EXIT_CODE = 255
LOST_REASON = "Unknown"
"""How containerd reports a container that has ended with its machine (internal/cri/server/restart.go)."""


class StartError(Exception):
    """A container can't be started: the runtime's message, as it appears after `Error: ` in the `Failed` event."""


class HookError(Exception):
    """A lifecycle hook failed: the text is the runtime's or the handler's, `output` what a command has written."""

    def __init__(self, error: str, output: str = "") -> None:
        super().__init__(error)
        self.output = output


class Runtime(Protocol):
    """Starts, stops and probes containers; one runtime serves the pods of one node.

    Every method may be cancelled at any await; the engine's `close` ends what a cancelled `start` has begun.
    """

    async def start(self, pod: Pod, container: Container, attempt: int, on_exit: Callable[[Exited], None]) -> str:
        """Start a container and return its id, unique on this node.

        `attempt` is its restart count (0 at first). `on_exit` is called exactly once, in the loop's thread, when
        it has ended for whatever reason, before a `stop` that ended it returns. Raises StartError.
        """

    async def stop(self, container_id: str, grace: float) -> None:
        """Send SIGTERM and, after `grace` seconds, SIGKILL; return when it has ended, perhaps before the call."""

    def resize(self, container: Container, container_id: str) -> bool:
        """Change the CPU and memory of a running container; return whether that could be done."""

    async def probe(self, pod: Pod, container: Container, container_id: str, probe: Probe) -> Outcome:
        """Probe once, within `probe.timeout_seconds`; every failure is an Outcome, never an exception."""

    async def hook(self, pod: Pod, container: Container, container_id: str, handler: Exec | HTTPGet) -> str:
        """Run a preStop or postStart handler to its end; the driver bounds its time. Raises HookError.

        Return the `host:port` that answered TLS in plain HTTP and was asked again without, else an empty text.
        """

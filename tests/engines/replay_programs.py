"""What the Python programs in the scenarios' manifests do, on a sim that runs no programs."""

from __future__ import annotations

import re
from dataclasses import dataclass

from crashy.engines.sim.process import OOM_KILLED, Broken, Condition, Kernel, Plan, Process, Refuse
from crashy.faults.scope import Client
from crashy.kubelet.handlers.judge import HTTP_TO_HTTPS, NOT_TLS
from crashy.kubelet.runtime import Pod
from crashy.objects.limits import limits
from crashy.objects.pod import Container, Handler, HTTPGet, TCPSocket

_PORT = 8080
_DEAF = 0.1  # seconds that Python takes to its handler of SIGTERM, which is ignored by a first process without one
_PYTHON = 8  # mebibytes of its own
_BOOT = 0.1  # seconds of its start
_SHORT, _LONG = 2.0, 60.0
_STARTS = 3


def its_program(plan: Plan, pod: Pod, container: Container, attempt: int) -> Plan:
    """Return the plan of a container's own program, or that of the sim where it isn't one of Python: begun at once."""
    text = " ".join(container.command)
    if "JOB_COMPLETION_INDEX" in text:
        index = pod.template.labels["batch.kubernetes.io/job-completion-index"]
        if "!= 1" in text:
            return _Ending(plan, 1.0, int(index == "1"))
        return _Ending(plan, _SHORT if index == "0" else _LONG, 0)
    if "ls /d|wc -l" in text:  # it counts its starts in a volume
        return _Ending(plan, 1.0, 42 if attempt < _STARTS else 0)
    if match := re.search(r"sleep\((\d+)\).*bytearray\((\d+)<<20\)\); time.sleep\(([.\d]+)\)", text, re.DOTALL):
        return _Growing(plan, container, *map(float, match.groups()), in_shell=container.command[0] == "sh")
    return _Serving(plan, "http.server" in text) if re.match(r"python .*8080", text, re.DOTALL) else _AtOnce(plan)


@dataclass(frozen=True)
class _AtOnce:
    plan: Plan
    start_seconds: float = 0.0

    @property
    def start_error(self) -> str:
        return self.plan.start_error

    def begin(self, kernel: Kernel) -> Process:
        return self.plan.begin(kernel)


@dataclass(frozen=True)
class _Ending:
    """A program that ends after so many seconds with that code, and has no handler of SIGTERM."""

    plan: Plan
    seconds: float
    code: int
    start_error: str = ""
    start_seconds: float = 0.0

    def begin(self, kernel: Kernel) -> Process:
        kernel.call_at(kernel.now() + self.seconds, lambda: kernel.exit(self.code))
        return _Deaf()


@dataclass(frozen=True)
class _Growing:
    """Python that waits, and then takes so many mebibytes at once again and again, until the kernel kills it.

    In a shell that lives on (on cgroup v1, as on the recorded node), the container ends a second later with the shell's
    own exit code, and for the kernel's reason all the same.
    """

    plan: Plan
    container: Container
    waits: float
    size: float
    every: float
    in_shell: bool
    start_error: str = ""
    start_seconds: float = 0.0

    def begin(self, kernel: Kernel) -> Process:
        left = (limits(self.container).memory or 0) / (1 << 20) - _PYTHON
        code, reason = OOM_KILLED
        at = kernel.now() + _BOOT + self.waits + left / self.size * self.every
        if self.in_shell:
            code, at = 3, at + 1.0
        kernel.call_at(at, lambda: kernel.exit(code, reason))
        return _Deaf()


class _Deaf:
    def listens(self, port: int) -> bool:
        return False

    async def respond(self, handler: Handler, port: int, within: float, client: Client) -> Condition:
        return Refuse()

    def terminate(self) -> None:
        pass

    def ended(self) -> None:
        pass


@dataclass(frozen=True)
class _Serving:
    """An HTTP server on one port; Python's own answers a TLS hello with what no client takes for HTTP."""

    plan: Plan
    pythons_own: bool
    start_error: str = ""
    start_seconds: float = 0.0

    def begin(self, kernel: Kernel) -> Process:
        return _Server(self.plan.begin(kernel), kernel, kernel.now() + _DEAF, self.pythons_own)


@dataclass(frozen=True)
class _Server:
    process: Process
    kernel: Kernel
    hears: float
    pythons_own: bool

    def listens(self, port: int) -> bool:
        return port == _PORT

    async def respond(self, handler: Handler, port: int, within: float, client: Client) -> Condition:
        if not isinstance(handler, HTTPGet):
            return await self.process.respond(handler, port, within, client)
        if port != _PORT:
            return Refuse()
        if handler.scheme == "HTTPS":
            return Broken(NOT_TLS if self.pythons_own else HTTP_TO_HTTPS)
        return await self.process.respond(TCPSocket(port), port, within, client)  # it answers as soon as it is asked

    def terminate(self) -> None:
        if self.kernel.now() >= self.hears:
            self.process.terminate()

    def ended(self) -> None:
        self.process.ended()

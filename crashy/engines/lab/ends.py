"""How a patient's life has ended, told to its next life: what it can't know from inside, the lab knows exactly."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from crashy.engines.lab.program import Program
from crashy.kubelet.runtime import LOST_REASON, Exited, Pod
from crashy.objects.pod import Container
from crashy.patient.lives import END_FILE, How, signal_name, tell
from crashy.timeline import Event, Timeline, kinds

OOM_KILLED = "OOMKilled"
"""As containerd says it of a container in which the kernel has killed any process for it."""
_KILLED = 137


class Ends:
    """Writes how each life of a patient has ended; on the timeline it reads why the kubelet kills containers."""

    def __init__(self, timeline: Timeline) -> None:
        self._why: dict[tuple[str, str, str], str] = {}
        self._evicted: set[tuple[str, str]] = set()
        timeline.subscribe(self._note, exclude=(kinds.LOG, kinds.PROBE, kinds.REQUEST, kinds.PROCESS))

    def _note(self, event: Event) -> None:
        pod = (str(event.data.get("namespace")), event.object)
        if event.kind == kinds.EVENT and event.reason == "Killing" and "container" in event.data:
            self._why[*pod, event.data["container"]] = event.message
        elif event.kind == kinds.CONDITION and event.data["condition"] == "DisruptionTarget":
            self._evicted.add(pod)
        elif event.kind == kinds.POD and event.reason == "Deleted":
            self._evicted.discard(pod)

    def reporting(
        self, pod: Pod, container: Container, program: Program, on_exit: Callable[[Exited], None]
    ) -> Callable[[Exited], None]:
        """Return what tells of a container's end before `on_exit`."""

        def report(exited: Exited) -> None:
            why = self._why.pop((pod.namespace, pod.object, container.name), "")
            if file := program.environ.get(END_FILE):
                how, text = end(exited, why, evicted=(pod.namespace, pod.object) in self._evicted)
                with suppress(OSError):  # the folder is the patient's
                    Path(file).write_bytes(tell(how, text, exited.exit_code, time.time()))
            on_exit(exited)

        return report


def end(exited: Exited, why: str, *, evicted: bool) -> tuple[How, str]:
    """Return how a container has ended, and that in words; `why` is the message of its event Killing, if it has one."""
    code = f"exit code {exited.exit_code}"
    if exited.reason == OOM_KILLED:
        return "oom", f"was killed for want of memory (OOMKilled, {code})"
    if exited.reason == LOST_REASON:
        return "killed", f"was lost with its node ({code})"
    if why:
        code = f"SIGKILL after its grace period, {code}" if exited.exit_code == _KILLED else code
        return "killed", f"was {'evicted' if evicted else 'killed'}: {why} ({code})"
    if name := signal_name(exited.exit_code - 128):
        return "signal", f"was killed by {name} ({code})"
    return "exit", f"exited with code {exited.exit_code}"

"""A run as plain lines: one for each thing that changed, for logs and pipes."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from crashy.engines.base import Engine
from crashy.kubectl.tables import columns_of, one_line
from crashy.objects.durations import human_duration
from crashy.timeline import Event, kinds

_REPORTED = {"NewReplicaSetAvailable", "ProgressDeadlineExceeded", "DeploymentPaused", "DeploymentResumed"}


def repeated(event: Event) -> str:
    """Return ` (x3 over 2s)` for an event that was seen before, nothing for a first one."""
    count = event.data.get("count", 1)
    return f" (x{count} over {human_duration(round(event.data['over']))})" if count > 1 else ""


@dataclass(slots=True)
class _Second:
    """The requests that ended within one second of the run."""

    start: int
    requests: int = 0
    failures: Counter[str] = field(default_factory=Counter)


class PlainView:
    """Turns a timeline's events into lines for `write`; it is a subscriber of the timeline."""

    def __init__(self, engine: Engine, write: Callable[[str], None]) -> None:
        self._engine = engine
        self._write = write
        self._pods: dict[str, tuple[str, ...]] = {}
        self._serving: dict[str, str] = {}
        self._second = _Second(0)
        self._failing = False

    def __call__(self, event: Event) -> None:
        """Write what an event has changed, if anything."""
        match event.kind:
            case kinds.EVENT:
                text = f"{event.reason:<18} {event.object}  {one_line(event.message)}{repeated(event)}"
                self._line(event, event.data["type"], text)
            case kinds.POD:
                self._pod(event)
            case kinds.ENDPOINTS:
                self._endpoints(event)
            case kinds.CONDITION if event.reason in _REPORTED:
                self._line(event, kinds.CONDITION, f"{event.reason:<18} {event.object}  {event.message}")
            case kinds.APPLY:
                self._line(event, kinds.APPLY, event.message)
            case kinds.PROCESS if event.reason == "Zombies":
                self._line(event, kinds.PROCESS, f"{event.reason:<18} {event.object}  {event.message}")
            case kinds.SERVICE:
                what = event.message if event.reason == "Listening" else "closed"
                self._line(event, kinds.SERVICE, f"{event.object}  port {event.data['port']}: {what}")
            case kinds.FAULT | kinds.NOTE:
                self._line(event, event.kind, f"{event.reason:<18} {event.object}  {one_line(event.message)}")
            case kinds.STEP if event.reason == "Skipped":
                self._line(
                    event, kinds.STEP, f"{event.reason:<18} {event.object}  {event.data['step']}: {event.message}"
                )
            case kinds.REQUEST:
                self._request(event)

    def _line(self, event: Event, what: str, text: str) -> None:
        self._write(f"{event.t:7.1f}s  {what:<9}  {text}")

    def _pod(self, event: Event) -> None:
        name = event.object.removeprefix("pod/")
        view = next((v for v in self._engine.pods() if v.pod.name == name), None)
        if event.reason == "Deleted" or view is None:
            self._pods.pop(name, None)
            self._line(event, kinds.POD, f"{'gone':<18} {event.object}")
            return
        ready, status, restarts = columns_of(view, asyncio.get_running_loop().time())
        shown = (ready, status, restarts.partition(" ")[0])
        if self._pods.get(name) != shown:
            self._pods[name] = shown
            self._line(event, kinds.POD, f"{f'{ready} {status}':<18} {event.object}  restarts: {shown[2]}")

    def _endpoints(self, event: Event) -> None:
        counts, changes = event.data.get("counts"), ""
        if counts:  # too many to be named
            names = f"{counts['serving']} pods"
            changes = "".join(f"; {how} {', '.join(event.data[how])}" for how in ("joined", "left") if event.data[how])
        else:
            names = ", ".join(event.data["serving"]) or "<none>"
        if changes or self._serving.get(event.object) != names:
            self._serving[event.object] = names
            self._line(event, kinds.ENDPOINTS, f"{event.object}  {names}{changes}")

    def _request(self, event: Event) -> None:
        """Count a second's responses; when it is over, write a line if some failed, or if none fails any more."""
        if int(event.t) > self._second.start:
            self._write_second(event)
            self._second = _Second(int(event.t))
        self._second.requests += 1
        if not event.data["ok"]:
            self._second.failures[event.reason] += 1

    def _write_second(self, event: Event) -> None:
        second = self._second
        if second.failures:
            counts = ", ".join(f"{reason} {count}" for reason, count in sorted(second.failures.items()))
            text = f"{second.failures.total()} of {second.requests} failed"
            self._line(event, "traffic", f"{text:<18} {event.object}  {counts}")
        elif self._failing:
            self._line(event, "traffic", f"{'all answered':<18} {event.object}")
        self._failing = bool(second.failures)

"""A container's log, split by its instances: `kubectl logs` shows the last one's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from crashy.timeline import Event, kinds


@dataclass(slots=True)
class InstanceLog:
    """The log of one instance of a container, and whether it has ended."""

    lines: list[str] = field(default_factory=list)
    ended: bool = False


def instance_logs(events: Iterable[Event], pod: str, container: str) -> list[InstanceLog]:
    """Return the logs of a container of `pod` (`pod/web-1`), the newest last; an instance without lines counts too."""
    found: list[InstanceLog] = []
    for event in events:
        if event.object != pod:
            continue
        if event.kind == kinds.POD and event.reason == "Deleted":
            found = []  # another pod may have the name from here on
        elif event.data.get("container") != container:
            continue
        elif event.kind == kinds.LOG or (event.kind == kinds.PROCESS and event.reason == "Started"):
            if not found or found[-1].ended:
                found.append(InstanceLog())
            if event.kind == kinds.LOG:
                found[-1].lines.append(event.message)
        elif event.kind == kinds.PROCESS and event.reason == "Exited" and found:
            found[-1].ended = True
    return found

"""Events of the cluster as events of the timeline: each once, each repetition too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from crashy.engines.kube.clock import seconds

KUBELET = "kubelet"


@dataclass(frozen=True, slots=True)
class EventRecord:
    """What the timeline records of an event; `stamp` is the cluster's timestamp, unparsed."""

    source: str
    object: str
    reason: str
    message: str
    stamp: str
    data: Mapping[str, Any]


class Events:
    """Takes Event objects as they are listed and watched, and returns what is new.

    Kubernetes counts equal events on one object: each rise of the count is an event of its own here. Where the count
    rises by more than one at once (the kubelet's own spam filter holds some back, as the lab's does), it is one, and
    the count says how many there were.
    """

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}  # by the Event's uid

    def know(self, event: Mapping[str, Any]) -> None:
        """Take an event from before the run: only its repetitions are new."""
        self._counts[event["metadata"]["uid"]] = _count(event)

    def take(self, event: Mapping[str, Any]) -> EventRecord | None:
        """Return the record of an event; None if it is not new."""
        uid, count = event["metadata"]["uid"], _count(event)
        if count <= self._counts.get(uid, 0):
            return None
        self._counts[uid] = count
        return record_of(event)


def _count(event: Mapping[str, Any]) -> int:
    series = event.get("series") or {}
    return max(int(event.get("count") or 0), int(series.get("count") or 0), 1)


def record_of(event: Mapping[str, Any]) -> EventRecord:
    """Return the record of an Event object, as on the lab's timeline."""
    about = event.get("involvedObject") or event.get("regarding") or {}
    source = (event.get("source") or {}).get("component") or event.get("reportingComponent") or "cluster"
    series = event.get("series") or {}
    made = event["metadata"].get("creationTimestamp", "")
    last = series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime") or made
    data: dict[str, Any] = {"type": event.get("type", "Normal"), "namespace": about.get("namespace", "")}
    if source == KUBELET:
        first = event.get("firstTimestamp") or event.get("eventTime") or last
        field = about.get("fieldPath", "")
        if field.endswith("}"):
            data["container"] = field.rpartition("{")[2][:-1]
        data |= {"count": _count(event), "over": max(seconds(last) - seconds(first), 0.0)}
    name = f"{str(about.get('kind', '')).lower()}/{about.get('name', '')}"
    return EventRecord(source, name, event.get("reason", ""), event.get("message", ""), last, data)

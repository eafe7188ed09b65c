"""What a real 1.36.2 cluster did with workloads (`../shared/workloads-1.36`), and how a run on the sim is held to it.

A recording and a run become the same thing, a `Story`: for each object its events, and its statuses as they changed.
Names that are drawn (`web-5bc4d-lgnk9`) are replaced by what each object is, so that two stories can be compared.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[3] / "shared" / "workloads-1.36"
LIST = Path(__file__).with_name("workload_traces.txt")
WITHIN = 0.5
SETTLED = 0.5
"""Seconds that a status must have lasted to be demanded: shorter ones are written or not, by the controller's queue."""

# A probe's first success is on a grid of the period, a second. How long a pod takes to end, and to be gone, is the busy
# node's affair: 0.87 to 3.3 s together, 1.17 s in the middle.
MARGIN = {"ready": 1.25, "ended": 1.5, "gone": 1.5}
_BLINK = 0.05  # seconds: a kubelet that restarts sets a pod not ready and ready again, and may write that as nothing
_LEFT_OUT = {"observedGeneration", "collisionCount", "startTime", "completionTime", "uncountedTerminatedPods"}
_LEFT_OUT |= {"lastScheduleTime", "lastSuccessfulTime", "disruptedPods"}
# The first probe may meet a port that is not yet bound, the last one a patient that drains; a budget may be seen before
# its pods. How often a controller reports what it has reported is its cache's affair.
_BY_CHANCE = re.compile("connect: connection refused|No matching pods found")
_REPEATED = {"Unhealthy", "BackOff", "Failed", "Pulled", "UnmanagedPods", "SawCompletedJob"}
_REPLACED = (
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "UID"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "CONTAINER_ID"),
    (re.compile(r"\b10\.\d+\.\d+\.\d+\b"), "POD_IP"),
    (re.compile(r"\bdefault/"), "NS/"),
    (re.compile(r"_default\("), "_NS("),
    (re.compile(r"\bto crashy-lab\b"), "to NODE"),
)
Status = tuple[Any, ...]


@dataclass
class Track:
    """What became of one object: its events (time, reason and message), and its statuses (since when each)."""

    events: list[tuple[float, str]] = field(default_factory=list)
    statuses: list[tuple[float, Status]] = field(default_factory=list)

    @property
    def is_gone(self) -> bool:
        """Return whether it is no longer there."""
        return bool(self.statuses) and self.statuses[-1][1] == ("gone",)

    def add(self, t: float, status: Status) -> None:
        """Note a status, if it is another one."""
        if not self.statuses or self.statuses[-1][1] != status:
            self.statuses.append((t, status))

    def moments(self) -> Iterator[tuple[str, float]]:
        """Yield what becomes of a pod, with its time."""
        before: Status = ("", False, 0, False)
        nexts = [t for t, _ in self.statuses[1:]] + [float("inf")]
        for (t, status), until in zip(self.statuses, nexts, strict=False):
            if status == ("gone",):
                yield "gone", t
                return
            if until - t < _BLINK and before[1] and not status[1]:
                continue
            phase, ready, restarts, deleting = status
            if before[0] != phase:
                yield {"Pending": "created", "Running": "running"}.get(phase, "ended"), t
            if ready != before[1]:
                yield ("ready" if ready else "unready"), t
            if restarts != before[2]:
                yield "restarted", t
            if deleting and not before[3]:
                yield "deleted", t
            before = status

    def key(self) -> tuple[float, ...]:
        """Return what tells it from its siblings: when it was created, in steps of 0.3 s, deleted, and ready."""
        moments = dict(reversed(list(self.moments())))
        inf = float("inf")
        return round(moments["created"] / 0.3), moments.get("deleted", inf), moments.get("ready", inf)


@dataclass(frozen=True)
class Action:
    """What the recorder did, when, and the sentence about it."""

    t: float
    what: str


class Story:
    """What happened, by object; `add_…` in the order of time, then `finish`."""

    def __init__(self, kinds: Mapping[str, str], clock: float = 0.0) -> None:
        self.clock = clock  # seconds since midnight as it began
        self.tracks: dict[str, Track] = {}
        self.actions: list[Action] = []
        self.scheduled: dict[str, list[float]] = defaultdict(list)  # by pod: when each incarnation was
        self.started: dict[str, list[float]] = defaultdict(list)  # by pod: when its containers started
        self._kinds = kinds  # of the manifest: by name
        self._parents = [name for name, kind in kinds.items() if kind in {"Deployment", "CronJob"}]
        self._fixed = [name for name, kind in kinds.items() if kind == "StatefulSet"]
        self._pods: dict[str, list[Track]] = defaultdict(list)  # by name, each incarnation
        self._drawn: dict[tuple[str, str], str] = {}  # names of ReplicaSets, Jobs and revisions

    def add_pod(self, t: float, name: str, status: Status) -> None:
        """Note a pod's status: phase, ready, restarts, deleting; or just `gone`."""
        known = self._pods[name]
        if not known or known[-1].is_gone:
            known.append(Track())
        known[-1].add(t, status)

    def add_event(self, t: float, obj: str, reason: str, message: str) -> None:
        """Note an event of an object, `Kind/name`."""
        for pattern, text in _REPLACED:
            message = pattern.sub(text, message)
        kind, _, name = obj.partition("/")
        if kind == "Pod":
            track = self._pods[name][-1] if self._pods[name] else None
            if track is None or track.is_gone:  # the scheduler may be heard of before the pod itself
                self._pods[name].append(track := Track())
            if reason in {"Scheduled", "Started"}:
                (self.scheduled if reason == "Scheduled" else self.started)[name].append(t)
        else:
            track = self.tracks.setdefault(self._workload(kind, name), Track())
        line = f"{reason}: {message}"
        lines = [seen for _, seen in track.events]
        ends = reason == "Unhealthy" and any(seen.startswith("Killing: Stopping") for seen in lines)
        if _BY_CHANCE.search(message) or ends or (reason in _REPEATED and line in lines):
            return
        track.events.append((t, line))

    def add_status(self, t: float, obj: str, status: Mapping[str, Any]) -> None:
        """Note a workload's status, as the API has it."""
        kind, _, name = obj.partition("/")
        found = {key: value for key, value in status.items() if key not in _LEFT_OUT and value}
        for key in ("currentRevision", "updateRevision"):
            if key in found:
                found[key] = self._alias("revision", "revision", found[key])
        conditions = [f"{c['type']}={c['status']}/{c.get('reason', '')}" for c in found.pop("conditions", ())]
        if kind == "CronJob":
            found["active"] = len(found.get("active", ()))
        elif kind == "Job" and conditions:
            found["conditions"] = tuple(sorted(conditions))
        elif kind == "Deployment":
            for condition in conditions:
                self.add_condition(t, obj, condition)
        track = self.tracks.setdefault(self._workload(kind, name), Track())
        track.add(t, tuple(sorted((key, value) for key, value in found.items() if value)))

    def add_condition(self, t: float, obj: str, condition: str) -> None:
        """Note a Deployment's condition, `TYPE=STATUS/REASON`; of Available there are the counts."""
        if condition.startswith("Progressing"):
            self.tracks.setdefault(f"{obj} Progressing", Track()).add(t, (condition,))

    def finish(self) -> Story:
        """Name the pods by what they are, and whoever's events name them."""
        groups: dict[str, list[Track]] = defaultdict(list)
        for name, tracks in self._pods.items():
            for number, track in enumerate(tracks):
                if not track.statuses:
                    continue
                if base := self._base(name):
                    groups[base].append(track)
                else:
                    self.tracks[f"Pod/{name}" + (f" again {number}" if number else "")] = track
        for base, group in groups.items():
            for number, track in enumerate(sorted(group, key=Track.key), 1):
                self.tracks[f"Pod/{base} {number}"] = track
        names = {name: self._base(name) or name for name in self._pods}
        names |= {name: alias for (_, name), alias in self._drawn.items()}
        pattern = re.compile("|".join(re.escape(n) for n in sorted(names, key=len, reverse=True)) or "^$")
        for track in self.tracks.values():
            track.events = [(t, pattern.sub(lambda m: names.get(m[0], m[0]), line)) for t, line in track.events]
        return self

    def _base(self, name: str) -> str:
        """Return what the name of a pod with a drawn name begins with; empty for one that is named as it is."""
        if name in self._kinds or any(re.fullmatch(rf"{re.escape(one)}-\d+", name) for one in self._fixed):
            return ""
        base = name.rpartition("-")[0]
        return next((alias for (_, drawn), alias in self._drawn.items() if drawn == base), f"{base}-*")

    def _workload(self, kind: str, name: str) -> str:
        parent = next((p for p in self._parents if name.startswith(f"{p}-") and self._kinds[p] != kind), "")
        return f"{kind}/{self._alias(kind, parent, name)}" if parent else f"{kind}/{name}"

    def _alias(self, kind: str, parent: str, name: str) -> str:
        known = sum(k == kind and alias.startswith(f"{parent}-#") for (k, _), alias in self._drawn.items())
        return self._drawn.setdefault((kind, name), f"{parent}-#{known + 1}")

    def moments(self) -> list[tuple[float, str]]:
        """Return what became of each object and when, in order; the second of a sort has its number behind it."""
        found = [Action(0.0, "began"), *self.actions]
        moments = [(a.t, f"action {a.what}") for a in found]
        for name, track in self.tracks.items():
            numbers: dict[str, int] = defaultdict(int)
            if name.startswith("Pod/"):
                moments += [(t, _numbered(f"{name} {what}", numbers)) for what, t in track.moments()]
            else:
                moments += [(t, _numbered(f"{name} {line}", numbers)) for t, line in track.events]
        return sorted(
            moments, key=lambda one: (one[0], not one[1].endswith("gone"), one[1])
        )  # a cause before its effect

    def events(self, name: str, *, probes: bool = True) -> list[str]:
        """Return an object's events in order, with those of its probes or without."""
        found = self.tracks[name].events if name in self.tracks else []
        return [line for _, line in found if probes or not line.startswith("Unhealthy")]

    def statuses(self, name: str, at_least: float = 0.0, until: float = float("inf")) -> list[Status]:
        """Return the statuses that an object had for so long."""
        track = self.tracks.get(name, Track()).statuses
        ends = [t for t, _ in track[1:]] + [until] * bool(track)
        lasting = [status for (t, status), end in zip(track, ends, strict=True) if end - t >= at_least]
        return [status for status, _ in groupby(lasting)]


def _numbered(key: str, numbers: dict[str, int]) -> str:
    numbers[key] += 1
    return f"{key} ({numbers[key]})" if numbers[key] > 1 else key


def listed() -> dict[str, str]:
    """Return the scenarios' names, each with why it is set aside; empty if it isn't."""
    lines = (line.partition(":") for line in LIST.read_text().splitlines() if line)
    return {name: reason.strip() for name, _, reason in lines}


def recordings(name: str, kinds: Mapping[str, str]) -> list[Story]:
    """Read the recordings of a scenario, one or two; `kinds` are the manifest's objects by name."""
    return [_story(path.read_text().splitlines(), kinds) for path in sorted(FOLDER.glob(f"{name}-[0-9].jsonl"))]


def _story(lines: Sequence[str], kinds: Mapping[str, str]) -> Story:
    hours, minutes, seconds = json.loads(lines[0])["clock"].split(":")
    story = Story(kinds, (int(hours) * 60 + int(minutes)) * 60 + float(seconds))
    for one in map(json.loads, lines):
        t = one["t"]
        match one["kind"]:
            case "action":
                story.actions.append(Action(t, one["what"]))
            case "pod" if one["type"] == "DELETED":
                story.add_pod(t, one["name"], ("gone",))
            case "pod":
                restarts = sum(c["restarts"] for c in one["containers"] if not c.get("init"))
                story.add_pod(t, one["name"], (one["phase"], one["ready"], restarts, bool(one.get("deleting"))))
            case "event":
                story.add_event(t, one["object"], one["reason"], one["message"])
            case "workload" | "pdb":
                story.add_status(t, one["object"], one["status"])
            case "api":
                cause = one["body"].get("details", {}).get("causes", [{}])[0].get("message", "")
                story.add_event(t, "API/eviction", str(one["code"]), cause)
    return story.finish()


def differences(run: Story, own: Story, every: Sequence[Story], late: float | None = None) -> Iterator[str]:
    """Yield what a run has otherwise than the recording that it replays (`own`).

    What `every` recording of the scenario doesn't agree on is not demanded: the run may be as any of them.
    `late` is for how long the machine kept a run of real processes waiting, in seconds: there it is chance whether a
    probe meets a patient that is not yet ready.
    """
    probes = late is None
    end = own.actions[-1].t
    names = [name for name in own.tracks if own.tracks[name].statuses or own.tracks[name].events]
    if strangers := [n for n in run.tracks if not any(n in one.tracks for one in every)]:
        yield f"objects that no recording has: {', '.join(strangers)}"
    for name in names:
        if name not in run.tracks:
            if all(name in one.tracks for one in every):
                yield f"{name} is missing"
            continue
        if run.events(name, probes=probes) not in [one.events(name, probes=probes) for one in every]:
            yield f"{name} events:\n  sim  {run.events(name)}\n  real {own.events(name)}"
        lasting = [one.statuses(name, SETTLED, one.actions[-1].t) for one in every]
        seen = run.statuses(name)
        if not any(_in_order(wanted, seen) for wanted in lasting):
            yield f"{name} statuses:\n  sim  {_listed(seen)}\n  real {_listed(lasting[every.index(own)])}"
        settled = run.statuses(name, SETTLED, end)
        if not any(_in_order(settled, one.statuses(name)) for one in every):
            shown = f"\n  sim  {_listed(settled)}\n  real {_listed(own.statuses(name))}"
            yield f"{name} statuses that no recording has in this order:{shown}"
    yield from _delays(run, own, late or 0.0)


def _delays(run: Story, own: Story, late: float) -> Iterator[str]:
    """Yield the moments that come too early or too late after what came before them, of which one is their cause."""
    times = {key: t for t, key in run.moments()}
    before: list[tuple[str, float]] = []
    for t, key in own.moments():
        if key not in times:
            continue
        shift = times[key] - t
        margin = (
            next((m for word, m in MARGIN.items() if word in key.split() and key.startswith("Pod/")), WITHIN) + late
        )
        causes = before[-6:]
        if causes and min(abs(shift - other) for _, other in causes) > margin:
            last, other = causes[-1]
            yield f"{key}: {shift - other:+.2f} s beside the recording, after {last}"
        before.append((key, shift))


def _in_order(wanted: Sequence[Status], seen: Sequence[Status]) -> bool:
    rest = iter(seen)
    return all(any(one == other for other in rest) for one in wanted)


def _listed(statuses: Sequence[Status]) -> str:
    return "".join(f"\n    {status}" for status in statuses)

"""A recorded scenario on the sim: the same manifest, the same actions at their times, starts that take as long."""

from __future__ import annotations

import asyncio
import copy
import random
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from crashy.clock import run_virtual
from crashy.engines.sim.process import Kernel, Plan, Process
from crashy.engines.sim.sim import SimEngine, running
from crashy.kubelet.runtime import Pod
from crashy.kubelet.versions import NEWEST
from crashy.manifest.load import read_file
from crashy.objects.document import Document
from crashy.objects.manifests import read
from crashy.objects.pod import Container
from crashy.timeline import Event, Timeline, kinds
from tests.engines.recordings import FOLDER, Action, Story, Track

_KINDS = {name.lower(): name for name in ("CronJob", "DaemonSet", "Deployment", "Job", "Pod", "ReplicaSet")}
_KINDS |= {name.lower(): name for name in ("PodDisruptionBudget", "ReplicationController", "Service", "StatefulSet")}
_START = 0.3  # seconds of a start that the recordings don't tell
_LATEST = 10.0  # seconds after its recorded time at which an action is done, whatever has not come to be yet


@dataclass(frozen=True)
class _Paced:
    """A plan whose start takes another time."""

    plan: Plan
    start_seconds: float

    @property
    def start_error(self) -> str:
        return self.plan.start_error

    def begin(self, kernel: Kernel) -> Process:
        return self.plan.begin(kernel)


class Replay:
    """One scenario on a sim, held to the times of one recording."""

    def __init__(
        self, documents: list[Document], recording: Story, sim: SimEngine, timeline: Timeline, relist: float = 0.0
    ) -> None:
        self.documents = documents
        self.sim = sim
        self.story = Story(kinds_of(documents))
        self._recording = recording
        self._timeline = timeline
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._starts = _starts(recording)
        self._relist = self._began + relist  # one kubelet relists all its pods at once
        self._pods: dict[str, int] = {}  # by uid: which of its name's beginning
        self._bases: Counter[str] = Counter()
        script = sim._runtime._script

        def paced(pod: Pod, container: Container, attempt: int) -> Plan:
            first = attempt == 0 and container is (*pod.template.init_containers, *pod.template.containers)[0]
            return _Paced(script(pod, container, attempt), self._start_of(pod) if first else _START)

        sim._runtime._script = paced
        timeline.subscribe(self._note)

    def _start_of(self, pod: Pod) -> float:
        member = self.sim._cluster._members[pod.uid]
        member.driver._relist_phase = self._relist
        base = self.story._base(pod.name) or pod.name
        if pod.uid not in self._pods:
            self._pods[pod.uid] = self._bases[base]
            self._bases[base] += 1
        known, number = self._starts.get(base, []), self._pods[pod.uid]
        return known[number] if number < len(known) else _START

    def _note(self, event: Event) -> None:
        kind, _, name = event.object.partition("/")
        t = self._loop.time() - self._began
        if event.kind == kinds.EVENT:
            self.story.add_event(t, f"{_KINDS.get(kind, kind)}/{name}", event.reason, event.message)
        elif event.kind == kinds.POD:
            data = event.data
            status = (data["phase"], data["ready"], data["restarts"], data["deleting"])
            self.story.add_pod(t, name, ("gone",) if event.reason == "Deleted" else status)
        self._loop.call_soon(self._look)

    def _look(self) -> None:
        for controller in self.sim._cluster._controllers.values():
            status = getattr(controller, "status", None)
            if status:
                workload = controller.workload
                self.story.add_status(self._loop.time() - self._began, f"{workload.kind}/{workload.name}", status())

    async def watch(self) -> None:
        """Look at the statuses all the time: not every change of one comes with an event."""
        while True:
            await asyncio.sleep(0.05)
            self._look()

    async def apply(self, documents: list[Document]) -> None:
        """Apply manifests."""
        await self.sim.apply(read(documents))
        self._look()

    async def change(self, kind: str, change: Callable[[dict[str, Any]], None]) -> None:
        """Change the manifest's object of a kind, and apply it again."""
        for index, document in enumerate(self.documents):
            if document.object["kind"] == kind or (not kind and "template" in document.object.get("spec", {})):
                changed = copy.deepcopy(document.object)
                change(changed)
                self.documents[index] = replace(document, object=changed)
        await self.apply(self.documents)

    def pod(self, name: str) -> Pod:
        """Return the pod of a name, or the oldest of a beginning."""
        for view in self.sim.pods():
            if view.pod.name == name or not name:
                return view.pod
        raise KeyError(name)

    async def until(self, action: Action) -> None:
        """Wait until what preceded an action in the recording has come to be, and as long after that as there."""
        before = [(t, _sort(key)) for t, key in self._recording.moments() if t < action.t and key.startswith("Pod/")]
        due = self._began + action.t
        if before:
            last, sort = before[-1]
            count = sum(one == sort for _, one in before)
            while self._count(sort) < count and self._loop.time() < due + _LATEST:  # noqa: ASYNC110 - no event says it
                await asyncio.sleep(0.01)
            # Where it came earlier than in the recording the action does, too.
            came = [t for t, key in self._moments() if _sort(key) == sort][:count]
            due = self._began + (came[-1] if came else last) + action.t - last
        await asyncio.sleep(max(0.0, due - self._loop.time()))

    def _moments(self) -> list[tuple[float, str]]:
        found = []
        for name, tracks in self.story._pods.items():
            for track in tracks:
                found += [(t, f"Pod/{name} {what}") for what, t in track.moments()]
        return sorted(found)

    def _count(self, sort: str) -> int:
        return sum(_sort(key) == sort for _, key in self._moments())


def _sort(key: str) -> str:
    return re.sub(r" \(\d+\)$", "", key).rpartition(" ")[2]


def _starts(recording: Story) -> dict[str, list[float]]:
    """Return how long each pod took to its first start, in the order of creation, by its name's beginning."""
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for name, tracks in recording._pods.items():
        times = [t for t, _ in recording.started[name]]
        for track in tracks:
            if track.statuses:
                created = track.statuses[0][0]
                started = next((t for t in times if t >= created), created + _START)
                found[recording._base(name) or name].append((created, started - created))
    return {base: [seconds for _, seconds in sorted(starts)] for base, starts in found.items()}


def kinds_of(documents: list[Document]) -> dict[str, str]:
    """Return the kinds of what a manifest runs, by name."""
    found: dict[str, str] = {}
    for document in documents:
        kind = document.object["kind"]
        if kind in _KINDS.values() and kind not in {"Service", "PodDisruptionBudget"}:
            found[document.object["metadata"]["name"]] = kind
    return found


def documents_of(name: str) -> list[Document]:
    """Read a scenario's manifest."""
    documents, errors = read_file(FOLDER / f"{name}.yaml")
    assert not errors
    return documents


def replay(name: str, recording: Story, clock: float, seed: int = 1, relist: float = 0.0) -> Story:
    """Run a scenario as a recording has it; `clock` is the wall clock's fraction of a second as it began."""
    ends = [_gone(track) for tracks in recording._pods.values() for track in tracks]
    gone = sorted(one for one in ends if one is not None)
    seconds = gone[len(gone) // 2] if gone else 0.4
    profile = replace(NEWEST, gone_after_exit=(seconds, seconds))

    async def main() -> Story:
        timeline = Timeline(asyncio.get_running_loop().time)
        async with running(timeline, rng=random.Random(seed), profile=profile) as sim:
            one = Replay(documents_of(name), recording, sim, timeline, relist)
            watch = asyncio.create_task(one.watch())
            await one.apply(one.documents)
            for action in recording.actions[1:]:
                await one.until(action)
                if action.what == "end":
                    break
                await act(one, action.what)
            await asyncio.sleep(WATCHED_AFTER)
            watch.cancel()
        return one.story.finish()

    return run_virtual(main(), start=1000 + clock)


WATCHED_AFTER = 0.5


def _gone(track: Track) -> float | None:
    times = dict(track.moments())
    return times["gone"] - times["ended"] if {"gone", "ended"} <= times.keys() else None


async def act(one: Replay, what: str) -> None:
    """Do what the recorder did; raises NotImplementedError for what no step does."""
    for pattern, step in STEPS.items():
        if match := re.fullmatch(pattern, what):
            done = step(one, match)
            if asyncio.iscoroutine(done):
                await done
            return
    raise NotImplementedError(what)


def _scale(one: Replay, match: re.Match[str]) -> None:
    for controller in one.sim._cluster._controllers.values():
        workload = controller.workload
        if f"{workload.kind}/{workload.name}" == match[1]:
            one.sim.scale(workload, int(match[2]))


async def _set(one: Replay, match: re.Match[str]) -> None:
    def change(manifest: dict[str, Any]) -> None:
        (container,) = manifest["spec"]["template"]["spec"]["containers"]
        env = [entry for entry in container["env"] if entry["name"] != match[1]]
        container["env"] = [
            {**entry, "value": match[2]} if entry["name"] == match[1] else entry for entry in container["env"]
        ]
        if len(env) == len(container["env"]):
            container["env"].append({"name": match[1], "value": match[2]})

    await one.change("", change)


async def _partition(one: Replay, match: re.Match[str]) -> None:
    await one.change("", lambda o: o["spec"]["updateStrategy"]["rollingUpdate"].update(partition=int(match[1])))


async def _suspend(one: Replay, match: re.Match[str]) -> None:
    wanted = match[1] == "suspend"
    await one.change("", lambda o: o["spec"].update(suspend=wanted))


async def _resume(one: Replay, match: re.Match[str]) -> None:
    for index, document in enumerate(one.documents):
        if document.object["metadata"]["name"] == match[1]:
            changed = copy.deepcopy(document.object)
            changed["spec"]["suspend"] = False
            one.documents[index] = replace(document, object=changed)
    await one.apply(one.documents)


STEPS: Mapping[str, Callable[[Replay, re.Match[str]], Any]] = {
    r"scale (\w+/\w+) to (\d+)": _scale,
    r"set (\w+)=(\S+)(?: \(.*\))?": _set,
    r"(?:break it|put the template back): (\w+)=(\S+)": _set,
    r"set partition (\d+)": _partition,
    r"delete (?:the broken )?Pod/(\S+).*": lambda one, match: one.sim.delete(one.pod(match[1])),
    r"delete its (?:first )?pod": lambda one, match: one.sim.delete(one.pod("")),
    r"still stuck\?|API error": lambda one, match: None,
    r"(suspend|resume)": _suspend,
    r"resume CronJob/(\w+) .*": _resume,
}

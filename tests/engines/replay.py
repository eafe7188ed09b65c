"""A recorded scenario on a sim or in a lab: the same manifest, actions at their times, and starts that take as long."""

from __future__ import annotations

import asyncio
import copy
import random
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any

from crashy.clock import run_virtual
from crashy.controllers.deployment import DeploymentController
from crashy.engines.lab.lab import LabEngine
from crashy.engines.sim.sim import SimEngine, running
from crashy.errors import BadInput
from crashy.kubelet.runtime import Exited, Pod
from crashy.kubelet.versions import NEWEST, Profile
from crashy.manifest.load import read_file
from crashy.objects.document import Document
from crashy.objects.manifests import read
from crashy.objects.pod import Container
from crashy.timeline import Event, Timeline, kinds
from tests.engines.recordings import FOLDER, Action, Story, Track
from tests.engines.replay_programs import its_program
from tests.engines.replay_steps import act

_KINDS = {name.lower(): name for name in ("CronJob", "DaemonSet", "Deployment", "Job", "Pod", "ReplicaSet")}
_KINDS |= {name.lower(): name for name in ("PodDisruptionBudget", "ReplicationController", "Service", "StatefulSet")}
_START = 0.3  # seconds of a start that the recordings don't tell
_BUSIEST = 5.0  # the longest start that is the busy node's affair
_APART = 0.05  # seconds between what belongs together, in two watches
_LATEST = 10.0  # seconds after its recorded time at which an action is done, whatever has not come to be yet

Engine = SimEngine | LabEngine


class Replay:
    """One scenario on a sim or in a lab, held to the times of one recording."""

    def __init__(
        self, documents: list[Document], recording: Story, engine: Engine, timeline: Timeline, relist: float, own: float
    ) -> None:
        self.documents, self.at_first = documents, tuple(documents)
        self.engine = engine
        self.story = Story(kinds_of(documents))
        self.orphan: Pod | None = None
        self._recording = recording
        self._timeline = timeline
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._starts = _starts(recording)
        self._relist = self._began + relist  # one kubelet relists all its pods at once
        self._pods: dict[str, int] = {}  # by uid: which of its name's beginning
        self._bases: Counter[str] = Counter()
        runtime, start = engine._runtime, engine._runtime.start

        async def paced(pod: Pod, container: Container, attempt: int, on_exit: Callable[[Exited], None]) -> str:
            first = attempt == 0 and container is (*pod.template.init_containers, *pod.template.containers)[0]
            await asyncio.sleep(max(0.0, (self._start_of(pod) if first else _START) - own))
            return await start(pod, container, attempt, on_exit)

        runtime.start = paced
        timeline.subscribe(self._note)

    def _start_of(self, pod: Pod) -> float:
        member = self.engine._cluster._members[pod.uid]
        member.driver._wakeups._relist_phase = self._relist
        base = self.story._base(pod.name) or pod.name
        if pod.uid not in self._pods:
            self._pods[pod.uid] = self._bases[base]
            self._bases[base] += 1
        known, number = self._starts.get(base, []), self._pods[pod.uid]
        return known[number] if number < len(known) else _START

    def _note(self, event: Event) -> None:
        kind, _, name = event.object.partition("/")
        t = self._loop.time() - self._began
        if kind == "node" or event.reason == "TaintManagerEviction":
            return  # the recordings have the events of a namespace; their one node was never tainted NoExecute
        if event.kind == kinds.EVENT:
            self.story.add_event(t, f"{_KINDS.get(kind, kind)}/{name}", event.reason, event.message)
        elif event.kind == kinds.POD:
            data = event.data
            status = (data["phase"], data["ready"], data["restarts"], data["deleting"])
            self.story.add_pod(t, name, ("gone",) if event.reason == "Deleted" else status)
        elif event.kind == kinds.CONDITION and kind == "deployment":
            found = f"{event.data['condition']}={event.data['status']}/{event.reason}"
            self.story.add_condition(t, f"Deployment/{name}", found)
        self._loop.call_soon(self._look)

    def _look(self) -> None:
        """Note the statuses of all workloads, of Deployments' ReplicaSets, and of budgets."""
        cluster, now = self.engine._cluster, self._loop.time()
        found = {f"{one.workload.kind}/{one.workload.name}": one.status() for one in cluster._controllers.values()}
        for one in cluster.controllers(DeploymentController):
            least = one.workload.min_ready_seconds
            found |= {f"ReplicaSet/{each.name}": each.status(now, least) for each in one.sets}
        found |= {f"PodDisruptionBudget/{one.budget.name}": one.status() for one in cluster.budgets()}
        for view in self.engine.pods():  # one that waits for a node has no kubelet that tells of it
            if not any(track.statuses for track in self.story._pods.get(view.pod.name, ())):
                self.story.add_pod(now - self._began, view.pod.name, ("Pending", False, 0, False))
        for obj, status in found.items():
            self.story.add_status(now - self._began, obj, status)

    def spawn(self, work: Coroutine[None, None, None]) -> None:
        """Do something while the recording goes on."""
        self._work = asyncio.create_task(work)

    async def watch(self) -> None:
        """Look at the statuses all the time: not every change of one comes with an event."""
        while True:
            await asyncio.sleep(0.05)
            self._look()

    async def apply(self, documents: Sequence[Document]) -> None:
        """Apply manifests; one that is refused holds up no other."""
        try:
            manifests = read(list(documents))
        except BadInput:
            manifests = read([one for one in documents if _is_valid(one)])
        await self.engine.apply(manifests)
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
        for view in self.engine.pods():
            if view.pod.name == name or not name:
                return view.pod
        raise KeyError(name)

    def pod_like(self, name: str) -> Pod:
        """Return the pod that is to this run what one of that name is to the recording: the n-th of a workload."""
        workload = name.partition("-")[0]
        made = sorted(self._recording._pods, key=lambda one: self._recording._pods[one][0].statuses[0][0])
        like = [one for one in made if one.partition("-")[0] == workload]
        mine = [one for one in self.story._pods if one.partition("-")[0] == workload]
        return self.pod(mine[like.index(name)])

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
    """Return how long each pod took to its first start, in the order of creation, by its name's beginning.

    That of one which had to wait for something else than the node is not known.
    """
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for name, tracks in recording._pods.items():
        for track in tracks:
            if track.statuses:
                created = track.statuses[0][0]
                scheduled = next((t for t in recording.scheduled[name] if t >= created - _APART), created)
                seconds = next((t - scheduled for t in recording.started[name] if t >= created), _START)
                found[recording._base(name) or name].append((created, seconds if seconds < _BUSIEST else _START))
    return {base: [seconds for _, seconds in sorted(starts)] for base, starts in found.items()}


def kinds_of(documents: list[Document]) -> dict[str, str]:
    """Return the kinds of what a manifest runs, by name."""
    found: dict[str, str] = {}
    for document in documents:
        kind = document.object["kind"]
        if kind in _KINDS.values() and kind not in {"Service", "PodDisruptionBudget"}:
            found[document.object["metadata"]["name"]] = kind
    return found


def is_applied(document: Document, what: str) -> bool:
    """Return whether it is applied at first: what a recorder applied later is named after its age."""
    ages = re.search(r"age\d+-", what)
    name = document.object["metadata"]["name"]
    return ages is None or not name.startswith("age") or name.startswith(ages[0])


def documents_of(name: str) -> list[Document]:
    """Read a scenario's manifest."""
    documents, errors = read_file(FOLDER / f"{name}.yaml")
    assert not errors
    return documents


def profile_of(recording: Story) -> Profile:
    """Return the newest kubelet's, on a node on which an ended pod is gone as soon as in the middle of a recording."""
    ends = [_gone(track) for tracks in recording._pods.values() for track in tracks]
    gone = sorted(one for one in ends if one is not None)
    seconds = gone[len(gone) // 2] if gone else 0.4
    return replace(NEWEST, gone_after_exit=(seconds, seconds))


async def play(
    name: str, recording: Story, engine: Engine, timeline: Timeline, *, relist: float = 0.0, own: float = 0.0
) -> Story:
    """Apply a scenario's manifest, do what the recorder did, and return what became of it.

    `relist` is the phase of the kubelet's, `own` what a start takes on this engine anyway, in seconds.
    """
    one = Replay(documents_of(name), recording, engine, timeline, relist, own)
    watch = asyncio.create_task(one.watch())
    await one.apply([document for document in one.documents if is_applied(document, recording.actions[0].what)])
    for action in recording.actions[1:]:
        await one.until(action)
        if action.what == "end":
            break
        await act(one, action.what)
    await asyncio.sleep(WATCHED_AFTER)
    watch.cancel()
    return one.story.finish()


def replay(name: str, recording: Story, seed: int = 1) -> Story:
    """Run a scenario on sim as a recording has it; each seed has other phases of the kubelet's grids."""
    rng = random.Random(seed)
    relist = rng.random()

    async def main() -> Story:
        timeline = Timeline(asyncio.get_running_loop().time)
        async with running(timeline, rng=rng, profile=profile_of(recording)) as sim:
            script = sim._runtime._script
            sim._runtime._script = lambda pod, container, attempt: its_program(
                script(pod, container, attempt), pod, container, attempt
            )
            return await play(name, recording, sim, timeline, relist=relist)

    found: Story = run_virtual(main(), start=recording.clock)
    return found


WATCHED_AFTER = 0.5


def _gone(track: Track) -> float | None:
    times = dict(track.moments())
    return times["gone"] - times["ended"] if {"gone", "ended"} <= times.keys() else None


def _is_valid(document: Document) -> bool:
    try:
        read([document])
    except BadInput:
        return False
    return True

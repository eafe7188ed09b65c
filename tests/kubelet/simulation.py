"""A pod on a modelled runtime in virtual time, and what its timeline says afterwards."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from crashy.clock import run_virtual
from crashy.engines.sim.runtime import Script, SimRuntime
from crashy.kubelet.driver import PodDriver
from crashy.kubelet.runtime import Pod
from crashy.kubelet.versions import NEWEST, Profile
from crashy.objects.pod import PodTemplate, parse_pod_template
from crashy.objects.status import PodStatus
from crashy.timeline import Event, Timeline

Play = Callable[[PodDriver, SimRuntime], Any]


@dataclass
class Run:
    """What happened to the pod `s` in namespace `NS`, in seconds since its first container's start."""

    template: PodTemplate
    events: list[Event] = field(default_factory=list)
    statuses: list[tuple[float, PodStatus]] = field(default_factory=list)
    zero: float = 0.0
    gone_at: float | None = None
    late: float = 0.0
    """By how much the machine was late at its worst, in the first life; virtual time never is."""

    def of(self, kind: str, reason: str = "", container: str = "") -> list[tuple[float, Event]]:
        return [
            (event.t - self.zero, event)
            for event in self.events
            if event.kind == kind and reason in {"", event.reason} and container in {"", event.data.get("container")}
        ]

    def times(self, kind: str, reason: str = "", container: str = "") -> list[float]:
        """Return when that happened, to the millisecond."""
        return [round(t, 3) for t, _ in self.of(kind, reason, container)]

    def messages(self, reason: str) -> list[str]:
        return [event.message for _, event in self.of("event", reason)]

    def reasons(self) -> list[str]:
        """Return the reasons of all events, in order."""
        return [event.reason for _, event in self.of("event")]

    def counts(self) -> dict[str, int]:
        """Return how many events of each reason there were, in the order of their first appearance."""
        several = len(self.template.containers) + len(self.template.init_containers) > 1
        return Counter(
            f"{event.reason}({event.data['container']})" if several else event.reason for _, event in self.of("event")
        )

    def started(self, container: str = "") -> list[float]:
        return self.times("process", "Started", container)

    def exited(self, container: str = "") -> list[float]:
        return self.times("process", "Exited", container)

    def exit_codes(self) -> list[int]:
        return [event.data["exit_code"] for _, event in self.of("process", "Exited")]

    def ready_changes(self) -> list[tuple[float, bool]]:
        """Return when the published Ready condition changed, and to what."""
        return changes([(t, event.data["ready"]) for t, event in self.of("pod")])

    def endpoint_changes(self) -> list[tuple[float, bool]]:
        """Return when the pod became a ready endpoint of its Service, and when it ceased to be one."""
        pod = [event.object.removeprefix("pod/") for event in self.events if event.kind == "pod"]
        reported = changes([(t, pod[0] in event.data["ready"]) for t, event in self.of("endpoints")])
        wanted = [(t, event.data["ready"] and not event.data["deleting"]) for t, event in self.of("pod")]
        return reported or changes(wanted)

    @property
    def status(self) -> PodStatus:
        """Return the last status."""
        return self.statuses[-1][1]

    @property
    def restarts(self) -> int:
        return sum(container["restarts"] for container in self.of("pod")[-1][1].data["containers"])


def changes(states: Iterable[tuple[float, bool]]) -> list[tuple[float, bool]]:
    """Return when a state that begins as False changed, and to what."""
    found, before = [], False
    for t, state in states:
        if state != before:
            found.append((round(t, 3), state))
        before = state
    return found


def simulate(
    spec: Mapping[str, Any] | PodTemplate,
    script: Script,
    seconds: float,
    *,
    profile: Profile = NEWEST,
    seed: int = 0,
    play: Mapping[float, Play] | None = None,
    clock: float = 0.0,
) -> Run:
    """Run a pod for so many seconds after its first container's start; `play` is done at its seconds from there.

    The loop's own clock, which may stand anywhere, stands at `clock`.
    """
    template = spec if isinstance(spec, PodTemplate) else parse_pod_template({"spec": spec}, path="")
    run = Run(template)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(clock)
        timeline = Timeline(loop.time)
        begun = asyncio.Event()

        def seen(event: Event) -> None:
            run.events.append(event)
            if event.kind == "process" and not begun.is_set():
                run.zero = event.t
                begun.set()

        timeline.subscribe(seen)
        runtime = SimRuntime(script, profile)
        driver = PodDriver(
            Pod("s", "NS", "UID", "10.0.0.1", template, loop.time()),
            runtime,
            timeline.add,
            lambda status: run.statuses.append((timeline.now(), status)),
            profile=profile,
            rng=random.Random(seed),
        )
        task = asyncio.create_task(driver.run())
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await begun.wait()
        task.add_done_callback(lambda _: setattr(run, "gone_at", timeline.now() - run.zero))
        for moment, action in sorted((play or {}).items()):
            await asyncio.sleep(run.zero + moment - timeline.now())
            action(driver, runtime)
        await asyncio.wait({task}, timeout=run.zero + seconds - timeline.now())
        if not task.done():
            run.events, events = [], run.events  # what the end of the simulation does is none of it
            task.cancel()
            await asyncio.wait({task})
            run.events, run.gone_at = events, None
        else:
            task.result()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run_virtual(main())
    return run

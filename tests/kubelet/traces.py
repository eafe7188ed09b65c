"""What two real kubelets did (`traces.yaml`), and how a run on modelled or real containers is measured against it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from crashy.kubelet.versions import PROFILES
from crashy.objects.pod import Exec, HTTPGet
from tests.kubelet.patient import onset
from tests.kubelet.simulation import Run

TRACES: Mapping[str, Any] = yaml.safe_load(Path(__file__).with_name("traces.yaml").read_text())
WITHIN = 0.5
DELETED = "15-delete-prestop"
DELETED_AT = 15.5
SICK = {"21-two-containers": "sick", "22-sidecar": "main"}
Schedule = list[tuple[float, str]]
"""The probes of one worker in the first life: seconds since the one before, and the outcome."""

# In two of three repeats the trigger at the container's start came before its status was published, and was lost: the
# first probe that could succeed came a period later. The driver publishes first, as most of the traces' starts went.
APART = {"08b-slow-readiness-T3": ("first_probe /ready", "first_ready")}

# The restart back-off in force at each restart: a probe's kill is one restart behind an exit of its own.
WINDOWS = {
    "01-soft-crash": (0,),
    "03-hang": (0,),
    "04-crash-loop": (0, 10, 20, 40),
    "05-probe-kill-loop": (0, 0, 10, 20, 40),
    "07-startup-never": (0, 0, 10, 20, 40),
    "11-exec-timeout": (0, 0, 10, 20),
    "14-probe-grace": (0,),
    "20a-exit0-always": (0, 10, 20),
    "23-streak-over-restart": (0, 10),
}


def cases(*versions: str) -> list[Any]:
    """Return each trace's version and scenario, as `01-soft-crash/1.36`."""
    return [
        pytest.param(version, name, id=f"{name}/{version}", marks=pytest.mark.trace(f"{name}/{version}"))
        for version in versions or PROFILES
        for name in TRACES
        if version in TRACES[name]
    ]


def fault(name: str, run: Run) -> float:
    """Return the patient's fault in its first life, in seconds after the start: as it tells itself, if it can."""
    if name == DELETED:
        return next((t for t, e in run.of("pod") if e.data["deleting"]), DELETED_AT)
    sick = SICK.get(name, "")
    reported = [t for t, e in run.of("log", container=sick) if e.message.startswith("fault")]
    containers = (*run.template.init_containers, *run.template.containers)
    return reported[0] if reported else onset(next(c for c in containers if c.name == sick or not sick))


def measures(name: str, run: Run) -> dict[str, float]:
    """Measure a run as the traces' summary does."""
    sick = SICK.get(name, "")
    by_name = {c.name: c for c in (*run.template.init_containers, *run.template.containers)}
    began = fault(name, run)
    found: dict[str, float] = {"onset": began}
    for t, event in run.of("probe"):
        container = by_name[event.data["container"]]
        if len(run.started(container.name)) > 1 and t > run.started(container.name)[1]:
            continue
        probe = container.probe(event.reason)
        assert probe is not None
        kind = {HTTPGet: getattr(probe.handler, "path", ""), Exec: "exec"}.get(type(probe.handler), "tcp")
        if "refused" in event.message:
            kind = "(refused)"
        prefix = f"{container.name} " if len(by_name) > 1 else ""
        found.setdefault(f"first_probe {prefix}{kind}", t - event.data["seconds"] - run.started(container.name)[0])
    for t, event in run.of("log"):
        if event.message.startswith("request /landing"):
            found.setdefault("first_probe /landing", t)

    def after(key: str, moments: list[float]) -> None:
        # What a deletion causes at once may come a moment before the event that reports it.
        later = [max(0.0, t - began) for t in moments if t >= began - 0.01]
        if later:
            found[f"onset -> {key}"] = later[0]

    failing = [t for t, e in run.of("probe", container=sick) if e.data["outcome"] in {"failure", "error"}]
    after("first_failure", failing)
    after("killing", run.times("event", "Killing", sick))
    after("exited", run.exited(sick))
    after("restarted", run.started(sick)[1:])
    ready, endpoints = run.ready_changes(), run.endpoint_changes()
    if ready:
        found["first_ready"] = ready[0][0]
    after("not_ready", [t for t, value in ready if not value])
    after("ready_again", [t for t, value in ready[1:] if value])
    after("endpoint_off", [t for t, value in endpoints if not value])
    after("endpoint_on", [t for t, value in endpoints[1:] if value])
    if run.gone_at is not None:
        found["onset -> pod_gone"] = run.gone_at - began
    return found


def waits(name: str, run: Run) -> list[float]:
    """Return the seconds from each exit to the next start."""
    sick = SICK.get(name, "")
    return [start - end for end, start in zip(run.exited(sick), run.started(sick)[1:], strict=False)]


def longest(window: float) -> float:
    """Return the end of a wait: jitter, a second until the exit is seen, another until the pod is seen to be due."""
    return 1.5 * window + 2


def outlived(run: Run, restart: int, window: float) -> bool:
    """Return whether the window has passed since the last exit, when a container that a probe has killed is started."""
    if not run.of("event", "Killing") or restart == 0:
        return False
    return run.started()[restart + 1] - run.exited()[restart - 1] > window


def same_story(name: str, version: str, run: Run) -> bool:
    """Return whether a run has the events (in order, with their counts), restarts and exit codes of a repeat."""
    trace = TRACES[name][version]
    return written(run) in trace["events"] and run.restarts in trace["restarts"] and run.exit_codes() in trace["exits"]


def written(run: Run) -> str:
    """Return the events as the traces' summary does."""
    return " ".join(f"{reason} x{count}" for reason, count in run.counts().items())


def warnings(name: str, run: Run) -> set[str]:
    """Return the texts of the warnings, as the traces have them."""
    pod = "s" + name.partition("-")[0]
    texts = {e.message for _, e in run.of("event") if e.data["type"] == "Warning"}
    texts = {re.sub(r"in pod \S+", f"in pod {pod}_NS(UID)", text) for text in texts}
    return {re.sub(r"\b(127|10)(\.\d+){3}\b", "POD_IP", text) for text in texts}


def deviations(name: str, version: str, run: Run, but: Sequence[str] = ()) -> dict[str, float]:
    """Return how far from the trace's medians a run's times are, in seconds."""
    found, times = measures(name, run), TRACES[name][version].get("times", {})
    apart = (*APART.get(name, ()), *but)
    return {key: abs(found.get(key, math.inf) - times[key][0]) for key in times if key not in apart}


def within_reach(name: str, version: str, key: str, seconds: float) -> bool:
    """Return whether a time is among the trace's, or near them."""
    _, least, most = TRACES[name][version]["times"][key]
    return bool(least - WITHIN <= seconds <= most + WITHIN)


def schedules(run: Run) -> dict[str, Schedule]:
    """Return the probes of the first life of each container, by container and type."""
    found: dict[str, Schedule] = {}
    before: dict[str, float] = {}
    for t, event in run.of("probe"):
        container = event.data["container"]
        if t > min(run.exited(container), default=math.inf):
            continue
        worker, began = f"{container} {event.reason}", t - event.data["seconds"]
        gap = began - before.get(worker, run.started(container)[0])
        found.setdefault(worker, []).append((gap, str(event.data["outcome"])))
        before[worker] = began
    return found


def recorded(text: str) -> Schedule:
    """Read `0.9 success, 4x 1.0 success, 3x 1.0 failure`."""
    found: Schedule = []
    for item in text.split(", "):
        *times, gap, outcome = item.split()
        found += [(float(gap), outcome)] * int(times[0][:-1] if times else 1)
    return found

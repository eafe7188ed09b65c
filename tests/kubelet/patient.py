"""The patient of the traces, as a model: what its environment tells it to do."""

from __future__ import annotations

import math

from crashy.objects.pod import Container
from tests.kubelet.scripted import Answer, Condition, Hang, Life, ScriptedPhase, Stall, Stopped

MAIN = 0.055
"""Seconds from a container's start to the patient's first line: its own seconds count from there."""

FAULTS: dict[str, tuple[Condition, tuple[str, ...]]] = {
    "SOFT_CRASH_AFTER": (Answer(500), ("/*",)),
    "HANG_AFTER": (Hang(), ("/*",)),
    "STOP_AFTER": (Stopped(), ("*",)),
    "FILE_GONE_AFTER": (Answer(500, "cat: /var/is_healthy: No such file or directory\n"), ("cat *",)),
}
"""Variable -> what happens to which targets so many seconds after the start, in the first FAULT_LIVES lives."""


def environment(container: Container) -> dict[str, str]:
    return {variable.name: variable.value for variable in container.env}


def onset(container: Container) -> float:
    """Return when the first life's fault comes, in seconds after the container's start."""
    env = environment(container)
    delays = [float(env[name]) for name in (*FAULTS, "EXIT_AFTER") if name in env]
    if "NOT_READY" in env:
        delays.append(float(env["NOT_READY"].split("-")[0]))
    return MAIN + min(delays, default=-MAIN)


def life(container: Container, attempt: int, start_seconds: float) -> Life:
    """Return the patient's n-th life."""
    env = environment(container)
    ill = attempt < int(env.get("FAULT_LIVES", "1000"))
    phases = [
        ScriptedPhase(condition, MAIN + float(env[name]), math.inf, targets)
        for name, (condition, targets) in FAULTS.items()
        if name in env and ill
    ]
    if "NOT_READY" in env:
        begin, end = (MAIN + float(moment) for moment in env["NOT_READY"].split("-"))
        phases.append(ScriptedPhase(Answer(500), begin, end, ("/ready",)))
    always: dict[str, tuple[Condition, str]] = {
        "READY_LATENCY": (Answer(latency=float(env.get("READY_LATENCY", 0))), "/ready"),
        "STALL_BODY": (Stall(), "/*"),
        "NEVER_STARTED": (Answer(500), "/startup"),
    }
    phases += [
        ScriptedPhase(condition, targets=(target,)) for name, (condition, target) in always.items() if name in env
    ]
    if env.get("REDIRECT", "/").startswith("http"):
        phases.append(ScriptedPhase(Answer(302, "moved\n"), targets=("/ready",)))
    phases.append(ScriptedPhase(Answer(latency=5, body=""), targets=("sleep 5",)))
    return Life(
        start_seconds=start_seconds,
        listens_at=MAIN + float(env.get("START_DELAY", 0)),
        phases=tuple(phases),
        exits_at=MAIN + float(env["EXIT_AFTER"]) if "EXIT_AFTER" in env and ill else None,
        exit_code=int(env.get("EXIT_CODE", 0)),
        term_seconds=None if "IGNORE_TERM" in env else float(env.get("TERM_LATENCY", 0)),
        backlog=int(env.get("BACKLOG", 5)),
    )

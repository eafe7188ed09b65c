"""How long a start may take, and when it is ready, hold for the simulated kubelet."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crashy.check.starts import RELIST, start
from crashy.kubelet.detection import Bounds
from tests.check.targets import command, http, target, tcp
from tests.check.test_numbers import HAIR, PROBE
from tests.kubelet.scripted import Hang, Life, ScriptedPhase
from tests.kubelet.simulation import simulate


def sleeper(script: str) -> dict[str, Any]:
    return {"image": "busybox", "command": ["sh", "-c", script]}


@pytest.mark.parametrize(
    ("container", "safe", "killed", "by", "ready"),
    [
        ({}, None, None, None, (0, 0)),
        ({"livenessProbe": http()}, 20, (20, 31), "liveness", (0, 0)),
        ({"livenessProbe": http(initialDelaySeconds=15)}, 34, (34, 46), "liveness", (0, 0)),
        (
            {"startupProbe": http(periodSeconds=5, failureThreshold=30), "livenessProbe": http()},
            145,
            (145, 151),
            "startup",
            (0, 6),
        ),
        ({"readinessProbe": http("/readyz", periodSeconds=5)}, None, None, None, (0, 5)),
        ({"readinessProbe": http("/livez", periodSeconds=5), "env": {"READY_AFTER": 60}}, None, None, None, (0, 5)),
        ({"readinessProbe": http("/readyz"), "env": {"READINESS_LATENCY": 2}}, None, None, None, None),
        (
            {"readinessProbe": http("/readyz", timeoutSeconds=3), "env": {"READINESS_LATENCY": 2}},
            None,
            None,
            None,
            (2, 12),
        ),
        ({"livenessProbe": http(), "env": {"APP_START_DELAY": 45}}, 20, (20, 31), "liveness", (0, 0)),
        # What a command does before the app counts.
        ({"readinessProbe": tcp(), **sleeper("sleep 5; exec server")}, None, None, None, (5, 15)),
        ({"readinessProbe": tcp(), **sleeper("sleep 1m && touch /a; sleep 2")}, None, None, None, (0, 10)),  # no app
        ({"readinessProbe": tcp(), **sleeper("! sleep 2 || server; sleep 3")}, None, None, None, (2, 12)),
        ({"readinessProbe": tcp(), **sleeper("server || sleep 9")}, None, None, None, (0, 10)),
        ({"livenessProbe": tcp(), **sleeper("sleep 25; server")}, 20, (20, 31), "liveness", (0, 0)),
        # A command waits for the app that it asks, and for the file that says that it is ready; others don't.
        ({"readinessProbe": command("true", periodSeconds=5), "env": {"READY_AFTER": 4}}, None, None, None, (0, 5)),
        ({"readinessProbe": command("cat", "/app/is_ready"), "env": {"READY_AFTER": 4}}, None, None, None, (4, 14)),
        ({"readinessProbe": command("curl", "localhost"), "env": {"READY_AFTER": 4}}, None, None, None, (4, 14)),
        (
            {"startupProbe": command("sh", "-c", "test -f /app/is_ready && true"), "env": {"READY_AFTER": 4}},
            20,
            (20, 31),
            "startup",
            (4, 15),
        ),
        (
            {"readinessProbe": command("cat", "/app/is_healthy"), "env": {"APP_START_DELAY": 4}},
            None,
            None,
            None,
            (0, 10),
        ),
    ],
)
def test_what_a_start_may_take(
    container: dict[str, Any],
    safe: float | None,
    killed: tuple[float, float] | None,
    by: str | None,
    ready: tuple[float, float] | None,
) -> None:
    begun = start(target(container))

    assert (begun.safe, begun.by) == (safe, by)
    assert begun.killed == (killed and Bounds(*killed))
    assert begun.ready == (ready and Bounds(*ready))


@settings(max_examples=80, deadline=None)
@given(
    container=st.fixed_dictionaries({"livenessProbe": PROBE}, optional={"startupProbe": PROBE}),
    starts=st.floats(0, 40).map(lambda s: round(s, 2)),
    hangs=st.booleans(),
    seed=st.integers(0, 9),
)
def test_a_start_is_granted_what_is_safe_and_killed_within_the_bounds(
    container: dict[str, Any], starts: float, hangs: bool, seed: int
) -> None:
    patient = target(container)
    begun = start(patient)
    phases = (ScriptedPhase(Hang(), 0.0, starts),) if hangs else ()
    life = Life(start_seconds=0.0, listens_at=0.0 if hangs else starts, phases=phases)
    kills = simulate(patient.template, lambda *_: life, 90, seed=seed).times("event", "Killing")

    assert begun.safe is not None
    assert begun.killed is not None
    if starts < begun.safe:
        assert kills == []
    if kills:
        assert begun.killed.best - HAIR <= kills[0] <= begun.killed.worst + RELIST + HAIR
    elif not hangs:
        assert starts <= begun.killed.worst

"""A container that its own probes end lives as long as `check` says, and is ready when it says, on sim."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from crashy.check.stops import goes_on
from crashy.kubelet.detection import Bounds
from crashy.kubelet.grace import KillReason
from crashy.kubelet.versions import PROFILES
from tests.check import lives
from tests.check.targets import command, http, tcp
from tests.check.test_law import only, pod, slow


def stops(seconds: int) -> dict[str, Any]:
    return {"lifecycle": {"preStop": {"exec": {"command": ["sleep", str(seconds)]}}}}


READYZ = http("/readyz", periodSeconds=2, failureThreshold=2)
BOTH = {"livenessProbe": READYZ, "readinessProbe": http("/readyz", periodSeconds=1)}
SLEEPS = {"readinessProbe": http("/readyz", periodSeconds=1), "livenessProbe": command("sleep", "9", timeoutSeconds=2)}


@pytest.mark.parametrize("version", ["1.20", "1.32", "1.36"])
@pytest.mark.parametrize(
    ("manifest", "ready"),
    [
        (slow(BOTH | stops(20), "10"), (10, 11)),  # liveness gives up after 2 to 5 s, preStop ends after 22 at least
        (slow(BOTH | stops(6), "10"), (10, math.inf)),
        (slow(BOTH | stops(60), "10", terminationGracePeriodSeconds=15), (10, 11)),
        (slow(BOTH | stops(3), "10"), None),
        (slow(BOTH, "10"), None),  # the patient ends at SIGTERM
        (slow({"startupProbe": READYZ, **BOTH} | stops(20), "10"), None),  # not asked after a failed startup probe
        (slow({"livenessProbe": READYZ} | stops(20), "10"), (0, 0)),
        (slow(SLEEPS, "1"), (1, 2)),
        (slow(SLEEPS, "90"), None),
        (pod(SLEEPS), (0, 1)),
        (pod(BOTH | stops(20) | {"command": ["sh", "-c", "sleep 10; server"]}), (10, 11)),
        (pod(BOTH | {"command": ["sh", "-c", "sleep 50; server"]}), None),
        (pod({"livenessProbe": command("false", periodSeconds=1)}, restartPolicy="OnFailure"), (0, 0)),
    ],
)
def test_a_start_that_a_probe_always_ends_may_be_ready_until_its_process_has_ended(
    manifest: dict[str, Any], ready: tuple[float, float] | None, version: str
) -> None:
    case = only(manifest)
    case = replace(case, target=replace(case.target, profile=PROFILES[version]))
    begun = case.numbers.start

    assert begun.in_vain
    assert version == "1.20" or begun.ready == (Bounds(*ready) if ready else None)
    assert [*lives.wrong_lives(case)] == []


@pytest.mark.parametrize(
    ("given", "worst"),
    [
        ({}, 0.0),
        ({"env": [{"name": "SHUTDOWN", "value": "listener-first"}]}, 0.0),
        ({"env": [{"name": "SHUTDOWN", "value": "ignore"}]}, 30.0),
        ({"env": [{"name": "SHUTDOWN", "value": "slow"}]}, 30.0),
        ({"args": ["serve", "--shutdown", "ignore"]}, 30.0),
    ],
)
def test_a_patient_may_be_made_to_go_on_after_sigterm(given: dict[str, Any], worst: float) -> None:
    target = only(pod({"image": "crashy-app", **given, **BOTH})).target

    assert goes_on(target, KillReason.LIVENESS) == Bounds(0.0, worst)


GUARD = {"startupProbe": tcp(periodSeconds=5, failureThreshold=30)}
NEVER = ["sh", "-c", "exit 1"]


@pytest.mark.parametrize("version", ["1.20", "1.32", "1.36"])
@pytest.mark.parametrize(
    ("manifest", "killed"),
    [
        # A startup probe passes after 0 to 5 s, and that is known within a second more.
        (pod(GUARD | {"livenessProbe": command(*NEVER)}), (20, 36)),
        (pod(GUARD | {"livenessProbe": command(*NEVER, periodSeconds=3, failureThreshold=1)}), (0, 9)),
        (pod(GUARD | {"livenessProbe": command(*NEVER, initialDelaySeconds=20, failureThreshold=2)}), (29, 40)),
        (pod(GUARD | {"livenessProbe": command("sleep", "9", timeoutSeconds=4, periodSeconds=2)}), (12, 20)),
        (pod(GUARD | {"livenessProbe": command("sh", "-c", "sleep 2; false", timeoutSeconds=4)}), (22, 38)),
        (pod(GUARD | {"livenessProbe": command(*NEVER)} | stops(5), terminationGracePeriodSeconds=9), (20, 36)),
        (pod(GUARD | {"livenessProbe": command(*NEVER), "readinessProbe": tcp(periodSeconds=3)}), (20, 36)),
        (
            pod(
                {
                    "startupProbe": tcp(initialDelaySeconds=6, periodSeconds=4),
                    "livenessProbe": command(*NEVER, terminationGracePeriodSeconds=3, periodSeconds=5),
                }
            ),
            (15, 26),
        ),
        (slow(GUARD | {"livenessProbe": http("/nope", periodSeconds=4)}, "0"), (8, 18)),
        (slow({"startupProbe": http("/readyz"), "livenessProbe": tcp(9999, periodSeconds=4)}, "12"), (20, 35)),
    ],
)
def test_liveness_that_never_succeeds_ends_each_start_that_its_startup_probe_grants(
    manifest: dict[str, Any], killed: tuple[float, float], version: str
) -> None:
    case = only(manifest)
    case = replace(case, target=replace(case.target, profile=PROFILES[version]))
    begun = case.numbers.start

    assert (begun.in_vain, begun.by) == (True, "liveness")
    assert version == "1.20" or begun.killed == Bounds(*killed)
    assert [*lives.wrong_lives(case)] == []

"""What real kubelets did in some twenty scenarios, the driver does on modelled containers.

The same manifests run several times, with other phases of the kubelet's 1 s tick grids and another requeue's draw each.
"""

from __future__ import annotations

import math
import random
import statistics
from functools import cache

import pytest

from crashy.kubelet.runtime import Pod
from crashy.kubelet.versions import NEWEST, PROFILES
from crashy.objects.pod import Container, parse_pod_template
from tests.kubelet.patient import life
from tests.kubelet.scripted import Life
from tests.kubelet.simulation import Run, simulate
from tests.kubelet.traces import (
    APART,
    DELETED,
    DELETED_AT,
    TRACES,
    WINDOWS,
    WITHIN,
    cases,
    deviations,
    longest,
    measures,
    outlived,
    same_story,
    waits,
    warnings,
    within_reach,
)

RUNS = 15
LANDING = ("first_probe /landing",)  # redirects are the http handler's: modelled containers know none

FIRST = "first_probe /healthz"
TO_KILL = ("onset -> first_failure", "onset -> killing", "onset -> exited", "onset -> restarted")
GRID = {
    "01-soft-crash": (FIRST, *TO_KILL),
    "03-hang": (FIRST, *TO_KILL),
    "05-probe-kill-loop": (FIRST, *TO_KILL),
    "06-startup-slow": ("first_probe (refused)", "first_probe /startup", "first_probe /ready", FIRST, "first_ready"),
    "07-startup-never": ("first_probe /startup", *TO_KILL),
    "09-sigstop-tcp": ("first_probe tcp", *TO_KILL),
    "09b-sigstop-tcp-backlog128": ("first_probe tcp", "first_ready"),
    "10-exec-file-gone": ("first_probe exec", *TO_KILL),
    "11-exec-timeout": ("first_probe exec", *TO_KILL),
    "12-initial-delay": (FIRST,),
    "13-hang-back-to-back": (FIRST, *TO_KILL),
    "14-probe-grace": (FIRST, *TO_KILL),
    "15-delete-prestop": (FIRST, "onset -> killing", "onset -> exited", "onset -> endpoint_off"),
    "17-stalled-body": (FIRST, "onset -> first_failure", "first_ready"),
    "21-two-containers": ("first_probe sick /ready", "first_probe fine /healthz", *TO_KILL[1:]),
}


@cache
def runs(version: str, name: str) -> list[Run]:
    return [one_run(version, name, seed) for seed in range(RUNS)]


def one_run(version: str, name: str, seed: int) -> Run:
    # The pod's sandbox is ready 0.08 to 0.19 s before its first container, other starts take about as long as seen.
    first = random.Random(seed).uniform(0.08, 0.19)

    def script(_pod: Pod, container: Container, attempt: int) -> Life:
        return life(container, attempt, first if attempt == 0 else 0.08)

    trace = TRACES[name]
    play = {DELETED_AT: lambda driver, _: driver.delete()} if name == DELETED else {}
    template = parse_pod_template({"spec": trace["spec"]}, path="")
    return simulate(template, script, trace[version]["observed"], profile=PROFILES[version], seed=seed, play=play)


def alike(version: str, name: str) -> list[Run]:
    """Return the runs with the trace's events, restarts and exit codes."""
    return [run for run in runs(version, name) if same_story(name, version, run)]


@pytest.mark.parametrize(("version", "name"), cases())
def test_some_run_has_the_same_events_restarts_and_exits(version: str, name: str) -> None:
    assert alike(version, name)


@pytest.mark.parametrize(("version", "name"), cases(NEWEST.version))
def test_and_the_same_times_in_that_one_run(version: str, name: str) -> None:
    off = [deviations(name, version, run, LANDING) for run in alike(version, name)]

    assert min(max(run.values()) for run in off) <= WITHIN


@pytest.mark.parametrize(("version", "name"), cases("1.20"))
def test_1_20_has_the_same_times_but_every_probe_has_a_phase_of_its_own(version: str, name: str) -> None:
    found = [measures(name, run) for run in runs(version, name)]
    for key in TRACES[name][version].get("times", {}):
        if key not in (*APART.get(name, ()), *LANDING):
            assert any(within_reach(name, version, key, times.get(key, math.inf)) for times in found), key


@pytest.mark.parametrize(("version", "name"), cases())
def test_the_same_words(version: str, name: str) -> None:
    mine = set.union(*(warnings(name, run) for run in runs(version, name)))
    seen = set(TRACES[name][version].get("warnings", ()))

    assert seen == mine if version == NEWEST.version else seen <= mine


@pytest.mark.parametrize(("name", "keys"), GRID.items())
def test_what_the_grid_alone_decides_to_a_tenth_of_a_second(name: str, keys: tuple[str, ...]) -> None:
    measured = [measures(name, run) for run in runs(NEWEST.version, name)]
    medians = {key: statistics.median(m[key] for m in measured) for key in keys}

    assert medians == {key: pytest.approx(TRACES[name][NEWEST.version]["times"][key][0], abs=0.1) for key in keys}


@pytest.mark.parametrize(("name", "windows"), WINDOWS.items())
def test_a_restart_waits_for_its_window_and_at_most_half_as_long_again(name: str, windows: tuple[int, ...]) -> None:
    seen = [(least, most) for _, least, most in TRACES[name][NEWEST.version]["waits"]]

    assert all(window <= least <= most <= longest(window) for window, (least, most) in zip(windows, seen, strict=True))
    for run in runs(NEWEST.version, name):
        for restart, (window, wait) in enumerate(zip(windows, waits(name, run), strict=False)):
            assert (0 if outlived(run, restart, window) else window) <= wait <= longest(window)

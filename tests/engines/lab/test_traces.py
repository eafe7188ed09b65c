"""What real kubelets did, the lab does with real processes, under the profile of the same version.

Where the three repeats of a trace agree, nothing but the grid decides, and a pod of the lab must come within a tenth
of a second of their median. Elsewhere chance decides too (the phase of the 1 s relist, the back-off's jitter, on 1.20
the phase of every probe): there one must come within half a second of what was seen. By what this machine itself was
late in the meantime, as measured, the tenth is more.
"""

from __future__ import annotations

import math
import pickle
import statistics
from collections.abc import Iterator

import pytest

from crashy.kubelet.versions import NEWEST, PROFILES, Requeue
from tests.elsewhere import needs_addresses
from tests.engines.lab.recording import Recording, alone, record
from tests.kubelet.simulation import Run
from tests.kubelet.traces import (
    APART,
    TRACES,
    WINDOWS,
    WITHIN,
    Schedule,
    cases,
    longest,
    measures,
    outlived,
    recorded,
    same_story,
    schedules,
    waits,
    warnings,
    written,
)

pytestmark = [
    pytest.mark.trace_lab,
    pytest.mark.timeout(600),
    needs_addresses,
]
GRID = 0.1
RASTER = 1.0
TOO_LATE = 0.05
# Where three repeats agree all the same: by luck (when an exit is noticed, is the relist's phase again), or because a
# node's runtime takes its time (a pod's sandbox ends a tenth of a second after its last process).
BY_CHANCE = {
    "15-delete-prestop": ("not_ready",),
    "23-streak-over-restart": ("not_ready", "ready_again", "endpoint_off", "endpoint_on"),
}
# On 1.20 the phase of these probes is one of ten seconds, of which three repeats show little.
SPREAD = {"12-initial-delay": 5.0}


@pytest.fixture(scope="session")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Recording]:
    """Return what all pods did; whichever process of a test run asks first runs them, and the others wait for it."""
    with alone(tmp_path_factory) as file:
        file.seek(0)
        if reported := file.read():
            found: dict[str, Recording] = pickle.loads(reported)
            return found
        found = record()
        file.write(pickle.dumps(found))
    return found


@pytest.mark.parametrize(("version", "name"), cases())
def test_the_same_on_processes(recordings: dict[str, Recording], version: str, name: str) -> None:
    runs = recordings[version][name]
    complaints = [*stories(version, name, runs), *times(version, name, runs), *probes(version, name, runs)]
    complaints += [*restarts(version, name, runs), *words(version, name, runs)]
    if complaints and min(run.late for run in runs) > TOO_LATE:
        pytest.skip(f"this machine is too busy to tell, {min(run.late for run in runs):.2f} s late: {complaints}")
    assert not complaints


def stories(version: str, name: str, runs: list[Run]) -> Iterator[str]:
    """Complain if no pod has the events, in their order and number, the restarts and the exit codes of a repeat."""
    if not any(same_story(name, version, run) for run in runs):
        yield f"{[written(run) for run in runs]}, not {TRACES[name][version]['events']}"


def times(version: str, name: str, runs: list[Run]) -> Iterator[str]:
    """Complain of each time that is not the trace's."""
    mine = [measures(name, run) for run in runs]
    reported = [(measures(name, run), GRID + run.late) for run in runs if same_story(name, version, run)]
    reach = WITHIN + (SPREAD.get(name, 0) if PROFILES[version].always_jitters else 0)
    for key, (median, least, most) in TRACES[name][version].get("times", {}).items():
        if key in APART.get(name, ()):
            continue
        by_chance = version != NEWEST.version or key.removeprefix("onset -> ") in BY_CHANCE.get(name, ())
        if most - least <= GRID and not by_chance:
            near = any(abs(found.get(key, math.inf) - median) <= apart for found, apart in reported)
        else:
            near = any(least - reach <= found.get(key, math.inf) <= most + reach for found in mine)
        if not near:
            yield f"{key}: {[found.get(key) for found in mine]}, not {median} ({least} to {most})"


def restarts(version: str, name: str, runs: list[Run]) -> Iterator[str]:
    """Complain of each restart that came before the back-off's window had passed, or too late."""
    for run in runs:
        for restart, (window, wait) in enumerate(zip(WINDOWS.get(name, ()), waits(name, run), strict=False)):
            most = window + 17 if PROFILES[version].requeue is Requeue.POLL and window else longest(window)
            if not (0 if outlived(run, restart, window) else window) <= wait <= most + GRID:
                yield f"restart {restart + 1}: {wait} s, not {window} to {most}"


def probes(version: str, name: str, runs: list[Run]) -> Iterator[str]:
    """Complain of each worker that probed no first life as in one of the repeats."""
    for worker, texts in TRACES[name][version].get("probes", {}).items():
        mine = [(schedules(run).get(worker, []), run.late) for run in runs]
        if not any(alike(found, recorded(text), late) for found, late in mine for text in texts):
            yield f"{worker}: {mine}, not {texts}"


def words(version: str, name: str, runs: list[Run]) -> Iterator[str]:
    """Complain of warnings that the real kubelets did not give, or that they gave, and of other User-Agents.

    A probe that meets the SIGTERM of the same sync: in a container it is answered still, a process has gone sooner.
    """
    seen = set(TRACES[name][version].get("warnings", ()))
    mine = {text for run in runs for text in warnings(name, run) if "reset by peer" not in text}
    if seen != mine if version == NEWEST.version else not seen <= mine:
        yield f"{mine - seen}, and not {seen - mine}"
    if others := agents(runs) - {PROFILES[version].user_agent}:
        yield f"asked by {others}"


def alike(mine: Schedule, seen: Schedule, late: float) -> bool:
    """Return whether two first lives had the same probes; a few more may have come before the end of what was observed.

    What comes sooner than a period after the one before was not the grid's, but a sync's: those gaps are the relist's.
    """
    if abs(len(mine) - len(seen)) > 1 + len(seen) // 20:
        return False
    period = statistics.median([gap for gap, _ in seen[1:]] or [0])
    return all(
        ours == theirs and (i == 0 or abs(gap - other) <= (RASTER if other < period - GRID else GRID + late))
        for i, ((gap, ours), (other, theirs)) in enumerate(zip(mine, seen, strict=False))
    )


def agents(runs: list[Run]) -> set[str]:
    """Return the User-Agents that the patients were asked by."""
    reported = (event.message for run in runs for _, event in run.of("log"))
    return {line.split(" ", 2)[2] for line in reported if line.startswith("request ")}

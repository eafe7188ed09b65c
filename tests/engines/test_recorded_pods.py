"""What a 1.36.2 cluster did in experiments of features that 1.20 lacks, held to sim and, as processes, to the lab.

The recordings are not part of this repository: without them the tests are skipped.
"""

from __future__ import annotations

import asyncio
import json
import lzma
import os
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
import yaml

from crashy.kubelet.versions import PROFILES
from crashy.timeline import Event
from tests.engines.effects import watch, watching

ROOT = Path(__file__).parents[2]
FOLDER = Path(os.environ.get("RECORDED_LESSONS", ROOT.parent / "shared/kubelet/lessons-1.36/new-features"))
APART = 2.2  # seconds: a period of the slowest liveness probe, and the node's own time to start a container

pytestmark = [
    pytest.mark.skipif(not FOLDER.is_dir(), reason="needs the recordings in ../shared/kubelet/lessons-1.36"),
    pytest.mark.timeout(200),
]


@dataclass(frozen=True)
class State:
    """What a pod's status says of its last container, and when it began to."""

    t: float
    said: tuple[int, bool, bool, bool]
    """Restarts, ready, started, being deleted."""


def states(events: list[dict[str, Any]], pod: str, since: float) -> list[State]:
    """Return a pod's statuses that last, from a moment on; in seconds since then."""
    found = []
    for one in events:
        if one["kind"] == "pod" and one["object"] == pod and one["reason"] in {"Running", "Pending"}:
            last = (one["data"]["containers"] or [{"restarts": 0, "ready": False, "started": False}])[-1]
            said = (last["restarts"], last["ready"], last["started"], one["data"]["deleting"])
            found.append(State(one["t"] - since, said))
    lasting = [one for one, after in zip(found, [*found[1:], None], strict=True) if not after or after.t - one.t > 0.25]
    return [next(same) for _, same in groupby((one for one in lasting if one.t > 0), key=lambda one: one.said)]


def recorded(name: str) -> list[list[dict[str, Any]]]:
    """Return the repeats of a recording."""
    files = sorted(FOLDER.glob(f"{name}-kube-*.jsonl.xz"))
    return [[json.loads(line) for line in lzma.open(file, "rt")] for file in files]


def plan(name: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]], float]:
    """Return the manifests, the steps and the seconds of a recorded experiment."""
    read = yaml.safe_load((FOLDER / f"{name}.yaml").read_text())
    return read["manifests"], read["steps"], float(str(read["duration"]).removesuffix("s"))


def lines(events: list[Event]) -> list[dict[str, Any]]:
    return [json.loads(event.to_json()) for event in events]


def on_sim(name: str, version: str = "1.36") -> list[dict[str, Any]]:
    return lines(watch(*plan(name), on="sim", profile=PROFILES[version]))


async def in_the_lab(name: str) -> list[dict[str, Any]]:
    return lines(await watching(*plan(name), on="lab", profile=PROFILES["1.36"]))


def injected(events: list[dict[str, Any]]) -> tuple[str, float]:
    """Return the first pod that falls ill, and when."""
    fault = next(one for one in events if one["kind"] == "fault")
    return fault["object"], fault["t"]


LESSONS = ["g8-startup-restart", "g9-startup-not-again", "g10-startup-after-probe-kill", "g11-ready-while-not-started"]


def second_start(name: str, events: list[dict[str, Any]]) -> None:
    """Hold the states from the fault on to those of a repeat: kubernetes#141155."""
    mine = states(events, *injected(events))
    theirs = [states(one, *injected(one)) for one in recorded(name)]

    assert theirs
    assert [one.said for one in mine] in [[one.said for one in run] for run in theirs]
    like = next(run for run in theirs if [one.said for one in run] == [one.said for one in mine])
    assert [one.t for one in mine] == pytest.approx([one.t for one in like], abs=APART)


@pytest.mark.parametrize(
    ("version", "early"),
    [("1.32", False), ("1.34", False), ("1.35", True), ("1.36", True), ("1.37", True), ("fixed", False)],
)
@pytest.mark.parametrize("name", ["g10-startup-after-probe-kill", "g11-ready-while-not-started"])
def test_from_1_35_on_it_is_ready_before_it_has_started(name: str, version: str, *, early: bool) -> None:
    events = on_sim(name, version)
    second = [one.said[1:3] for one in states(events, *injected(events)) if one.said[0] == 1]

    assert second == [*([(True, True)] if early else []), (False, False), (True, True)]


def hooks_of_sidecars(name: str, events: list[dict[str, Any]]) -> None:
    """Hold the seconds from the deletion: Killing events, ends of main (4 s of preStop), second (1 s) and first."""

    def ends(events: list[dict[str, Any]]) -> tuple[list[float], list[float]]:
        deleted = next(one["t"] for one in events if one["kind"] == "pod" and one["data"]["deleting"])
        killing = [one["t"] - deleted for one in events if one["reason"] == "Killing"]
        over = {"main": 0.0, "second": 0.0, "first": 0.0}
        for one in events:
            if "Drained" in one["message"] or one["reason"] == "Exited":
                over[one["data"]["container"]] = one["t"] - deleted
        return killing, [*over.values()]

    killing, mine = ends(events)

    assert len(killing) == 3
    assert max(killing) < 0.3
    for one in recorded(name):
        theirs, ended = ends(one)
        assert max(theirs) < 0.3
        assert mine == pytest.approx(ended, abs=0.5)


def endpoint_of_a_pod_that_ends(name: str, events: list[dict[str, Any]]) -> None:
    """Hold the first and the last endpoints from the deletion on."""

    def endpoints(events: list[dict[str, Any]]) -> list[tuple[list[str], ...]]:
        deleted = next(one["t"] for one in events if one["kind"] == "pod" and one["data"]["deleting"])
        said = [one for one in events if one["kind"] == "endpoints" and one["t"] >= deleted - 0.05]
        states = [tuple(one["data"][key] for key in ("ready", "not_ready", "serving")) for one in said]
        return [states[0], states[-1]]  # whether a probe falls into its last half second is chance

    assert endpoints(events) in [endpoints(one) for one in recorded(name)]


MEASURES = {
    **dict.fromkeys(LESSONS, second_start),
    "g7-sidecar-end": hooks_of_sidecars,
    "g6-endpoints": endpoint_of_a_pod_that_ends,
}


@pytest.mark.parametrize("name", MEASURES)
def test_on_sim_it_goes_as_recorded(name: str) -> None:
    MEASURES[name](name, on_sim(name))


@pytest.mark.slow
def test_in_the_lab_it_goes_as_recorded() -> None:
    """All of them side by side, each in a lab of its own."""
    # Of g8's startup period of a second chance may leave too little to be seen; on sim the seed decides.
    names = [name for name in MEASURES if name != LESSONS[0]]

    async def all_of_them() -> list[list[dict[str, Any]]]:
        return await asyncio.gather(*(in_the_lab(name) for name in names))

    for name, events in zip(names, asyncio.run(all_of_them()), strict=True):
        MEASURES[name](name, events)

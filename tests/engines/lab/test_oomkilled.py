"""What a real 1.36.2 did with containers that want more memory than their limit (recording 15), the lab does.

Its node had cgroup v1. Each container's states are held to the recording up to the end of its second run; at which
time each came is the business of the node and of Python there, and of this machine here.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from pathlib import Path
from typing import Any

import pytest

from crashy.engines.lab.cgroups import ROOT
from crashy.engines.lab.running import running
from crashy.objects.manifests import read
from crashy.timeline import Event, Timeline
from tests.elsewhere import needs_addresses, needs_cgroups
from tests.engines.recordings import FOLDER
from tests.engines.replay import documents_of

NAME = "15-oomkilled"
RUNS = 2
DEADLINE = 60.0
State = tuple[str, str, int | None, int]  # state, reason, exit code, restarts


def up_to_its_second_end(states: list[State]) -> list[State]:
    """Return each state once, up to the end of the second run."""
    found: list[State] = []
    for state in states:
        if found[-1:] != [state]:
            found.append(state)
        if state[0] == "terminated" and state[3] == RUNS - 1:
            break
    return found


def recorded(number: int) -> dict[str, list[State]]:
    found: dict[str, list[State]] = {}
    for line in (FOLDER / f"{NAME}-{number}.jsonl").read_text().splitlines():
        entry: dict[str, Any] = json.loads(line)
        for one in entry.get("containers", ()) if entry["kind"] == "pod" else ():
            state = (one["state"], one.get("reason", ""), one.get("exitCode"), one["restarts"])
            found.setdefault(entry["name"], []).append(state)
    return {name: up_to_its_second_end(states) for name, states in found.items()}


@pytest.mark.workload(NAME)
@pytest.mark.skipif(not FOLDER.is_dir(), reason=f"needs the recordings in {FOLDER}")
@pytest.mark.skipif((ROOT / "cgroup.controllers").exists(), reason="v2 kills the whole container")
@needs_addresses
@needs_cgroups
async def test_the_same_states_reasons_and_exit_codes(tmp_path: Path) -> None:
    wanted = recorded(1)
    assert wanted == recorded(2)
    timeline = Timeline(time.monotonic)
    seen: dict[str, list[State]] = {}
    async with running(timeline, labs=tmp_path, note=lambda _: None, rng=random.Random(1)) as lab:
        changed = asyncio.Event()

        def note(_event: Event) -> None:
            for view in lab.pods():
                for one in view.status.containers:
                    state = (one.state, one.reason, one.exit_code, one.restart_count)
                    seen.setdefault(view.pod.name, []).append(state)
            changed.set()

        timeline.subscribe(note)
        await lab.apply(read(documents_of(NAME)))
        async with asyncio.timeout(DEADLINE):
            while {name: up_to_its_second_end(states) for name, states in seen.items()} != wanted:
                changed.clear()
                await changed.wait()

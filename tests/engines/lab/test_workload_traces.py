"""What a real 1.36.2 did with workloads, the lab does with real processes: short scenarios.

All run side by side, each in a lab of its own. Delays are held to half a second, and to what this machine itself was
late in the meantime.
"""

from __future__ import annotations

import asyncio
import random
import time
from pathlib import Path

import pytest

from crashy.engines.lab.running import running
from crashy.timeline import Timeline
from tests.elsewhere import needs_addresses
from tests.engines.lab.recording import alone
from tests.engines.recordings import FOLDER, differences, recordings
from tests.engines.replay import documents_of, kinds_of, play, profile_of

SCENARIOS = (
    *("02-sts-parallel", "03d-sts-ondelete", "05a-job-success", "05e-job-deadline", "05f-job-ttl", "07a-ds-update"),
    *("07b-ds-maxsurge", "05j-job-suspend", "09a-pdb-two-evictions", "09b-pdb-never-ready-alwaysallow"),
    *("09c-pdb-never-ready-default", "09d-pdb-bare-pod-maxunavailable", "14c-kubelet-restart-all-ready"),
    "17c-deploy-recreate",
)
APART = 1.5  # seconds from one scenario's begin to the next one's: Python's start is what keeps the processors busy
OWN = 0.4  # seconds from a process's start to a server in it
TICK = 0.02
# Where its pods' probes are in their periods is chance, and two recordings are two draws: of three labs one agrees.
BY_CHANCE = "14c-kubelet-restart-all-ready"


@pytest.mark.workload_lab
@pytest.mark.workload(*SCENARIOS)
@pytest.mark.timeout(600)
@needs_addresses
@pytest.mark.skipif(not FOLDER.is_dir(), reason=f"needs the recordings in {FOLDER}")
def test_a_dozen_scenarios_at_once(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    with alone(tmp_path_factory):
        found = asyncio.run(_run_all(tmp_path))

    assert "\n".join(line for lines in found for line in lines) == ""


async def _run_all(folder: Path) -> list[list[str]]:
    late: list[float] = []
    measuring = asyncio.create_task(_measure(late))
    every = [*SCENARIOS, BY_CHANCE, BY_CHANCE]
    found = await asyncio.gather(*(_run(folder, name, i, late) for i, name in enumerate(every)))
    measuring.cancel()
    if any(lines == [] for name, lines in zip(every, found, strict=True) if name == BY_CHANCE):
        return [lines for name, lines in zip(every, found, strict=True) if name != BY_CHANCE]
    return found


async def _run(folder: Path, name: str, number: int, late: list[float]) -> list[str]:
    await asyncio.sleep(number * APART)
    every = recordings(name, kinds_of(documents_of(name)))
    timeline = Timeline(time.monotonic)
    labs = folder / str(number)
    labs.mkdir()
    rng, profile = random.Random(number), profile_of(every[0])
    async with running(timeline, labs=labs, note=lambda _: None, rng=rng, profile=profile) as lab:
        run = await play(name, every[0], lab, timeline, own=OWN)
    return [f"{name}: {line}" for line in differences(run, every[0], every, late=max(late))]


async def _measure(late: list[float]) -> None:
    """Note for how long the machine kept this process waiting."""
    while True:
        due = time.monotonic() + TICK
        await asyncio.sleep(TICK)
        late.append(time.monotonic() - due)

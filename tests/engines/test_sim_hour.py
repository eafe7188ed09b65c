"""The same seed gives the same hour of a hundred pods, byte for byte, with other hash seeds and on another Python."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.pythons import another

ROOT = Path(__file__).parents[2]
SCRIPT = Path(__file__).with_name("sim_hour.py")
PODS, SECONDS = 100, 3600


def run(python: str, seed: int, hash_seed: str, *, pods: int = PODS, seconds: int = SECONDS) -> str:
    # An hour of a hundred pods is no place to count lines: it would take twice as long.
    environ = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    environ |= {"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": hash_seed, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [python, "-s", str(SCRIPT), str(pods), str(seconds), str(seed)]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def same(line: str) -> str:
    """Return of a line of figures what must be the same."""
    return line.rpartition(";")[0]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_hundred_pods_for_an_hour_on_two_pythons() -> None:
    other = another()
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(run, (sys.executable, other.path if other else sys.executable), (1, 1), "12")
    sys.stdout.writelines([first, second])
    assert same(first) == same(second)
    assert all(int(found) > 50 for found in re.findall(r"(\d+) (?:exits|kills|back-offs)", first))
    if not other:
        pytest.skip("no second Python from 3.11 to 3.14 is on this machine: pyenv install 3.12")


def test_other_seeds_give_other_hours() -> None:
    seeds = ((1, "0"), (1, "1"), (2, "0"))
    few = [run(sys.executable, seed, hash_seed, pods=2, seconds=600) for seed, hash_seed in seeds]

    assert same(few[0]) == same(few[1]) != same(few[2])

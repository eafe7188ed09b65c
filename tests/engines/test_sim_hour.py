"""The same seed gives the same hour of a hundred pods, byte for byte, in other processes and on another Python."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = Path(__file__).with_name("sim_hour.py")
PODS, SECONDS = 100, 3600


def other_python() -> str | None:
    """Find a Python of another version, on PATH or among pyenv's."""
    here = sys.version_info[:2]
    names = [f"python3.{minor}" for minor in (14, 13, 12, 11) if (3, minor) != here]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    of_pyenv = [path for path in sorted(pyenv.glob("3.*/bin/python3")) if path.parts[-3].split(".")[1] != str(here[1])]
    for candidate in (*map(shutil.which, names), *map(str, reversed(of_pyenv))):
        if candidate and version(candidate) >= (3, 11):
            return candidate
    return None


def version(python: str) -> tuple[int, ...]:
    """Ask for a version; () for what can't be run."""
    asked = subprocess.run([python, "-c", "import sys; print(*sys.version_info[:2])"], capture_output=True, check=False)
    return tuple(map(int, asked.stdout.split())) if asked.returncode == 0 else ()


def run(python: str, seed: int, hash_seed: str, *, pods: int = PODS, seconds: int = SECONDS) -> str:
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": hash_seed, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [python, "-s", str(SCRIPT), str(pods), str(seconds), str(seed)]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def same(line: str) -> str:
    """Give of a line of figures what must be the same."""
    return line.rpartition(";")[0]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_hundred_pods_for_an_hour_twice_and_on_two_pythons() -> None:
    other = other_python()
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda hash_seed: run(sys.executable, 1, hash_seed), "12")
        third = run(other, 1, "3") if other else None
    assert same(first) == same(second)
    assert all(int(found) > 50 for found in re.findall(r"(\d+) (?:exits|kills|back-offs)", first))
    if third is None:
        pytest.skip("no other Python >= 3.11 on PATH or in $PYENV_ROOT: run twice on this one only")
    sys.stdout.writelines([first, second, third])
    assert same(third) == same(first)


def test_other_seeds_give_other_hours() -> None:
    few = [run(sys.executable, seed, "0", pods=2, seconds=600) for seed in (1, 1, 2)]

    assert same(few[0]) == same(few[1]) != same(few[2])

"""A real rollout goes on with a container that is ready while it is killed, and then gone (kubernetes#123027)."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.kube.test_workloads import FOLDER

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def test_a_rollout_goes_on_with_a_container_that_is_killed(needs: Callable[..., None]) -> None:
    """The experiment expects the kill, then the old pod's removal, and the outage that comes of it."""
    needs("crashy-app:1.0.0")
    command = ["run", str(FOLDER / "ready-while-stopping.yaml"), "--on", "kube", "--quiet"]
    ended = subprocess.run([sys.executable, "-m", "crashy", *command], capture_output=True, check=False, text=True)

    assert ended.returncode == 0, ended.stdout + ended.stderr

"""What containers' commands leave behind, adopted."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator

import pytest

from crashy.engines.lab.orphans import Orphans
from tests.elsewhere import needs_proc

pytestmark = needs_proc


@pytest.fixture
def orphans() -> Iterator[Orphans]:
    adopting = Orphans()
    yield adopting
    adopting.close()


def leave_a_child() -> int:
    """Run a command that leaves a child behind; return its session."""
    with subprocess.Popen(["sh", "-c", "(sleep 0 &)"], start_new_session=True) as command:
        return command.pid


def until(orphans: Orphans, container: str, count: int) -> None:
    end = time.monotonic() + 20
    while orphans.count(container) != count:
        orphans.look()
        assert time.monotonic() < end


def test_they_are_counted_by_the_container_whose_command_left_them(orphans: Orphans) -> None:
    for container in ("a", "a", "b"):
        orphans.began(leave_a_child(), container)

    until(orphans, "a", 2)
    until(orphans, "b", 1)
    assert orphans.count("a") == 2


def test_one_that_ended_before_its_command_was_noted_is_counted(orphans: Orphans) -> None:
    late, early = leave_a_child(), leave_a_child()
    orphans.began(early, "early")
    until(orphans, "early", 1)
    orphans.began(late, "late")

    until(orphans, "late", 1)
    assert orphans.count("early") == 1


def test_a_container_that_waits_keeps_none_and_one_that_has_ended_is_forgotten(orphans: Orphans) -> None:
    orphans.began(leave_a_child(), "ended")
    until(orphans, "ended", 1)
    orphans.forget("ended")
    orphans.waits("waits")
    orphans.began(leave_a_child(), "waits")

    assert (orphans.count("ended"), orphans.count("waits")) == (0, 0)

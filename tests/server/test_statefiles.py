"""is_started, is_ready and is_healthy exist exactly while it is so."""

from __future__ import annotations

from pathlib import Path

from crashy.faults.health import Health
from crashy.server.statefiles import StateFiles


def test_the_files_follow_the_health(tmp_path: Path) -> None:
    complaints: list[str] = []
    files = StateFiles(str(tmp_path / "made"), complaints.append)

    def kept(health: Health) -> set[str]:
        files.keep(health)
        return {file.name for file in (tmp_path / "made").iterdir()}

    assert kept(Health()) == {"is_started", "is_ready", "is_healthy"}
    assert kept(Health(readiness=False)) == {"is_started", "is_healthy"}
    assert kept(Health(startup=False, readiness=False, liveness=False)) == set()
    assert kept(Health(liveness=False)) == {"is_started", "is_ready"}
    assert complaints == []


def test_what_a_former_life_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / "is_ready").touch()
    StateFiles(str(tmp_path), print).keep(Health(readiness=False))

    assert not (tmp_path / "is_ready").exists()


def test_a_folder_that_cannot_be_written_is_reported_of_once(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    complaints: list[str] = []
    files = StateFiles(str(tmp_path / "file"), complaints.append)
    for _ in range(3):
        files.keep(Health())
    assert complaints == [f"STATE_DIR: {tmp_path}/file: can't keep is_started, is_ready, is_healthy there: File exists"]

    (tmp_path / "file").unlink()
    files.keep(Health())
    assert (tmp_path / "file" / "is_ready").exists()


def test_without_a_folder_there_are_no_files() -> None:
    StateFiles("", print).keep(Health())

"""The files that a stand-in's commands see."""

from __future__ import annotations

from pathlib import Path

from crashy.server.standin_files import StandInFiles


def test_what_nobody_has_removed_is_there() -> None:
    files = StandInFiles({})
    assert files.exists("/etc/app.conf")

    files.remove("/etc")
    assert not files.exists("/etc/app.conf")
    files.write("/etc/app.conf")
    assert files.exists("/etc/app.conf")


def test_what_is_written_to_a_volume_is_there_for_others(tmp_path: Path) -> None:
    files = StandInFiles({"/shared": str(tmp_path)})

    files.write("/shared/ready/now")
    assert (tmp_path / "ready/now").exists()
    files.remove("/shared/ready")
    assert not (tmp_path / "ready").exists()
    assert not files.exists("/shared/ready/now")
    (tmp_path / "ready").touch()
    assert files.exists("/shared/ready")


def test_no_path_leads_out_of_a_volume(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.touch()
    files = StandInFiles({"/shared": str(tmp_path / "volume")})

    files.remove("/shared/../outside")
    assert outside.exists()

"""`crashy experiments`: the lessons, and that `crashy run` takes the names."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from crashy import cli
from crashy.bundled import lessons


def test_every_lesson_is_listed_with_what_it_shows(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)

    assert cli.main(["experiments"]) == 0

    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split() == ["NAME", "LESSON"]
    table = lines[: lines.index("")]
    names = [line.split()[0] for line in table if not line.startswith(" ")]
    assert names == [path.stem for path in lessons()]
    assert all(len(line) <= 80 for line in table)
    assert any(line.endswith("(not on sim, kube)") for line in table)


def test_in_a_pipe_a_lesson_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["experiments"]) == 0

    _, *lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[: lines.index("")]] == [path.stem for path in lessons()]


def test_run_finds_one_by_its_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert cli.main(["run", "--on", "sim", "--quiet", "07-freeze-with-both"]) == 0
    assert "07-freeze-with-both" in capsys.readouterr().out


def test_a_name_that_there_is_not_is_a_line_and_exit_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", "7-freeze-with-both"]) == 2
    assert "similar: 07-freeze-with-both;" in capsys.readouterr().err

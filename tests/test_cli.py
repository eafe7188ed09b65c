"""The command line itself, before any command."""

from __future__ import annotations

import sys

import pytest

from crashy import cli


def test_a_command_that_this_install_leaves_out_is_one_line_and_exit_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The container image has no laboratory."""
    monkeypatch.setitem(sys.modules, "crashy.commands.run", None)

    assert cli.main(["run", "experiments"]) == 2
    told = "crashy run: there is no crashy.commands.run in this install: pip install 'crashy[lab]'\n"
    assert capsys.readouterr().err == told

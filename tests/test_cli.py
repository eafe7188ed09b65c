"""The command line itself, before any command."""

from __future__ import annotations

import subprocess
import sys

import pytest

from crashy import cli
from crashy.commands import COMMANDS

NEED_THE_EXTRA = {"check", "lab", "experiments", "run", "report"}


def test_a_command_that_this_install_leaves_out_is_one_line_and_exit_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The container image has no laboratory."""
    monkeypatch.setitem(sys.modules, "crashy.commands.run", None)

    assert cli.main(["run", "experiments"]) == 2
    told = "crashy run: needs crashy.commands.run, which is not installed: pip install 'crashy[lab]'\n"
    assert capsys.readouterr().err == told


@pytest.mark.parametrize("command", [name for name in COMMANDS if name != "demo"])  # it says how to have it in one go
def test_a_command_that_needs_the_extra_says_how_to_have_it(command: str) -> None:
    code = (
        f"import sys; sys.modules['yaml'] = None; from crashy import cli; sys.exit(cli.main(['{command}', '--help']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)

    if command in NEED_THE_EXTRA:
        told = f"crashy {command}: needs yaml, which is not installed: pip install 'crashy[lab]'\n"
        assert (done.returncode, done.stderr) == (2, told)
    else:
        assert (done.returncode, done.stderr) == (0, "")

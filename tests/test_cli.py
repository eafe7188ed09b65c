"""The command line itself, before any command."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest

from crashy import cli
from crashy.commands import COMMANDS

NEED_THE_EXTRA = {"check", "lab", "experiments", "run"}


def test_a_command_that_this_install_leaves_out_is_one_line_and_exit_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The container image has no laboratory."""
    monkeypatch.setitem(sys.modules, "crashy.commands.run", None)

    assert cli.main(["run", "experiments"]) == 2
    reported = "crashy run: needs crashy.commands.run, which is not installed: pip install 'crashy[lab]'\n"
    assert capsys.readouterr().err == reported


def test_what_a_mistake_quotes_can_not_control_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", "-", "--\x1b[31m\nx"]) == 2
    assert capsys.readouterr().err == r"crashy check: unrecognized arguments: --\x1b[31m\nx" + "\n"


@pytest.mark.parametrize("command", [name for name in COMMANDS if name != "demo"])  # it says how to have it in one go
def test_a_command_that_needs_the_extra_says_how_to_have_it(command: str) -> None:
    code = (
        f"import sys; sys.modules['yaml'] = None; from crashy import cli; sys.exit(cli.main(['{command}', '--help']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)

    if command in NEED_THE_EXTRA:
        reported = f"crashy {command}: needs yaml, which is not installed: pip install 'crashy[lab]'\n"
        assert (done.returncode, done.stderr) == (2, reported)
    else:
        assert (done.returncode, done.stderr) == (0, "")


OUTPUTS = [
    (),
    ("--help",),
    ("--version",),
    ("experiments",),
    ("completion", "bash"),
    *((name, "--help") for name in COMMANDS),
]


@pytest.mark.parametrize("arguments", OUTPUTS, ids=" ".join)
def test_an_output_that_is_full_is_one_line_and_exit_2(arguments: tuple[str, ...]) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with Path("/dev/full").open("w") as full:
        done = crashy(*arguments, stdout=full)

    reported = (
        f"crashy {arguments[0]}: can't write the output: No space left on device\n" if arguments else cli.usage() + "\n"
    )
    # argparse itself passes over what it can't write of a long help.
    assert (done.returncode, done.stderr) in [(2, reported), *([(0, "")] if arguments[1:] == ("--help",) else [])]


@pytest.mark.parametrize("arguments", OUTPUTS[1:], ids=" ".join)
def test_an_output_that_is_closed_is_no_failure(arguments: tuple[str, ...]) -> None:
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", sys.executable, "-m", "crashy", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_reader_that_has_gone_is_not_reported_of_it() -> None:
    done = subprocess.run(
        ["sh", "-c", '{ "$@"; echo "exit $?" >&2; } | true', "sh", sys.executable, "-m", "crashy", "--help"],
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.stderr in ("exit 141\n", "exit 0\n")  # it may have been read before the reader had gone


def crashy(*arguments: str, stdout: IO[str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "crashy", *arguments]
    return subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=60, check=False)


@pytest.mark.parametrize("command", ["lab", "run", "proxy", "serve", "kube", "check"])
def test_ctrl_c_while_a_command_is_imported_ends_it_without_a_word(command: str) -> None:
    script = f"""
import os, signal, sys
from crashy.cli import main
signal.signal(signal.SIGINT, signal.default_int_handler)
class Interrupts:
    def find_spec(self, name, path=None, target=None):
        if name == "crashy.commands.{command}":
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupts())
sys.exit(main(["{command}", "--help"]))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")

"""`crashy completion`: real shells complete commands, options, choices and files by it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from crashy import cli
from crashy.commands.completion import SHELLS, everything
from tests.needs import needs

BASH = """\
source {script}
COMP_WORDS=({words}) COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
$(complete -p crashy | sed 's/.* -F \\([^ ]*\\) .*/\\1/') crashy
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
WITHOUT_SHTAB = """\
import sys
sys.modules["shtab"] = None
from crashy.cli import main
sys.exit(main(["completion", "bash"]))
"""
ZSH = """\
fpath=({folder} $fpath)
autoload -U compinit && compinit -u -D
print -r -- $_comps[crashy]
autoload -U +X _crashy
"""


@pytest.fixture
def script(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[[str], Path]:
    def write(shell: str) -> Path:
        assert cli.main(["completion", shell]) == 0
        (tmp_path / shell).write_text(capsys.readouterr().out)
        return tmp_path / shell

    return write


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("crashy ''", {*cli.COMMANDS}),
        ("crashy comp", {"completion"}),
        ("crashy lab --on ''", {"lab", "sim"}),
        ("crashy run --on ''", {"lab", "sim", "kube"}),
        ("crashy check --format s", {"sarif"}),
        ("crashy serve --crash-after", {"--crash-after", "--crash-after-jitter"}),
        ("crashy probe --m", {"--mysql", "--max-load"}),
        ("crashy kube ''", {"clean"}),
        ("crashy check mani", {"manifests"}),
        ("crashy run --timeline exp", {"experiments"}),
    ],
)
@needs("bash")
def test_bash_offers(words: str, offered: set[str], script: Callable[[str], Path], tmp_path: Path) -> None:
    for name in ("manifests", "experiments"):
        (tmp_path / name).mkdir()
    command = BASH.format(script=script("bash"), words=words)

    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=True)

    assert offered <= set(done.stdout.split()), done.stderr
    assert all(word.startswith(words.rsplit(maxsplit=1)[-1].strip("'")) for word in done.stdout.split())


@needs("zsh")
def test_zsh_takes_the_script(script: Callable[[str], Path], tmp_path: Path) -> None:
    script("zsh").rename(tmp_path / "_crashy")
    command = ZSH.format(folder=tmp_path)

    done = subprocess.run(["zsh", "-f", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=True)

    assert (done.stdout.strip(), done.stderr) == ("_crashy", "")


@needs("fish")
def test_fish_offers(script: Callable[[str], Path], tmp_path: Path) -> None:
    asked = "complete --do-complete 'crashy comp'; complete --do-complete 'crashy lab --on '"
    command = f"source {script('fish')}; {asked}"
    environ = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}

    done = subprocess.run(["fish", "--private", "-c", command], env=environ, capture_output=True, text=True, check=True)

    assert {line.split("\t")[0] for line in done.stdout.splitlines()} >= {"completion", "lab", "sim"}


def test_every_command_is_completed_from_the_parser_that_its_help_uses() -> None:
    assert everything().parse_args(["lab", "manifests/demo", "--on", "sim"]).command == "lab"


def test_a_shell_that_is_not_known_is_told_which_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["completion", "ksh"]) == 2
    told = capsys.readouterr().err
    assert all(shell in told for shell in SHELLS)


def test_without_shtab_it_is_a_line_and_exit_2() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT_SHTAB], capture_output=True, text=True, check=False)

    told = "crashy completion: completion scripts are written by shtab: pip install 'crashy[lab]'\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", told)

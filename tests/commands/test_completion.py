"""`crashy completion`, read by the shells themselves."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from crashy import cli
from crashy.commands import COMMANDS
from tests.needs import need

Complete = Callable[[str], list[str]]

# What Tab does in bash: the function gets the words, and COMPREPLY has what may come.
BASH = """
source "$1"
complete -p crashy | grep -q -- "-F _shtab_crashy crashy" || exit 1
read -ra COMP_WORDS <<<"$2"
[[ $2 != *" " ]] || COMP_WORDS+=("")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMP_LINE=$2 COMP_POINT=${#2}
_shtab_crashy crashy "${COMP_WORDS[-1]}" "${COMP_WORDS[-2]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""
FISH = "source $argv[1]; complete -C $argv[2] | string split -f 1 \\t; true"
# zsh completes only where somebody types, which zpty does. What would be offered passes through compadd, which writes
# it to a file here; but for what zsh's own functions ask of it with -O, -A and -D.
ZSH = r"""
rm -f $3 $3.ended
cat >$3.rc <<'RC'
compadd() {
  [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]] || { local hits=(); builtin compadd -A hits "$@"; print -rl -- $hits >>$told }
  builtin compadd "$@"
}
ended() { : >$told.ended }
zle -N ended
bindkey '^X' list-choices
bindkey '^Y' ended
RC
zmodload zsh/zpty
zpty tab zsh -f -i
zpty -w tab "PS1=; told=$3; fpath=(${1:h} \$fpath); autoload -Uz compinit; compinit -u -D"
zpty -w tab "$4; source $3.rc; print REA''DY"
zpty -r tab line '*READY*'
zpty -w -n tab "$2"$'\C-x\C-y'
until [[ -e $3.ended ]]; do zpty -r -t tab line; sleep 0.02; done
zpty -d tab
"""


@pytest.fixture(params=["bash", "zsh", "zsh eval", "fish"])
def complete(request: pytest.FixtureRequest, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Complete:
    """Return what completes a line in a shell of the machine, in a folder that holds app.yaml."""
    shell, *way = request.param.split()
    need(shell)
    assert cli.main(["completion", shell]) == 0
    # Its name is what zsh finds it by in $fpath.
    script, offered = tmp_path / ("crashy.zsh" if way else "_crashy"), tmp_path / "offered"
    script.write_text(capsys.readouterr().out)
    folder = tmp_path / "here"
    folder.mkdir()
    (folder / "app.yaml").touch()
    commands = {
        "bash": ["bash", "--norc", "-c", BASH, "bash"],
        "fish": ["fish", "--no-config", "-c", FISH],
        "zsh": ["zsh", "-f", "-c", ZSH, "zsh"],
    }

    def offers(line: str) -> list[str]:
        arguments = [
            str(script),
            line,
            *([str(offered), f'eval "$(<{script})"' if way else ":"] if shell == "zsh" else []),
        ]
        command = [*commands[shell], *arguments]
        ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
        assert (ended.returncode, ended.stderr) == (0, "")
        reported = offered.read_text() if shell == "zsh" and offered.exists() else ended.stdout
        return sorted({word for word in reported.splitlines() if word})

    return offers


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("crashy ex", ["experiments"]),
        ("crashy lab --on ", ["lab", "sim"]),
        ("crashy run --on ", ["kube", "lab", "sim"]),
        ("crashy check --format s", ["sarif", "summary"]),
        ("crashy check --disable tcp", ["tcp-frozen"]),
        ("crashy check ap", ["app.yaml"]),
        ("crashy run ap", ["app.yaml"]),
        ("crashy completion ", ["bash", "fish", "zsh"]),
        ("crashy kube ", ["clean", "wrap"]),
    ],
)
def test_tab_offers_what_the_parser_takes(complete: Complete, line: str, offered: list[str]) -> None:
    assert complete(line) == offered


def test_every_option_is_offered(complete: Complete) -> None:
    assert {"--kubernetes", "--watch", "--traffic"} <= {*complete("crashy lab --")}
    assert {"--http", "--fault", "--admin-port"} <= {*complete("crashy proxy --")}
    assert {"--service", "--container"} <= {*complete("crashy inject --")}
    assert {"--http", "--max-load"} <= {*complete("crashy probe --")}
    assert {"--crash-after", "--persona"} <= {*complete("crashy serve --")}


def test_every_command_is_offered(complete: Complete) -> None:
    assert {*complete("crashy ")} - {"app.yaml"} == {*COMMANDS}


@pytest.mark.parametrize("line", ["crashy probe --tcp ", "crashy lab --traffic ", "crashy traffic --header "])
def test_what_can_not_be_known_is_left_to_the_user(complete: Complete, line: str) -> None:
    assert complete(line) in ([], ["app.yaml"])


def test_a_shell_that_it_does_not_know_is_exit_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["completion", "csh"]) == 2
    assert "invalid choice: 'csh' (choose from" in capsys.readouterr().err


WITHOUT_SHTAB = """\
import sys
sys.modules["shtab"] = None
from crashy.cli import main
sys.exit(main(["completion", "bash"]))
"""


def test_without_shtab_it_is_a_line_and_exit_2() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT_SHTAB], capture_output=True, text=True, check=False)

    reported = "crashy completion: completion scripts need shtab: pip install 'crashy[lab]'\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", reported)

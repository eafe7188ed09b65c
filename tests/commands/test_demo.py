"""`crashy demo`: what `make demo` shows."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from crashy.commands import demo, lab
from crashy.errors import BadInput

ROOT = Path(__file__).parents[2]
WITHOUT_YAML = "import sys; sys.modules['yaml'] = None; from crashy.cli import main; sys.exit(main(['demo']))"


def test_its_lab_is_one_that_the_lab_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On sim, where the minute takes a moment; `make demo` and `make dist` run it in the lab."""
    monkeypatch.chdir(tmp_path)
    command = [sys.executable, "-m", "crashy", "lab", "--on", "sim", *demo.LAB]

    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 0, done.stderr
    assert "crash mode=errors" in done.stdout
    assert "users: " in done.stdout
    assert lab.parser().parse_args(demo.LAB).seconds == 60


def test_without_the_laboratory_it_says_in_a_line_how_to_have_it() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT_YAML], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "crashy demo: the demo needs the laboratory, an extra: pipx run --spec 'crashy[lab]' crashy demo\n"
    )


def test_it_takes_no_arguments() -> None:
    with pytest.raises(BadInput, match="unrecognized arguments: manifests"):
        demo.main(["manifests"])


def test_make_demo_is_no_other() -> None:
    apart = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    made = subprocess.run(["make", "-n", "demo"], cwd=ROOT, env=apart, capture_output=True, text=True, check=True)

    assert made.stdout.splitlines()[-1].endswith("bin/crashy demo")


@pytest.mark.parametrize(
    ("path", "argv", "again"),
    [
        (True, "/usr/bin/crashy", "crashy"),
        (False, ".venv/bin/crashy", ".venv/bin/crashy"),
        (False, "/home/me/.local/pipx/.cache/0a1b2c/bin/crashy", "pipx run --spec 'crashy[lab]' crashy"),
        (False, "/home/me/.local/share/pipx/.cache/0a1b/bin/crashy", "pipx run --spec 'crashy[lab]' crashy"),
    ],
)
def test_its_last_hint_is_a_command_that_works_here(
    path: bool,
    argv: str,
    again: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if path:
        (tmp_path / "crashy").touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "argv", [argv])
    monkeypatch.setattr(lab, "main", lambda _: 0)  # the minute itself is run by make demo

    assert demo.main([]) == 0
    assert f"  {again} lab manifests/webapp\n  {again} inject freeze --pod any\n" in capsys.readouterr().out

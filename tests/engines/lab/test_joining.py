"""A command joins its control groups before it is itself, and has no more variables than it was given."""

from __future__ import annotations

import asyncio
import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from crashy.engines.lab import proc
from crashy.engines.lab.joining import PAUSE, joined, joining, look_up
from tests.elsewhere import needs_proc


def run(groups: list[Path], *command: str, environ: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    words = joining(command, environ, folder, groups)
    return subprocess.run(words, env=environ, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def groups(tmp_path: Path) -> list[Path]:
    found = [tmp_path / "one" / "cgroup.procs", tmp_path / "a b" / "cgroup.procs"]
    for file in found:
        file.parent.mkdir()
    return found


def test_it_writes_itself_into_each_group_and_becomes_the_command(groups: list[Path], tmp_path: Path) -> None:
    done = run(groups, "sh", "-c", 'echo "$0, $1"; exit 3', "it's", "$HOME", environ={"PATH": "/bin"}, folder=tmp_path)

    assert (done.returncode, done.stdout, done.stderr) == (3, "it's, $HOME\n", "")
    assert [file.read_text() for file in groups] == ["0\n", "0\n"]


def test_its_variables_are_those_that_it_was_given(groups: list[Path], tmp_path: Path) -> None:
    environ = {"PATH": "/bin:/usr/bin", "my.name": "a\nb", "EMPTY": "", "X": "1 2=3"}
    show = "import json, os; print(json.dumps(dict(os.environ)))"
    plain = subprocess.run(
        [sys.executable, "-I", "-S", "-c", show], env=environ, capture_output=True, text=True, check=True
    )
    done = run(groups, sys.executable, "-I", "-S", "-c", show, environ=environ, folder=tmp_path)

    assert done.stdout == plain.stdout


def test_a_program_may_have_an_equals_sign_in_its_name(groups: list[Path], tmp_path: Path) -> None:
    program = tmp_path / "a=b"
    program.write_text("#!/bin/sh\necho $1; exit 3\n")
    program.chmod(0o755)
    done = run(groups, "./a=b", "here", environ={"PATH": "/bin"}, folder=tmp_path)

    assert (done.returncode, done.stdout) == (3, "here\n")


def test_it_does_not_run_outside_of_a_group_that_it_cannot_join(tmp_path: Path) -> None:
    done = run([tmp_path / "no" / "cgroup.procs"], "echo", "here", environ={"PATH": "/bin"}, folder=tmp_path)

    assert (done.returncode, done.stdout) == (126, "")


@pytest.mark.parametrize(
    ("name", "content", "mode", "number"),
    [
        ("missing", None, 0, errno.ENOENT),
        ("data", b"#!/bin/sh\n", 0o644, errno.EACCES),
        ("script", b"#!/no/such\n", 0o755, errno.ENOENT),
        ("text", b"echo here\n", 0o755, errno.ENOEXEC),
    ],
)
def test_what_cannot_run_is_refused_as_the_kernel_does(
    tmp_path: Path, name: str, content: bytes | None, mode: int, number: int
) -> None:
    file = tmp_path / name
    if content is not None:
        file.write_bytes(content)
        file.chmod(mode)
    with pytest.raises(OSError, match=name) as kernels:
        subprocess.Popen([str(file)])
    with pytest.raises(OSError, match=name) as ours:
        look_up(str(file), "/bin", tmp_path)

    assert (ours.value.errno, ours.value.strerror) == (kernels.value.errno, kernels.value.strerror)
    assert ours.value.errno == number


def test_what_can_run_is_not_refused(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("#! /bin/sh -e\n")
    script.chmod(0o755)

    for program in ("sh", "/bin/sh", "./script", str(script)):
        look_up(program, "/bin:/usr/bin", tmp_path)

        assert subprocess.run([program], cwd=tmp_path, stdin=subprocess.DEVNULL, check=False).returncode == 0


@needs_proc
def test_it_is_waited_for_until_it_is_the_command(tmp_path: Path) -> None:
    pipe = tmp_path / "cgroup.procs"
    os.mkfifo(pipe)  # the shell waits for its reader
    environ = {"PATH": "/bin:/usr/bin", "MARK": "1"}
    with subprocess.Popen(joining(("sleep", "60"), environ, tmp_path, [pipe]), env=environ) as process:

        async def main() -> None:
            waiting = asyncio.create_task(joined(process.pid, "MARK=1"))
            await asyncio.sleep(10 * PAUSE)
            assert not waiting.done()
            assert await asyncio.to_thread(pipe.read_text) == "0\n"
            await waiting

        asyncio.run(main())

        assert proc.arguments(process.pid)[:2] == [b"sleep", b"60"]
        process.kill()

"""A command that writes itself into control groups before it runs, so that no moment of it is outside of them.

A shell does that and becomes `env`, which becomes the command with the variables that it was given, and no others.
"""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from crashy.engines.lab import proc

PAUSE = 0.001
_JOIN = 'while [ "$1" != -- ]; do echo 0 > "$1" || exit 126; shift; done; shift; exec "$@"'
_MAGIC = b"\x7fELF"


def joining(command: Sequence[str], environ: Mapping[str, str], folder: Path, groups: Sequence[Path]) -> list[str]:
    """Return such a command for the `cgroup.procs` files of `groups`; `folder` is where it will run.

    Raises the OSError that the command itself would raise, as far as its file shows it.
    """
    look_up(command[0], environ.get("PATH", os.defpath), folder)
    env = shutil.which("env") or "env"
    variables = [f"{name}={value}" for name, value in environ.items()]
    if "=" in command[0]:  # `env` would take it for another variable
        command = ["/bin/sh", "-c", 'exec "$@"', "sh", *command]
    return ["/bin/sh", "-c", _JOIN, "sh", *map(str, groups), "--", env, "-i", *variables, *command]


async def joined(pid: int, variable: str) -> None:
    """Wait until a process is the command that it was to become, or has ended.

    Before, its arguments have the `variable` (NAME=value), which no command has in its own.
    """
    while not _is_command(pid, variable.encode()):  # noqa: ASYNC110 - what is waited for happens in that process
        await asyncio.sleep(PAUSE)


def _is_command(pid: int, variable: bytes) -> bool:
    words = proc.arguments(pid)
    if words == [b""]:  # it is just becoming another program, or has ended
        return (proc.state(pid) or "Z")[0] == "Z"
    return variable not in words


def look_up(program: str, path: str, folder: Path) -> None:
    """Raise the OSError, or ValueError, with which a program can't be started, if that is so."""
    if "\0" in program:
        raise ValueError("embedded null byte")
    if "/" in program:
        file = folder / program
        if not file.exists():
            raise _error(errno.ENOENT, program)
        if file.is_dir() or not os.access(file, os.X_OK):
            raise _error(errno.EACCES, program)
    else:
        found = shutil.which(program, path=path)
        if found is None:
            raise _error(errno.ENOENT, program)
        file = folder / found
    try:
        with file.open("rb") as opened:
            line = opened.readline(1024)
    except OSError:
        return  # it may be run and not read
    if line.startswith(b"#!"):
        interpreter = os.fsdecode(line[2:].split()[0]) if line[2:].split() else ""
        if not Path(interpreter).exists():
            raise _error(errno.ENOENT, program)
    elif not line.startswith(_MAGIC):
        raise _error(errno.ENOEXEC, program)


def _error(number: int, program: str) -> OSError:
    return OSError(number, os.strerror(number), program)

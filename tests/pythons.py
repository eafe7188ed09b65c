"""The Pythons of this machine that crashy promises to run on; `python -m tests.pythons` prints a path a line.

With `--another` it prints one, of another version than the Python that runs it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

MINORS = (11, 12, 13, 14)
ASK = "import ensurepip, sys, venv; print(*sys.version_info[:3], sys.base_prefix)"


class Python(NamedTuple):
    """An interpreter that can make environments; `home` is where it is installed."""

    path: str
    version: tuple[int, ...]
    home: str

    def __str__(self) -> str:
        """Return what a test's name calls it."""
        debian = "-debian" if self.home == "/usr" else ""
        return "python" + ".".join(map(str, self.version)) + debian


def pythons() -> list[Python]:
    """Return those on PATH, Debian's own and pyenv's, the oldest first; of one version in several places each."""
    names = [f"python3.{minor}" for minor in MINORS]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    paths = [sys.executable, *filter(None, map(shutil.which, names))]
    paths += [f"/usr/bin/{name}" for name in names]
    paths += map(str, sorted(pyenv.glob("3.*/bin/python3")))
    found = {(python.version, python.home): python for python in map(_asked, paths) if python}
    return [found[key] for key in sorted(found)]


def another() -> Python | None:
    """Return the newest of another version than the one that runs this."""
    others = [python for python in pythons() if python.version[:2] != sys.version_info[:2]]
    return others[-1] if others else None


def _asked(path: str) -> Python | None:
    """Return the interpreter at a path; nothing where there is none, or one without venv, or another version."""
    try:
        requested = subprocess.run([path, "-c", ASK], capture_output=True, text=True, check=False)
    except OSError:
        return None
    if requested.returncode:
        return None
    *version, home = requested.stdout.split(maxsplit=3)
    numbers = tuple(map(int, version))
    if numbers[0] != 3 or numbers[1] not in MINORS:
        return None
    return Python(path, numbers, home.strip())


if __name__ == "__main__":
    chosen = [another()] if "--another" in sys.argv else pythons()
    sys.stdout.writelines(f"{python.path}\n" for python in chosen if python)

"""Installs come from the lock alone: with an old pip, with a new one, and whatever has been released since."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.pythons import Python, pythons

ROOT = Path(__file__).parents[2]
LOCKS = sorted(path.stem for path in (ROOT / "requirements").glob("*.txt"))
MADE = {"dev": ("build", "lab", ".", "kube", "dev")}
"""What `make` installs in one go; any other lock is installed after what it builds upon, or alone."""
NEWER = "9999.0"
NO_NETWORK = {
    "PIP_CONFIG_FILE": "/dev/null",
    "PIP_INDEX_URL": "http://127.0.0.1:9/",
    "PIP_RETRIES": "1",
    "PIP_NO_CACHE_DIR": "1",
}
OLDEST = {"22.3": (3, 11), "23.2": (3, 12)}
"""The newest Python that a pip of long ago still runs on; today's runs on all of them."""


def requirements(lock: str) -> list[Requirement]:
    lines = re.findall(r"^[^\s#].*?(?= \\$)", (ROOT / "requirements" / f"{lock}.txt").read_text(), re.MULTILINE)
    return [Requirement(line) for line in lines]


def environment(python: Path) -> dict[str, str]:
    """Return the markers' values of another Python."""
    code = "import platform, sys; print('%d.%d' % sys.version_info[:2], platform.python_version())"
    short, full = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    return {"python_version": short, "python_full_version": full}


def installed(python: Path) -> dict[str, str]:
    listing = [python, "-m", "pip", "--disable-pip-version-check", "list", "--format", "json"]
    reported = json.loads(subprocess.run(listing, capture_output=True, text=True, check=True).stdout)
    return {canonicalize_name(one["name"]): one["version"] for one in reported}


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Return a folder with what a clone has."""
    listing = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in listing.splitlines():
        (tmp_path / "clone" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / "clone" / name)
    return tmp_path / "clone"


@pytest.fixture(scope="session")
def newer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an index in which everything that a lock pins has come out anew, as wheels that fit everywhere."""
    index = tmp_path_factory.mktemp("index")
    for name in {one.name for lock in LOCKS for one in requirements(lock)} | {"setuptools"}:
        package = index / canonicalize_name(name)
        package.mkdir(exist_ok=True)
        stem = f"{canonicalize_name(name).replace('-', '_')}-{NEWER}"
        with zipfile.ZipFile(package / f"{stem}-py3-none-any.whl", "w") as wheel:
            about = f"{stem}.dist-info"
            wheel.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {NEWER}\n")
            wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{about}/RECORD", "")
        (package / "index.html").write_text(f'<a href="{stem}-py3-none-any.whl">{stem}-py3-none-any.whl</a>')
    return index


def looking_at(index: Path) -> dict[str, str]:
    """Return the environment in which pip looks at one more index than it would."""
    others = os.environ.get("PIP_EXTRA_INDEX_URL", "")
    return {**os.environ, "PIP_EXTRA_INDEX_URL": f"{others} {index.as_uri()}".strip()}


def fresh(python: Python, pip: str, folder: Path) -> Path:
    """Make an environment with that release of pip; return its Python."""
    subprocess.run([python.path, "-m", "venv", folder / "env"], check=True)
    inside = folder / "env/bin/python"
    wanted = "pip" if pip == "newest" else f"pip=={pip}"
    subprocess.run([inside, "-m", "pip", "install", "--quiet", "--upgrade", wanted], check=True, capture_output=True)
    return inside


def matrix() -> Iterator[Any]:
    """Yield every lock with every pip on every Python; the few marked `locks_few` stand for them in .ci/run."""
    found = pythons()
    first = next((python for python in found if python.version[1] == 11 and python.home != "/usr"), None)
    other = next((python for python in reversed(found) if python.version[1] != 11), None)
    for python in found:
        for pip in ("22.3", "23.2", "newest"):
            if python.version[:2] > OLDEST.get(pip, (4,)):
                continue
            for lock in LOCKS:
                few = lock == "dev" and (python == first or (python == other and pip == "newest"))
                marks = [pytest.mark.locks, *([pytest.mark.locks_few] if few else [])]
                yield pytest.param(python, pip, lock, id=f"{python}-pip-{pip}-{lock}", marks=marks)


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("python", "pip", "lock"), list(matrix()))
def test_what_has_come_out_since_is_not_looked_at(
    python: Python, pip: str, lock: str, clone: Path, newer: Path, tmp_path: Path
) -> None:
    inside = fresh(python, pip, tmp_path)
    before = installed(inside)

    done = subprocess.run(
        [clone / "scripts/install.sh", inside, *MADE.get(lock, (lock,))],
        env=looking_at(newer),
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    values = environment(inside)
    locks = [one for one in MADE.get(lock, (lock,)) if one != "."]
    pinned = {
        canonicalize_name(one.name): str(one.specifier).removeprefix("==")
        for part in locks
        for one in requirements(part)
        if one.marker is None or one.marker.evaluate(values)
    }
    after = {name: version for name, version in installed(inside).items() if name not in {*before, "crashy"}}
    assert after == {name: version for name, version in pinned.items() if name not in before}


@pytest.mark.locks
@pytest.mark.locks_few
def test_without_the_lock_it_would_be_taken(newer: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--dest", str(tmp_path), "coverage[toml]>=7"]

    subprocess.run(command, env=looking_at(newer), capture_output=True, check=True)

    assert [path.name for path in tmp_path.iterdir()] == [f"coverage-{NEWER}-py3-none-any.whl"]


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_pins_one_release_of_each_with_hashes(lock: str) -> None:
    text = (ROOT / "requirements" / f"{lock}.txt").read_text()
    entries = re.findall(r"^(\S.*?) \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", text, re.MULTILINE)

    assert "".join(f"{pin} \\\n{hashes}" for pin, hashes in entries) == text
    assert all(re.fullmatch(r"==[^*,]+", str(one.specifier)) for one in requirements(lock))


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """Return the Python of an environment with nothing but pip."""
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "env"], check=True)
    return tmp_path / "env/bin/python"


def install(clone: Path, python: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [clone / "scripts/install.sh", python, "build"],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("change", "environ", "says"),
    [
        (None, NO_NETWORK, "check the network, the proxy and pip's index"),
        (None, {**NO_NETWORK, "PIP_RETRIES": "0"}, "check the network"),
        (("==", "==9999."), {}, "this platform, or this index, lacks that release"),
        ((r"sha256:[0-9a-f]{4}", "sha256:0000"), {}, "your index serves another file than the lock names"),
    ],
    ids=["no network", "no network, not tried again", "no such release", "another file"],
)
def test_what_failed_is_reported_in_a_line(
    change: tuple[str, str] | None, environ: dict[str, str], says: str, clone: Path, bare: Path
) -> None:
    lock = clone / "requirements/build.txt"
    if change:
        lock.write_text(re.sub(*change, lock.read_text()))

    done = install(clone, bare, **environ)

    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(
        r"could not install requirements/build\.txt: .+; try: .*"
        + re.escape(says)
        + ".*; all of it is in build/install.log\n",
        done.stderr,
    ), done.stderr
    assert "== pip install" in (clone / "build/install.log").read_text()


@pytest.mark.parametrize("key", ["target", "prefix", "root", "dry-run"])
@pytest.mark.parametrize("section", ["global", "install"])
def test_a_configuration_that_leads_astray_is_refused(
    section: str, key: str, clone: Path, bare: Path, tmp_path: Path
) -> None:
    config = tmp_path / "pip.conf"
    config.write_text(f"[{section}]\n{key} = {'true' if key == 'dry-run' else tmp_path / 'elsewhere'}\n")

    done = install(clone, bare, PIP_CONFIG_FILE=str(config))

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"could not install: pip's configuration sets {section}.{key}, which leads installs astray; "
        f"try: pip config unset {section}.{key} (pip config debug names the file)\n"
    )
    assert not (tmp_path / "elsewhere").exists()


def test_a_configuration_that_is_none_is_reported(clone: Path, bare: Path, tmp_path: Path) -> None:
    (tmp_path / "pip.conf").write_text("[install\n")

    done = install(clone, bare, PIP_CONFIG_FILE=str(tmp_path / "pip.conf"))

    assert done.returncode == 1
    assert "try: mend that file, or for this once: PIP_CONFIG_FILE=/dev/null;" in done.stderr


def test_an_environment_that_was_left_half_made_is_reported(clone: Path, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "env"], check=True)

    done = install(clone, tmp_path / "env/bin/python")

    assert done.returncode == 1
    assert re.fullmatch(
        r"could not run pip: .*No module named pip; try: the environment was left half made: make clean, then .*\n",
        done.stderr,
    ), done.stderr


def test_a_build_folder_that_is_none_is_reported(clone: Path, bare: Path) -> None:
    (clone / "build").touch()

    done = install(clone, bare)

    reported = "could not write build/install.log: a folder of that name, which this user may write, is needed\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", reported)


@pytest.mark.parametrize(
    ("python", "reported"),
    [
        ("python9", "crashy needs Python 3.11 or newer; there is no python9: make PYTHON=python3.12 …"),
        ("./old", "crashy needs Python 3.11 or newer; ./old is Python 3.9.1: make PYTHON=python3.12 …"),
    ],
)
@pytest.mark.parametrize("target", ["demo", "dist"])
def test_a_python_that_will_not_do_is_reported(target: str, python: str, reported: str, clone: Path) -> None:
    (clone / "old").write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.1\nexit 1\n')
    (clone / "old").chmod(0o755)
    (clone / "dist").mkdir()
    (clone / "dist/kept").touch()
    apart = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}

    done = subprocess.run(
        ["make", target, f"PYTHON={python}"], cwd=clone, env=apart, capture_output=True, text=True, check=False
    )

    assert done.returncode == 2
    assert (done.stdout, done.stderr.splitlines()[0]) == ("", reported)
    assert (clone / "dist/kept").exists()

"""The wheel brings what a user without a clone needs; the image, which is built from crashy/ alone, does not."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from email import message_from_string
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parent.parent
pytest.importorskip("hatchling", reason="builds wheels with hatchling (requirements/build.txt)")


def build(tree: Path, out: Path) -> ZipFile:
    """Build a tree's wheel as pip does, without the network."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    subprocess.run(command, cwd=tree, check=True, capture_output=True, timeout=60)
    (wheel,) = out.glob("*.whl")
    return ZipFile(wheel)


def test_it_brings_manifests_experiments_scripts_and_pages(tmp_path: Path) -> None:
    with build(ROOT, tmp_path) as wheel:
        names = {*wheel.namelist()}
        scripts = [info for info in wheel.infolist() if re.search(r"/scripts/[a-z]+-(app|test)\.sh$", info.filename)]
        metadata = message_from_string(next(wheel.read(n).decode() for n in names if n.endswith("/METADATA")))

    for kind in ("manifests", "experiments", "docs"):
        files = [path for path in (ROOT / kind).rglob("*") if path.is_file() and path.suffix != ".pyc"]
        expected = {f"crashy/share/{path.relative_to(ROOT)}" for path in files}
        assert expected == {name for name in names if name.startswith(f"crashy/share/{kind}/")}
    assert len(scripts) == 4
    assert all(info.external_attr >> 16 & 0o111 for info in scripts), "they can be run"
    assert {"crashy/py.typed", "crashy/cli.py"} <= names
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    assert not any(name.startswith("tests/") for name in names)
    assert f"Python :: {'.'.join(map(str, sys.version_info[:2]))}" in str(metadata.get_all("Classifier"))


def test_the_image_is_built_without_them(tmp_path: Path) -> None:
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    tree = tmp_path / "tree"
    tree.mkdir()
    for name in " ".join(copied).split():
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tree / name)
        elif (ROOT / name).exists():  # requirements/${REQUIREMENTS}.txt is for pip
            shutil.copy(ROOT / name, tree)

    with build(tree, tmp_path / "out") as wheel:
        assert "crashy/cli.py" in wheel.namelist()
        assert not [name for name in wheel.namelist() if name.startswith("crashy/share/")]

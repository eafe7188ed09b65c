"""What kustomize 5.5 makes of each folder of `kustomizations/` is made of it here, and what it refuses is refused.

Each file there holds the files of a folder, each below `=== PATH`, and what `kubectl kustomize` printed for it.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from crashy.manifest.load import gather

CASES = sorted((Path(__file__).parent / "kustomizations").glob("*.txt"))


def sections(case: Path) -> dict[str, str]:
    """Return the parts of a case by their names."""
    parts = (part.partition("\n") for part in case.read_text().split("=== ")[1:])
    return {name: text for name, _, text in parts}


def by_name(objects: list[Any]) -> dict[tuple[str, str, str], Any]:
    """Return objects by kind, namespace and name, since kubectl sorts them in its own way."""
    return {(one["kind"], one["metadata"].get("namespace", ""), one["metadata"]["name"]): one for one in objects}


@pytest.fixture(params=CASES, ids=lambda case: case.stem)
def case(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, str | None]:
    """Write a case's files into a folder; return it with what kubectl printed, None where it refused."""
    parts = sections(request.param)
    expected = parts.pop("expected", None)
    parts.pop("refused", None)
    for name, text in parts.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path, expected


def test_a_folder_builds_what_kustomize_builds(case: tuple[Path, str | None]) -> None:
    folder, expected = case
    documents, errors = gather([str(folder)])

    if expected is None:
        assert errors
    else:
        assert errors == []
        assert by_name([one.object for one in documents]) == by_name(list(yaml.safe_load_all(expected)))


@pytest.fixture(scope="module")
def kubectl() -> str:
    """Return the command, if it has the kustomize whose output is recorded."""
    command = shutil.which("kubectl")
    if not command:
        pytest.skip("there is no kubectl here")
    version = subprocess.run(
        [command, "version", "--client", "-o", "json"], capture_output=True, text=True, check=False
    )
    kustomize = json.loads(version.stdout or "{}").get("kustomizeVersion", "none")
    if not kustomize.startswith("v5.5."):
        pytest.skip(f"kubectl has kustomize {kustomize} here, not 5.5")
    return command


def test_the_recorded_output_is_kubectls(case: tuple[Path, str | None], kubectl: str) -> None:
    folder, expected = case
    done = subprocess.run([kubectl, "kustomize", str(folder)], capture_output=True, text=True, check=False)

    assert (done.returncode == 0) is (expected is not None)
    assert by_name(list(yaml.safe_load_all(done.stdout))) == by_name(list(yaml.safe_load_all(expected or "")))

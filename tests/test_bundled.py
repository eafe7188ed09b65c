"""What crashy brings along is found from any folder; what is there already comes first."""

from __future__ import annotations

from pathlib import Path

import pytest

from crashy.bundled import FOLDERS, folder, lesson, lessons, locate
from crashy.errors import BadInput

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", FOLDERS)
def test_in_a_clone_the_folders_are_its_own(name: str) -> None:
    assert folder(name) == ROOT / name


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("manifests/demo", str(ROOT / "manifests/demo")),
        ("manifests/demo/service.yaml", str(ROOT / "manifests/demo/service.yaml")),
        ("manifests/nothing", "manifests/nothing"),
        ("manifests/../pyproject.toml", "manifests/../pyproject.toml"),
        ("tests/commands", "tests/commands"),
        ("-", "-"),
        pytest.param(f"manifests/{'x' * 300}", f"manifests/{'x' * 300}", id="too long"),
        pytest.param("manifests/\0", "manifests/\0", id="NUL"),
        ("", ""),
    ],
)
def test_what_is_not_here_is_looked_for_among_the_bundled(path: str, found: str) -> None:
    assert locate([path]) == [found]


def test_what_is_here_comes_first(elsewhere: Path) -> None:
    (elsewhere / "manifests/demo").mkdir(parents=True)
    (elsewhere / "03-crash-loop").touch()

    assert locate(["manifests/demo"]) == ["manifests/demo"]
    assert lesson(Path("03-crash-loop")) == Path("03-crash-loop")


@pytest.mark.parametrize("path", ["{0}", "{0}.yaml", "experiments/{0}.yaml"])
@pytest.mark.parametrize("known", lessons(), ids=lambda path: path.stem)
def test_a_lesson_is_found_by_its_name(known: Path, path: str) -> None:
    assert lesson(Path(path.format(known.stem))) == known


@pytest.mark.parametrize("known", lessons(), ids=lambda path: path.stem)
def test_a_lesson_is_found_by_the_beginning_that_no_other_has(known: Path) -> None:
    others = [path.stem for path in lessons() if path != known]
    begins = [known.stem[:end] for end in range(1, len(known.stem) + 1)]

    for begin in begins:
        if begin == known.stem or not any(other.startswith(begin) for other in others):
            assert lesson(Path(begin)) == known


@pytest.mark.parametrize("name", ["07-freeze-with-both", "07-freeze-with-both.yaml", "07"])
def test_a_folder_of_that_name_does_not_hide_it(name: str) -> None:
    Path(name).mkdir()
    assert lesson(Path(name)).name == "07-freeze-with-both.yaml"


@pytest.mark.parametrize(
    ("name", "close"),
    [
        ("7-freeze-with-both", "07-freeze-with-both"),
        ("15", "15a-rolling-update-without-readiness, 15b-rolling-update-with-readiness"),
        ("07-freeze-with-both.yml", "07-freeze-with-both"),
        ("07-freeze-with-bath.yaml", "07-freeze-with-both"),
        ("07.yaml", "07-freeze-with-both"),
    ],
)
def test_a_name_that_no_lesson_has_is_reported_with_those_close_to_it(name: str, close: str) -> None:
    with pytest.raises(BadInput) as refused:
        lesson(Path(name))

    (line,) = refused.value.lines
    begin, _, rest = line.partition("; similar: ")
    assert begin == f"{name}: no such file, and no lesson of that name"
    assert rest.split("; ")[0].startswith(close)
    assert line.endswith("; `crashy experiments` lists the lessons")


def test_a_name_that_no_file_can_have_is_no_lesson() -> None:
    with pytest.raises(BadInput, match="no such file, and no lesson of that name"):
        lesson(Path("x" * 300))


@pytest.mark.parametrize("path", ["mine.yaml", "mine.yml", "folder/mine", "/nowhere/mine.yaml", ".", "/", "/dev/stdin"])
def test_a_path_stays_one_whether_there_is_a_file_or_not(path: str) -> None:
    assert lesson(Path(path)) == Path(path)

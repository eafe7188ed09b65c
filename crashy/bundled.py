"""What crashy brings along: manifests, experiments, scripts and pages. In a clone they are its own folders."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from crashy.errors import BadInput

FOLDERS = ("manifests", "experiments", "scripts", "docs")


def folder(name: str) -> Path:
    """Return the folder of that name: the one in the wheel, else the clone's. `name` is one of FOLDERS."""
    here = Path(__file__).parent
    installed = here / "share" / name
    return installed if installed.is_dir() else here.parent / name


def locate(paths: Sequence[str]) -> list[str]:
    """Return the paths; one that isn't here but is bundled, such as `manifests/demo`, becomes the bundled one's."""
    return [_locate(path) for path in paths]


def exists(path: Path) -> bool:
    """Return whether there is such a file: not where its name is too long for one, or its folder may not be read."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _locate(path: str) -> str:
    first, *rest = Path(path).parts or ("",)
    if first not in FOLDERS or ".." in rest or exists(Path(path)):
        return path
    bundled = folder(first).joinpath(*rest)
    return str(bundled) if exists(bundled) else path


def lesson(path: Path) -> Path:
    """Return the experiment file that a command line names: a path, a bundled lesson's name, or how only one begins.

    A folder is none. Raises BadInput for a bare name that is neither.
    """
    if not path.name or (exists(path) and not path.is_dir()):
        return path
    if path.parent != Path():
        return Path(_locate(str(path)))
    known = {found.stem: found for found in lessons()}
    stem = path.name.removesuffix(".yaml")
    begin = [name for name in known if name.startswith(stem)]
    if stem in known:
        return known[stem]
    if len(begin) == 1 and not path.suffix:
        return known[begin[0]]
    close = begin[:5] or get_close_matches(path.name, known, n=3)
    if path.suffix and not close:
        return path
    raise BadInput(
        f"{path}: no such file, and no lesson of that name"
        + (f"; close to it: {', '.join(close)}" if close else "")
        + "; `crashy experiments` lists the lessons"
    )


def lessons() -> list[Path]:
    """Return the files of the bundled lessons, by their names."""
    return sorted(folder("experiments").glob("*.yaml"))

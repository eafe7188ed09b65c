"""The bundled manifests, experiments, scripts and docs: in the wheel, or a clone's own folders."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from crashy.errors import BadInput

FOLDERS = ("manifests", "experiments", "scripts", "docs")


def folder(name: str) -> Path:
    """Return the wheel's folder of that name, one of FOLDERS, else the clone's."""
    package = Path(__file__).parent
    installed = package / "share" / name
    return installed if installed.is_dir() else package.parent / name


def locate(paths: Sequence[str]) -> list[str]:
    """Return the paths, with one that exists only in the bundle, such as `manifests/demo`, replaced by the bundle's."""
    return [_locate(path) for path in paths]


def exists(path: Path) -> bool:
    """Return whether a file exists; False if its name is too long or its folder can't be read."""
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
    """Return an experiment's file by its path, a bundled lesson's name, or the start of exactly one; else BadInput."""
    if not path.name or (exists(path) and not path.is_dir()):
        return path
    if path.parent != Path():
        return Path(_locate(str(path)))
    known = {file.stem: file for file in lessons()}
    stem = path.name.removesuffix(".yaml")
    matches = [name for name in known if name.startswith(stem)]
    if stem in known:
        return known[stem]
    if len(matches) == 1 and not path.suffix:
        return known[matches[0]]
    close = matches[:5] or get_close_matches(path.name, known, n=3)
    if path.suffix and not close:
        return path
    similar = f"; similar: {', '.join(close)}" if close else ""
    raise BadInput(f"{path}: no such file, and no lesson of that name{similar}; `crashy experiments` lists the lessons")


def lessons() -> list[Path]:
    """Return the files of the bundled lessons, sorted by name."""
    return sorted(folder("experiments").glob("*.yaml"))

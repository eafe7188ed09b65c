"""The files that a stand-in's modelled commands see: its own, new with each of its lives, and its pod's volumes."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath


class StandInFiles:
    """Files by the paths that they have in the container; see `commands.Files`.

    A file exists until it is removed: a healthy app has its files. `folders` are the mounted ones, with
    their places on this machine, where other containers of the pod find what is written.
    """

    def __init__(self, folders: Mapping[str, str]) -> None:
        self._folders = sorted(folders.items(), key=lambda folder: len(folder[0]), reverse=True)
        self._removed: set[PurePosixPath] = set()

    def exists(self, path: str) -> bool:
        """Return whether a file exists."""
        whole = PurePosixPath("/", path)
        real = self._real(whole)
        return bool(real and real.exists()) or self._removed.isdisjoint((whole, *whole.parents))

    def write(self, path: str) -> None:
        """Create a file."""
        whole = PurePosixPath("/", path)
        self._removed.difference_update((whole, *whole.parents))
        if real := self._real(whole):
            with suppress(OSError):  # such as a full disk: no manifest of a healthy app is wrong for it
                real.parent.mkdir(parents=True, exist_ok=True)
                real.touch()

    def remove(self, path: str) -> None:
        """Remove a file, or a folder with its files."""
        whole = PurePosixPath("/", path)
        self._removed.add(whole)
        real = self._real(whole)
        if real and real.is_dir():
            shutil.rmtree(real, ignore_errors=True)
        elif real:
            real.unlink(missing_ok=True)

    def _real(self, whole: PurePosixPath) -> Path | None:
        """Return where a file of a mounted folder is on this machine."""
        for mounted, folder in self._folders:
            if whole.is_relative_to(mounted) and ".." not in whole.parts:
                return Path(folder, whole.relative_to(mounted))
        return None

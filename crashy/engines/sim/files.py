"""The files that modelled commands see: a container's own, new with each of its lives, and its pod's volumes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import Any

Files = dict[str, bool]
"""Files by their paths, those of a volume by the paths in it: whether they are there."""


class ContainerFiles:
    """The files of one life of a container; `known` returns whether a file exists that was neither written nor removed.

    A mounted volume's files are in `volumes`, by its name: the pod's containers share them, or all that have a claim.
    """

    def __init__(
        self, volumes: Mapping[str, Files], mounts: tuple[Mapping[str, Any], ...], known: Callable[[str], bool]
    ) -> None:
        self._own: Files = {}
        self._volumes = volumes
        self._mounts = sorted(mounts, key=lambda mount: len(str(mount["mountPath"])), reverse=True)
        self.known = known

    def exists(self, path: str) -> bool:
        """Return whether a file exists."""
        files, key = self._find(path)
        return files[key] if key in files else self.known(path)

    def write(self, path: str) -> None:
        """Create a file."""
        files, key = self._find(path)
        files[key] = True

    def remove(self, path: str) -> None:
        """Remove a file, or a folder with its files."""
        files, key = self._find(path)
        below = "" if key == "." else f"{key}/"
        for name in files:
            if name.startswith(below):
                files[name] = False
        files[key] = False

    def _find(self, path: str) -> tuple[Files, str]:
        whole = PurePosixPath("/", path)
        for mount in self._mounts:
            if whole.is_relative_to(mount["mountPath"]):
                inside = whole.relative_to(mount["mountPath"])
                return self._volumes[mount["name"]], str(PurePosixPath(mount.get("subPath", ""), inside))
        return self._own, str(whole)

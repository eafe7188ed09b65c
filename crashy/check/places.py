"""The names of files in reports, the same however they were named on the command line."""

from __future__ import annotations

import posixpath
from functools import lru_cache
from pathlib import PurePath
from urllib.parse import quote

NOWHERE = PurePath()  # paths stay as they were named


@lru_cache  # many findings are in one file
def relative(file: str, here: PurePath) -> str:
    """Return a file's path without detours, relative to the folder `here` if it is in it: `k8s/web.yaml`.

    >>> relative("./k8s/../k8s/web.yaml", PurePath("/repo"))
    'k8s/web.yaml'
    >>> relative("/repo/k8s/web.yaml", PurePath("/repo"))
    'k8s/web.yaml'
    """
    path = PurePath(posixpath.normpath(PurePath(here, file).as_posix()))
    if path.is_relative_to(here):
        return path.relative_to(here).as_posix()
    return path.as_posix() if PurePath(file).is_absolute() else posixpath.normpath(PurePath(file).as_posix())


def uri(file: str, here: PurePath = NOWHERE) -> str:
    """Return a file's URI: relative to the folder `here` unless it was named by an absolute path outside of it."""
    name = relative(file, here)
    return PurePath(name).as_uri() if PurePath(name).is_absolute() else quote(name, errors="surrogateescape")

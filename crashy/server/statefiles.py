"""The files is_ready and is_healthy, for `exec: cat` probes: they exist exactly while it is so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from crashy.faults.active import Health


class StateFiles:
    """The files of one patient in a folder, which is made if it isn't there; without a folder there are none.

    A file that can't be written or removed is told of once, until it works again; nothing else comes of it.
    """

    def __init__(self, folder: str, complain: Callable[[str], None]) -> None:
        self._folder = Path(folder) if folder else None
        self._complain = complain
        self._complained = False
        self._kept: dict[str, bool] = {}

    def keep(self, health: Health) -> None:
        """Make and remove the files so that they say this."""
        wanted = {"is_ready": health.readiness, "is_healthy": health.liveness}
        if self._folder is None or wanted == self._kept:
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            for name, exists in wanted.items():
                if exists:
                    (self._folder / name).touch()
                else:
                    (self._folder / name).unlink(missing_ok=True)
        except OSError as error:
            if not self._complained:
                self._complain(f"STATE_DIR: {self._folder}: can't keep is_ready and is_healthy there: {error.strerror}")
            self._complained = True
        else:
            self._kept = wanted
            self._complained = False

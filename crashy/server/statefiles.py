"""The files is_started, is_ready and is_healthy, for `exec: cat` probes: each exists while its probe succeeds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from crashy.faults.health import Health
from crashy.patient.probes import files_of

FILLING = "disk-fault-"
"""How the names of the files begin that the fault `disk` writes there."""


class StateFiles:
    """The files of one patient in a folder, which is created if missing; without a folder there are none.

    Of an earlier life in it, files of the fault `disk` may be left: they are removed.

    `warn` is called when files can't be written or removed, once until it works again.
    """

    def __init__(self, folder: str, warn: Callable[[str], None]) -> None:
        self._folder = Path(folder) if folder else None
        self._warn = warn
        self._warned = False
        self._kept: dict[str, bool] = {}

    def keep(self, health: Health) -> None:
        """Create and remove the files according to the health."""
        wanted = files_of(health)
        if self._folder is None or wanted == self._kept:
            return
        try:
            if not self._kept:
                self._folder.mkdir(parents=True, exist_ok=True)
                for left in self._folder.glob(f"{FILLING}*"):
                    left.unlink(missing_ok=True)
            for name, exists in wanted.items():
                if exists:
                    (self._folder / name).touch()
                else:
                    (self._folder / name).unlink(missing_ok=True)
        except OSError as error:
            if not self._warned:
                self._warn(f"STATE_DIR: {self._folder}: can't keep {', '.join(wanted)} there: {error.strerror}")
            self._warned = True
        else:
            self._kept = wanted
            self._warned = False

"""Why a program can't be started, in the words of a container's runtime."""

from __future__ import annotations

import os

_RUNC = "unable to start container process: "


def refusal(program: str, error: OSError | ValueError) -> str:
    """Return why a program can't be started, as runc does."""
    if isinstance(error, FileNotFoundError):
        if os.path.dirname(program):  # noqa: PTH120 - the question is whether a slash was written
            return f'{_RUNC}exec: "{program}": stat {program}: no such file or directory'
        return f'{_RUNC}exec: "{program}": executable file not found in $PATH'
    reason = (error.strerror or "") if isinstance(error, OSError) else str(error)
    return f'{_RUNC}exec: "{program}": {reason.lower()}'

"""Standard output, line by line, for the commands that run until a signal."""

from __future__ import annotations

import asyncio


class Output:
    """Writes lines; once one fails, `error` says why, `stop` is set, and nothing more is written."""

    def __init__(self, stop: asyncio.Event) -> None:
        self._stop = stop
        self.error: OSError | None = None

    def __call__(self, line: str) -> None:
        """Write a line."""
        if self.error:
            return
        try:
            print(line, flush=True)
        except OSError as error:
            self.error = error
            self._stop.set()

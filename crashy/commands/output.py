"""Standard output, by lines, for the commands that go on until they are ended."""

from __future__ import annotations

import asyncio


class Output:
    """Writes lines; once one can't be written, `error` is why, `stop` is set, and nothing is written any more."""

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

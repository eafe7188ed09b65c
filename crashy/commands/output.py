"""Standard output, by lines, for the commands that go on until they are ended."""

from __future__ import annotations

import asyncio


class Output:
    """Writes lines; a reader that has gone ends the run: `stop` is set, and nothing is written any more."""

    def __init__(self, stop: asyncio.Event) -> None:
        self._stop = stop
        self.broken = False

    def __call__(self, line: str) -> None:
        """Write a line."""
        if self.broken:
            return
        try:
            print(line, flush=True)
        except BrokenPipeError:
            self.broken = True
            self._stop.set()

"""What faults do to the process: one file an effect, named as it, with how it begins and ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from crashy.server.listeners import AllListeners


class Process:
    """This process, for its effects to act on, from the fault scheduler's thread.

    `listeners` are to be closed and reopened on the data plane's `loop`. `stuck` is called while the loop is blocked,
    `last_words` before the process ends by its own doing.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        listeners: AllListeners,
        stuck: Callable[[], None],
        last_words: Callable[[], None],
    ) -> None:
        self.loop = loop
        self.listeners = listeners
        self.stuck = stuck
        self.last_words = last_words

"""What faults do to the process: one file for each effect, named after it, that begins and ends it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from crashy.server.listeners import AllListeners


class Process:
    """This process, on which effects act from the fault scheduler's thread.

    `listeners` must be closed and reopened on the data plane's `loop`. `log_stuck` is called while the loop is blocked,
    `before_exit` before the process exits or kills itself.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        listeners: AllListeners,
        log_stuck: Callable[[], None],
        before_exit: Callable[[], None],
    ) -> None:
        self.loop = loop
        self.listeners = listeners
        self.log_stuck = log_stuck
        self.before_exit = before_exit

"""What faults do to the process: one file for each effect, named after it, that begins and ends it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple

from crashy.server.listeners import Listeners
from crashy.server.logs import Log
from crashy.server.shutdown import Shutdown


class Process(NamedTuple):
    """This process, on which effects act from the fault scheduler's thread.

    `listeners` must be closed and reopened on the data plane's `loop`. `log_stuck` is called while the loop is blocked,
    `before_exit` before the process exits or kills itself, with the exit code that a kubelet sees and the fault's
    message, `warn` with a line about an effect that came to less. `shutdown` is what SIGTERM does, `state_dir` the
    folder of its files, `log` its log; it may have neither.
    """

    loop: asyncio.AbstractEventLoop
    listeners: Sequence[Listeners]
    log_stuck: Callable[[], None]
    before_exit: Callable[[int, str], None]
    warn: Callable[[str], None]
    shutdown: Shutdown
    state_dir: str = ""
    log: Log | None = None

"""What faults do to the process: end it, kill it, block its loop, stop it, deafen it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from crashy.faults.effects import Begin, Block, Command, Deaf, End, Exit, Signal, Stop

STUCK_EVERY = 2.0
"""Seconds between two stuck lines, as kodekloud/webapp-delayed-start prints them."""

_LAST_BREATH = 1.0

# Wakes its parent at the time given, on the clock that Python's time.monotonic() is in every process; again and
# again, since a wake-up that comes before the stop is lost, until the parent has woken and ends it, or is gone.
_WAKER = """
import os, signal, sys, time
parent, until = os.getppid(), float(sys.argv[1])
os.write(1, b"!")
while os.getppid() == parent:
    time.sleep(min(0.1, max(0.01, until - time.monotonic())))
    if time.monotonic() >= until:
        os.kill(parent, signal.SIGCONT)
"""


class Ears(Protocol):
    """The listeners of the data plane, as a deaf fault sees them; both are called on the data loop."""

    def close(self) -> None:
        """Stop listening; connections that are open stay so."""

    def reopen(self) -> None:
        """Listen again on the same ports."""


class Body:
    """This process, for the pulse to act on.

    `stuck` is told while the loop is blocked; `last_words` is called before the process ends by its own doing.
    The functions of the system are handed in, so that a test keeps its process.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        ears: Ears,
        stuck: Callable[[], None],
        last_words: Callable[[], None],
        *,
        leave: Callable[[int], Any] = os._exit,
        kill: Callable[[int, int], None] = os.kill,
        caught: Callable[[int], Any] = signal.getsignal,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._loop = loop
        self._ears = ears
        self._stuck = stuck
        self._last_words = last_words
        self._leave = leave
        self._kill = kill
        self._caught = caught
        self._sleep = sleep
        self._pid = os.getpid()
        self._thawed: threading.Event | None = None

    def obey(self, command: Command) -> None:
        """Carry out a command of the faults; what already holds goes on."""
        match command:
            case Begin(Exit(code)):
                self.exit(code)
            case Begin(Signal() as death):
                self.die(death.number)
            case Begin(Block()):
                self.block()
            case Begin(Stop(), float(until)):
                self.stop(until)
            case Begin(Deaf()):
                self._loop.call_soon_threadsafe(self._ears.close)
            case End(Block()):
                self.thaw()
            case End(Deaf()):
                self._loop.call_soon_threadsafe(self._ears.reopen)

    def exit(self, code: int) -> None:
        """End the process with this code, at once."""
        self._last_words()
        self._leave(code)

    def die(self, number: int) -> None:
        """Die of a signal; where that can't be, exit with 128 + number, as a container's runtime reports it.

        It can't be where this process handles or ignores the signal, and as process 1 of a container, which the
        kernel spares its own signals.
        """
        self._last_words()
        if self._caught(number) == signal.SIG_DFL:
            self._kill(self._pid, number)
            self._sleep(_LAST_BREATH)
        self._leave(128 + number)

    def block(self) -> None:
        """Block the loop until `thaw`."""
        if self._thawed is None:
            self._thawed = threading.Event()
            self._loop.call_soon_threadsafe(self._stand_still, self._thawed)

    def thaw(self) -> None:
        """Let the loop go on, at once."""
        if self._thawed is not None:
            self._thawed.set()
            self._thawed = None

    def _stand_still(self, thawed: threading.Event) -> None:
        while not thawed.is_set():
            self._stuck()
            thawed.wait(STUCK_EVERY)

    def stop(self, until: float) -> None:
        """Stop this process (SIGSTOP) until then, on the clock of time.monotonic.

        The one that wakes it stays in its process group, so that nothing is left when the group is killed.
        """
        with subprocess.Popen(  # noqa: S603 - this Python, a text of ours and a number
            [sys.executable, "-I", "-S", "-c", _WAKER, repr(until)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
        ) as waker:
            if waker.stdout is not None and waker.stdout.read(1):
                # Sent to this very thread it has stopped the process before this call returns; sent to the process,
                # another thread would take it in a moment later, when the waker might be gone already.
                signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)
            waker.kill()

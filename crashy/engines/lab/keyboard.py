"""Keys from a terminal, one by one as they are pressed."""

from __future__ import annotations

import asyncio
import os
import re
import termios
import tty
from collections.abc import Callable
from contextlib import suppress

_KEY = re.compile(r"\x1b[\[O][0-9;]*[A-Za-z~]|.", re.DOTALL)
_ARROWS = {"A": "up", "B": "down"}


def restorer(fd: int) -> Callable[[], None]:
    """Return a call that makes the terminal behind `fd` as it is now; one that does nothing where there is none."""
    try:
        before = termios.tcgetattr(fd)
    except termios.error:
        return lambda: None

    def restore() -> None:
        with suppress(termios.error):  # the terminal may have gone
            termios.tcsetattr(fd, termios.TCSANOW, before)

    return restore


def listens(fd: int) -> bool:
    """Return whether keys pressed on the terminal behind `fd` are for this process: not for one in the background."""
    try:
        return os.isatty(fd) and os.tcgetpgrp(fd) == os.getpgrp()
    except OSError:
        return False


class Keyboard:
    """Calls `press` with each key: its character, or `up` and `down`; signals' keys (Ctrl-C) go on as before."""

    def __init__(self, fd: int, press: Callable[[str], None]) -> None:
        self._fd = fd
        self._press = press
        self._restore = restorer(fd)

    def start(self) -> None:
        """Take keys without waiting for the end of a line, and don't echo them, until `stop`."""
        tty.setcbreak(self._fd, termios.TCSANOW)
        asyncio.get_running_loop().add_reader(self._fd, self._read)

    def stop(self) -> None:
        """Leave the terminal as it was found."""
        asyncio.get_running_loop().remove_reader(self._fd)
        self._restore()

    def _read(self) -> None:
        try:
            data = os.read(self._fd, 1024)
        except OSError:
            data = b""
        if not data:  # the terminal has gone
            asyncio.get_running_loop().remove_reader(self._fd)
        for key in _KEY.findall(data.decode("utf-8", "replace")):
            self._press(_ARROWS.get(key[-1], "") if len(key) > 1 else key)

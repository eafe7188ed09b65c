"""The termination message: a container's last words, which the kubelet shows as `lastState.terminated.message`."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from crashy.patient import TERMINATION_MESSAGE_BYTES, TERMINATION_MESSAGE_PATH


def write_termination_message(path: str, message: str) -> None:
    """Write a message to a file in the place of what is there, cut to what the kubelet reads; never raises.

    Kubernetes' default path is written only where there is a file: the kubelet makes it before the container starts.
    """
    if path == TERMINATION_MESSAGE_PATH and not Path(path).exists():
        return
    text = message.encode("utf-8", "backslashreplace")[:TERMINATION_MESSAGE_BYTES].decode("utf-8", "ignore").encode()
    with suppress(OSError, ValueError):
        # In place, since it is mounted; a pipe that nobody reads would block without O_NONBLOCK.
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NONBLOCK, 0o644)
        try:
            os.write(file, text)
        finally:
            os.close(file)

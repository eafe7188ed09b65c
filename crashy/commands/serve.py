"""`crashy serve`: run the patient."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from crashy.patient.settings import load, parser

__all__ = ["main", "parser"]


def main(argv: Sequence[str]) -> int:
    """Read the settings and be the patient until the end of this life."""
    # Before the loop has its own handlers: process 1 of a container would ignore both signals.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    gc.disable()
    # Where a standard stream is closed, a socket would get its descriptor, and libuv aborts when it closes that one.
    while (spare := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(spare)
    settings = load(argv, os.environ)
    with _no_certificates():
        from crashy.server.serve import serve  # noqa: PLC0415 - after the settings: a mistake is told at once
    return serve(settings, os.environ)


@contextmanager
def _no_certificates() -> Iterator[None]:
    """Spare aiohttp's import the loading of the CA bundle: a quarter of the start-up, and nothing here speaks TLS."""
    names = {"SSL_CERT_FILE": os.devnull, "SSL_CERT_DIR": os.devnull}
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(names)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value

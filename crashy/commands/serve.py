"""`crashy serve`: run the patient."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from crashy.patient.settings import load, parser

__all__ = ["begin", "importing", "main", "parser", "run"]


def main(argv: Sequence[str]) -> int:
    """Read the settings and run the patient until its process ends."""
    return run(argv)


def run(argv: Sequence[str], warnings: Sequence[str] = ()) -> int:
    """Run the patient by flags and the environment; its log begins with the warnings."""
    begin()
    settings = load(argv, os.environ, warnings)
    with importing():  # after the settings: a mistake in them is reported at once
        from crashy.server.serve import serve  # noqa: PLC0415
    return serve(settings, os.environ)


def begin() -> None:
    """Prepare this process to be a server."""
    # Before the loop has its own handlers: process 1 of a container would ignore both signals.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    gc.disable()
    # Where a standard stream is closed, a socket would get its descriptor, and libuv aborts when it closes that one.
    while (spare := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(spare)


@contextmanager
def importing() -> Iterator[None]:
    """Import aiohttp as cheaply as can be, and what the body imports after it."""
    with _no_certificates():
        import asyncio  # noqa: F401, PLC0415
        import ssl  # noqa: F401, PLC0415

        # What aiohttp's import leaves behind, half a megabyte, is used again by what follows. To look through all else
        # for more would cost twice as much.
        gc.freeze()
        import aiohttp.web  # noqa: F401, PLC0415

        gc.collect()
        yield


@contextmanager
def _no_certificates() -> Iterator[None]:
    """Keep aiohttp's import from loading the CA bundle: a quarter of the start-up, and nothing here speaks TLS."""
    before = dict(os.environ)
    os.environ.update(SSL_CERT_FILE=os.devnull, SSL_CERT_DIR=os.devnull)
    try:
        yield
    finally:
        for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
            del os.environ[name]
        os.environ.update(before)

"""`crashy serve`: run the patient."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from crashy.patient.settings import load, parser

__all__ = ["main", "parser", "run"]


def main(argv: Sequence[str]) -> int:
    """Read the settings and run the patient until its process ends."""
    return run(argv)


def run(argv: Sequence[str], warnings: Sequence[str] = ()) -> int:
    """Run the patient by flags and the environment; its log begins with the warnings."""
    # Before the loop has its own handlers: process 1 of a container would ignore both signals.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    gc.disable()
    # Where a standard stream is closed, a socket would get its descriptor, and libuv aborts when it closes that one.
    while (spare := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(spare)
    settings = load(argv, os.environ, warnings)
    with _no_certificates():
        # After the settings: a mistake in them is reported at once.
        import asyncio  # noqa: F401, PLC0415
        import ssl  # noqa: F401, PLC0415

        # What aiohttp's import leaves behind, half a megabyte, is used again by what follows. To look through all else
        # for more would cost twice as much.
        gc.freeze()
        import aiohttp.web  # noqa: F401, PLC0415

        gc.collect()
        from crashy.server.serve import serve  # noqa: PLC0415
    return serve(settings, os.environ)


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

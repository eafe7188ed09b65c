"""What no app on aiohttp can be below: the bare server without CA bundle and garbage collection during the imports."""

import gc
import os
import sys

gc.disable()
os.environ.update(SSL_CERT_FILE=os.devnull, SSL_CERT_DIR=os.devnull)

import uvloop  # noqa: E402 - after the levers
from aiohttp import web  # noqa: E402


async def health(_: web.Request) -> web.Response:
    """Answer."""
    return web.Response(text="200 OK")


async def settle(_: web.Application) -> None:
    """Collect garbage from now on, but for what was imported."""
    gc.freeze()
    gc.enable()


app = web.Application()
app.router.add_get("/health", health)
app.on_startup.append(settle)
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None, access_log=None, loop=uvloop.new_event_loop())

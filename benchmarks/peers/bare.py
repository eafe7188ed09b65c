"""The yardstick: the smallest aiohttp server on uvloop. `python -m benchmarks.peers.bare PORT [log]`."""

import logging
import sys

import uvloop
from aiohttp import web

from benchmarks.peers.words import TEXT


async def health(_: web.Request) -> web.Response:
    """Answer."""
    return web.Response(text="200 OK")


async def root(_: web.Request) -> web.Response:
    """Answer what the patient does."""
    return web.Response(text=TEXT)


app = web.Application()
app.router.add_get("/health", health)
app.router.add_get("/", root)
log = None
if sys.argv[2:]:
    logging.basicConfig(level=logging.INFO, stream=sys.stdout)
    log = logging.getLogger("aiohttp.access")
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None, access_log=log, loop=uvloop.new_event_loop())

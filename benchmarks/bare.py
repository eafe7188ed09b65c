"""The yardstick: the smallest aiohttp server on uvloop that answers /health. `python -m benchmarks.bare PORT`."""

import sys

import uvloop
from aiohttp import web


async def health(_: web.Request) -> web.Response:
    """Answer."""
    return web.Response(text="200 OK")


app = web.Application()
app.router.add_get("/health", health)
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None, access_log=None, loop=uvloop.new_event_loop())

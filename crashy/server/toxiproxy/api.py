"""Toxiproxy's HTTP API: its routes, and the server that has them."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from crashy.server.admin import check_token
from crashy.server.problem import Problem
from crashy.server.toxiproxy.problem import BAD_BODY, ApiError
from crashy.server.toxiproxy.proxies import Proxies
from crashy.server.toxiproxy.toxic import Toxic

VERSION = "2.12.0"
"""The version of Toxiproxy whose API this is."""

_LOG = logging.getLogger(__name__)
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Api:
    """The handlers of one server; with a `token` what changes anything needs it, as in the admin API."""

    def __init__(self, proxies: Proxies, token: str | None) -> None:
        self._proxies = proxies
        self._token = token
        self._changing = asyncio.Lock()

    def app(self) -> web.Application:
        """Return the app with every route."""
        app = web.Application()
        proxy, toxics = "/proxies/{proxy}", "/proxies/{proxy}/toxics"
        routes: list[tuple[str, str, _Handler]] = [
            ("GET", "/proxies", self.list_proxies),
            ("POST", "/proxies", self.create_proxy),
            ("POST", "/populate", self.populate),
            ("GET", proxy, self.get_proxy),
            ("POST", proxy, self.update_proxy),
            ("PATCH", proxy, self.update_proxy),
            ("DELETE", proxy, self.delete_proxy),
            ("GET", toxics, self.list_toxics),
            ("POST", toxics, self.add_toxic),
            ("GET", f"{toxics}/{{toxic}}", self.get_toxic),
            ("POST", f"{toxics}/{{toxic}}", self.update_toxic),
            ("PATCH", f"{toxics}/{{toxic}}", self.update_toxic),
            ("DELETE", f"{toxics}/{{toxic}}", self.remove_toxic),
            ("POST", "/reset", self.reset),
            ("GET", "/version", self.version),
        ]
        app.router.add_routes(web.RouteDef(method, path, self._around(handler), {}) for method, path, handler in routes)
        return app

    def _around(self, handler: _Handler) -> _Handler:
        async def answer(request: web.Request) -> web.StreamResponse:
            try:
                self._check(request)
                if request.method == "GET":
                    return await handler(request)
                await request.read()  # before the lock: a slow client keeps nobody waiting
                async with self._changing:
                    return await handler(request)
            except ApiError as error:
                return _json(error.to_json(), error.status)

        return answer

    def _check(self, request: web.Request) -> None:
        """Raise ApiError for a web page's request, and for a change without the token."""
        if "Origin" in request.headers or request.headers.get("User-Agent", "").startswith("Mozilla/"):
            raise ApiError(403, "User agent not allowed")
        try:
            if request.method != "GET":
                check_token(request, self._token)
        except Problem as problem:
            raise ApiError(problem.status, problem.detail) from None

    async def list_proxies(self, _request: web.Request) -> web.Response:
        """Return every proxy by its name."""
        return _json({proxy.name: proxy.to_json() for proxy in self._proxies.all()})

    async def create_proxy(self, request: web.Request) -> web.Response:
        """Create a proxy."""
        return _json((await self._proxies.create(await _object(request))).to_json(), 201)

    async def populate(self, request: web.Request) -> web.Response:
        """Create a list of proxies, or replace those that lead elsewhere."""
        documents = await _body(request)
        if not isinstance(documents, list):
            raise ApiError(400, f"{BAD_BODY}: must be a list of proxies")
        return _json({"proxies": [proxy.to_json() for proxy in await self._proxies.populate(documents)]}, 201)

    async def get_proxy(self, request: web.Request) -> web.Response:
        """Return a proxy with its toxics."""
        return _json(self._proxies.get(request.match_info["proxy"]).to_json())

    async def update_proxy(self, request: web.Request) -> web.Response:
        """Change a proxy's fields: `enabled` false takes it down."""
        proxy = self._proxies.get(request.match_info["proxy"])
        await self._proxies.update(proxy, await _object(request))
        return _json(proxy.to_json())

    async def delete_proxy(self, request: web.Request) -> web.Response:
        """Delete a proxy."""
        self._proxies.delete(request.match_info["proxy"])
        return web.Response(status=204)

    async def list_toxics(self, request: web.Request) -> web.Response:
        """Return a proxy's toxics."""
        return _json([toxic.to_json() for toxic in self._proxies.get(request.match_info["proxy"]).toxics])

    async def add_toxic(self, request: web.Request) -> web.Response:
        """Add a toxic to a proxy."""
        proxy = self._proxies.get(request.match_info["proxy"])
        toxic = Toxic.read(await _object(request))
        proxy.add(toxic)
        return _json(toxic.to_json())

    async def get_toxic(self, request: web.Request) -> web.Response:
        """Return a toxic."""
        return _json(self._proxies.get(request.match_info["proxy"]).toxic(request.match_info["toxic"]).to_json())

    async def update_toxic(self, request: web.Request) -> web.Response:
        """Change a toxic's attributes, or its toxicity."""
        proxy = self._proxies.get(request.match_info["proxy"])
        toxic = proxy.toxic(request.match_info["toxic"])
        proxy.change(toxic, await _object(request))
        return _json(toxic.to_json())

    async def remove_toxic(self, request: web.Request) -> web.Response:
        """Remove a toxic."""
        proxy = self._proxies.get(request.match_info["proxy"])
        proxy.remove(proxy.toxic(request.match_info["toxic"]))
        return web.Response(status=204)

    async def reset(self, _request: web.Request) -> web.Response:
        """Enable every proxy and remove every toxic."""
        await self._proxies.reset()
        return web.Response(status=204)

    async def version(self, _request: web.Request) -> web.Response:
        """Return the version of Toxiproxy whose API this is."""
        return _json({"version": VERSION})


def _json(document: Any, status: int = 200) -> web.Response:
    return web.json_response(document, status=status)


async def _body(request: web.Request) -> Any:
    try:
        return json.loads(await request.read())
    except ValueError as error:
        raise ApiError(400, f"{BAD_BODY}: {error}") from None
    except RecursionError:
        raise ApiError(400, f"{BAD_BODY}: nested too deeply") from None


async def _object(request: web.Request) -> dict[str, Any]:
    document = await _body(request)
    if not isinstance(document, dict):
        raise ApiError(400, f"{BAD_BODY}: must be an object")
    return document

"""One operation of the admin API: its routes and its OpenAPI document are made from these."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

from aiohttp import web


class Operation(NamedTuple):
    """One operation of the API: its method and path, its handler, its request and responses.

    The operation's id is the name of `handler`, its summary and description are the docstring; `responses` maps
    each success status to the name of its body's schema (None: no body); `body` names the schema of the request's;
    `errors` are the statuses of its problem documents, except those that any operation may have.
    """

    method: str
    path: str
    handler: Callable[[Any, web.Request], Awaitable[web.StreamResponse]]
    responses: Mapping[int, str | None]
    body: str | None = None
    errors: tuple[int, ...] = ()
    media_type: str = "application/json"

    @property
    def name(self) -> str:
        """Return the operation's id."""
        return self.handler.__name__

    @property
    def mutates(self) -> bool:
        """Return whether it injects or recovers faults, which needs the token, if there is one."""
        return self.method != "GET"

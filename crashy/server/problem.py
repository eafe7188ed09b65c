"""Errors as problem documents: what went wrong, in which field, and what is allowed (RFC 9457)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from aiohttp import web

MEDIA_TYPE = "application/problem+json"
NOT_ENCODED = "the body is not encoded as its Content-Encoding says"


class Problem(Exception):  # noqa: N818 - named as its document is
    """An error response: raised in a handler, sent as an `application/problem+json` document.

    `status` is the HTTP status, `detail` one line for people. `field` names the part of the request that is wrong
    and `allowed` lists or describes what it may be; the document has both where they are known.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        field: str | None = None,
        allowed: Sequence[str] | str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.field = field
        self.allowed = allowed
        self.headers = dict(headers or {})

    def document(self) -> dict[str, Any]:
        """Return the members of the document; `type` is absent, which means `about:blank`: the status is enough."""
        known = {"field": self.field, "allowed": self.allowed}
        return {
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            **{name: value for name, value in known.items() if value is not None},
        }

    def response(self) -> web.Response:
        """Return the response with the document."""
        return json_response(self.document(), status=self.status, headers=self.headers, media_type=MEDIA_TYPE)


def json_response(
    value: object, *, status: int = 200, headers: Mapping[str, str] | None = None, media_type: str = "application/json"
) -> web.Response:
    """Return a JSON response, readable for people: indented, UTF-8 (`?` for a lone surrogate), with a newline."""
    body = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    return web.Response(
        body=body.encode(errors="replace"), status=status, headers={**(headers or {}), "Content-Type": media_type}
    )

"""Read the body of a request to the admin API, as JSON or as text."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from crashy.faults.base import Fault, from_json, parse_spec
from crashy.server.problem import NOT_ENCODED, Problem

MAX_BODY = 64 * 1024
"""The most bytes of a body."""

_SPACE = " \t\r\n"  # JSON's; str.strip would take control characters too, and an empty body injects the default
_TEXT = ("text/plain", "application/x-www-form-urlencoded", "application/octet-stream")


async def read(request: web.Request) -> Any:
    """Return the body as the JSON value it holds, or as text where it holds none; an empty body is an empty text.

    `curl -d TEXT` sends any text as a form, and other clients send no content type: a body that then begins like
    JSON is read as JSON, any other as text. Raises Problem (400, 413, 415).
    """
    try:
        data = await _bytes(request)
    except web.RequestPayloadError:
        raise Problem(400, NOT_ENCODED, field="body") from None
    kind = request.content_type
    is_json = kind == "application/json" or kind.endswith("+json")
    if not is_json and kind not in _TEXT and data:
        raise Problem(
            415,
            f"{kind} can't be read here: send JSON or text",
            field="Content-Type",
            allowed=["application/json", "text/plain"],
        )
    try:
        text = data.decode().strip(_SPACE)
    except UnicodeDecodeError as error:
        raise Problem(400, f"the body must be UTF-8: byte {error.start} is not", field="body") from None
    return _json(text) if text and (is_json or text[0] in '{["') else text


def fault(value: Any) -> Fault:
    """Read the fault in a body; raises Problem and FaultError."""
    if isinstance(value, dict) and "spec" in value:
        value = sole_member(value, "spec", "`spec` can't be combined with other fields")
        if not isinstance(value, str):
            raise Problem(400, "a spec must be a string, such as 'freeze for=10s'", field="spec")
    if isinstance(value, str):
        return parse_spec(value)
    if isinstance(value, dict):
        return from_json(value)
    raise Problem(
        400, """must be a fault, such as {"fault": "freeze", "for": "10s"} or 'freeze for=10s'""", field="body"
    )


def sole_member(value: dict[str, Any], key: str, why: str) -> Any:
    """Return the only member that an object may have; raises Problem if it is missing or there are others."""
    wrong = next((name for name in value if name != key), key)
    if value.keys() != {key}:
        raise Problem(400, why, field=wrong, allowed=[key])
    return value[key]


async def _bytes(request: web.Request) -> bytes:
    data = bytearray()
    if (request.content_length or 0) <= MAX_BODY:
        async for chunk in request.content.iter_any():
            data += chunk
            if len(data) > MAX_BODY:
                break
        else:
            return bytes(data)
    # The rest is not read, so the connection can't be used for another request.
    raise Problem(413, f"the body must have at most {MAX_BODY} bytes", field="body", headers={"Connection": "close"})


def _json(text: str) -> Any:
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
        json.dumps(value, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        where = f"line {error.lineno} column {error.colno}"
        raise Problem(400, f"the body is not valid JSON: {error.msg} at {where}", field="body") from None
    except RecursionError:
        raise Problem(400, "the body is nested too deeply", field="body") from None
    except UnicodeEncodeError:
        raise Problem(400, "the body has half of a surrogate pair in a string", field="body") from None
    except ValueError as error:  # digits without end
        raise Problem(400, f"the body is not valid JSON: {error}", field="body") from None
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Problem(400, f"{twice!r} is given twice", field=twice)
    return members


def _constant(name: str) -> Any:
    raise Problem(400, f"the body is not valid JSON: {name} is not a JSON number", field="body")

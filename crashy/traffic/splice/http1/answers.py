"""The response that a fault sends in the app's place."""

from __future__ import annotations

from email.utils import formatdate
from http import HTTPStatus

from crashy.faults.effects import InjectedResponse
from crashy.traffic.splice.http1.heads import RequestHead

_PHRASES = {status.value: status.phrase for status in HTTPStatus}


def answer_of(response: InjectedResponse, request: RequestHead, *, keeps: bool) -> bytes:
    """Return a response as it is sent; without a text of its own it has the status and its name."""
    status, phrase = response.status, _PHRASES.get(response.status, "")
    body = response.text.encode()
    lines = [f"HTTP/1.1 {status} {phrase}", f"Date: {formatdate(usegmt=True)}"]
    lines += [f"{name}: {value}" for name, value in response.headers]
    if status in {204, 304}:
        body = b""
    else:
        lines += ["Content-Type: text/plain; charset=utf-8", f"Content-Length: {len(body)}"]
    if not keeps:
        lines.append("Connection: close")
    elif request.old:
        lines.append("Connection: keep-alive")
    head = "\r\n".join([*lines, "", ""]).encode()
    return head if request.method == "HEAD" else head + body

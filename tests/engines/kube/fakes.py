"""An API server of a few lines: what it is asked is kept, what it answers is given."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from crashy.engines.kube.api import ApiError, Object, Response

Answers = Callable[[str, str, Object | None], Any]


def status(code: int, message: str = "no") -> Object:
    """Return the Status object that refuses."""
    return {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": code}


class FakeApi:
    """Answers as `answers(method, path, body)` says: an object, an Response, or an error that is raised."""

    def __init__(self, answers: Answers) -> None:
        self.host = "https://api"
        self.ca_file = None
        self.requested: list[tuple[str, str]] = []
        self.streams: list[Any] = []
        self._answers = answers

    async def send(self, method: str, path: str, body: Object | None = None, **options: Any) -> Response:
        """Response whatever it is."""
        del options
        self.requested.append((method, path))
        answer = self._answers(method, path, body)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, Response) else Response(200, {}, json.dumps(answer).encode())

    async def request(self, method: str, path: str, body: Object | None = None, **options: Any) -> Object:
        """Response with an object, or raise."""
        answer = await self.send(method, path, body, **options)
        if answer.status >= 300:
            raise answer.error()
        return json.loads(answer.body)

    async def lines(self, path: str, silence: float) -> AsyncIterator[Object]:
        """Return the next stream's lines, raise what stands among them, and wait the seconds that do."""
        del silence
        self.requested.append(("WATCH", path))
        if not self.streams:
            raise ApiError(403, "the test is over")
        for line in self.streams.pop(0):
            if isinstance(line, Exception):
                raise line
            if isinstance(line, float):
                await asyncio.sleep(line)
            else:
                yield line

    async def run(self, path: str, timeout: float) -> tuple[bytes, Object]:
        """Return what a command wrote, and the Status of its end."""
        del timeout
        self.requested.append(("EXEC", path))
        answer = self._answers("EXEC", path, None)
        if isinstance(answer, Exception):
            raise answer
        output, ended = answer
        return output, ended

    async def stream(self, path: str) -> AsyncIterator[bytes]:
        """Return a container's log."""
        self.requested.append(("LOG", path))
        yield b"one\ntwo"


def exited(code: int, output: bytes = b"") -> tuple[bytes, Object]:
    """Return how a command ended, as the API server tells it."""
    if code == 0:
        return output, {"status": "Success"}
    causes = [{"reason": "ExitCode", "message": str(code)}]
    return output, {"status": "Failure", "details": {"causes": causes}}


def refused(code: int, message: str = "no", headers: dict[str, str] | None = None) -> Response:
    """Return an answer that refuses."""
    return Response(code, headers or {}, json.dumps(status(code, message)).encode())

"""The control socket of a lab, in a folder of the user's own, one JSON line in, one out."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from crashy.errors import BadInput

Request = Mapping[str, Any]
Operation = Callable[[Request], Awaitable[dict[str, Any]]]
LINE_LIMIT = 65_536
_T = TypeVar("_T")


class Control:
    """Answers `{"op": NAME, ...}` with the result of that operation, or `{"error": TEXT}`.

    An operation refuses by BadInput; its lines are the text's.
    """

    def __init__(self, path: Path, operations: Mapping[str, Operation]) -> None:
        self._path = path
        self._operations = operations
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen in a folder that only this user can enter; what an earlier process of the same name left is replaced.

        Raises OSError as `prepare` does.
        """
        prepare(self._path.parent)
        self._path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._serve, self._path, limit=LINE_LIMIT)
        self._path.chmod(0o600)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            line = await reader.readline()
            writer.write(json.dumps(await self._answer(line)).encode() + b"\n")
            await writer.drain()
        except (ConnectionError, ValueError):
            pass  # it left, or it sent a line without end
        finally:
            writer.close()

    async def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            request = json.loads(line)
            operation = self._operations[request["op"]]
        except (ValueError, TypeError, KeyError):
            return {"error": f'must be one line of JSON, {{"op": NAME}}; there are: {", ".join(self._operations)}'}
        try:
            return await operation(request)
        except BadInput as error:
            return {"error": "\n".join(error.lines)}

    def close(self) -> None:
        """Stop listening and remove the socket."""
        if self._server:
            self._server.close()
        self._path.unlink(missing_ok=True)


def field(request: Request, name: str, kind: type[_T]) -> _T:
    """Return a field of a request; raises BadInput if it is of another type, or missing."""
    value = request.get(name)
    if not isinstance(value, kind):
        raise BadInput(f"{name}: must be of type {kind.__name__}")
    return value


def prepare(folder: Path) -> None:
    """Make the folder of the sockets, which only this user can enter.

    Raises OSError: PermissionError if the folder, or the one around it, is another user's.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for place in (folder.parent, folder):
        if place.stat().st_uid != os.getuid():
            raise PermissionError(f"{place} belongs to another user")
    folder.chmod(0o700)

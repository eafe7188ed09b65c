"""What faults do to what passes, from outside: one file for each change, named after it as in server/responses.

Each has `http(exchange, change, by)`, which lets a request be answered, or not; those that can be done to any
connection have `connection(link, change, by)`, and those of a gRPC health check `grpc(call, change, by)`.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from crashy.faults.effects import ResponseChange


def of(change: ResponseChange) -> Any:
    """Return the file of a change, imported when it is first needed."""
    return import_module(f"{__name__}.{change.file}")

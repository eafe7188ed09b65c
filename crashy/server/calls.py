"""How a gRPC call may end other than well."""

from __future__ import annotations


class CallError(Exception):
    """The call ends with this status."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Unanswered(Exception):  # noqa: N818 - no error: what a fault wants
    """The call ends here, without a status: its stream or its connection is closed."""

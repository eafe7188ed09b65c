"""Errors as Toxiproxy's clients read them."""

from __future__ import annotations

BAD_BODY = "bad request body"


class ApiError(Exception):
    """A request that can't be done: its `status`, and why in one line."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status

    def to_json(self) -> dict[str, str | int]:
        """Return the body of its response."""
        return {"error": str(self), "status": self.status}

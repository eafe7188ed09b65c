"""Errors of fields, in the API server's words."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class FieldError:
    """An error of one field; `str()` returns Kubernetes' own text.

    `path` is the field (`spec.containers[0].livenessProbe.successThreshold`), `kind` the sort of error
    (`Invalid value`, `Required value`, `unknown field`, ...), `detail` the value, if shown, and what is allowed.
    Source: apimachinery: pkg/util/validation/field/errors.go; for unknown fields the strict decoder's text.
    """

    path: str
    kind: str
    detail: str = ""

    def __str__(self) -> str:
        if self.kind == "unknown field":
            return f'unknown field "{self.path}"{self.detail and f" ({self.detail})"}'
        return ": ".join(part for part in (self.path, self.kind, self.detail) if part)


class SpecError(ValueError):
    """A manifest can't be used: `errors` holds everything that is wrong with it."""

    def __init__(self, errors: Iterable[FieldError]) -> None:
        self.errors = tuple(errors)
        super().__init__("\n".join(str(error) for error in self.errors))


def invalid(path: str, value: Any, detail: str) -> FieldError:
    """Report that a value breaks a rule."""
    return FieldError(path, "Invalid value", f"{shown(value)}: {detail}")


def required(path: str, detail: str = "") -> FieldError:
    """Report that a value is missing."""
    return FieldError(path, "Required value", detail)


def forbidden(path: str, detail: str) -> FieldError:
    """Report that a field may not be set here."""
    return FieldError(path, "Forbidden", detail)


def duplicate(path: str, value: Any) -> FieldError:
    """Report that a value that must be unique occurs twice."""
    return FieldError(path, "Duplicate value", shown(value))


def not_found(path: str, value: Any) -> FieldError:
    """Report that a value names something that doesn't exist."""
    return FieldError(path, "Not found", shown(value))


def unsupported(path: str, value: Any, allowed: Iterable[str]) -> FieldError:
    """Report that a value is none of those allowed."""
    choices = ", ".join(shown(choice) for choice in allowed)
    return FieldError(path, "Unsupported value", f"{shown(value)}: supported values: {choices}")


def too_many(path: str, values: Collection[Any], most: int) -> Iterator[FieldError]:
    """Report a list of more than `most` items, if it is one."""
    if len(values) > most:
        yield FieldError(path, "Too many", f"{len(values)}: must have at most {most} items")


def shown(value: Any) -> str:
    """Write a value as the API server shows it in an error: strings in quotes, all else as JSON."""
    return json.dumps(value, ensure_ascii=False, default=str)


def child(path: str, name: str) -> str:
    """Return the path of a field of the object at `path`; an empty `path` is the manifest itself."""
    return f"{path}.{name}" if path else name


def related(path: str, lost: str) -> bool:
    """Return whether one path is the other, or lies within it."""
    return path == lost or path.startswith((f"{lost}.", f"{lost}[")) or lost.startswith((f"{path}.", f"{path}["))

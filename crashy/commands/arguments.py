"""What the commands' options have in common."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import NoReturn

from crashy.errors import BadInput
from crashy.fields.units import parse_duration


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaint is one line; `prefix` begins it."""

    prefix = ""

    def error(self, message: str) -> NoReturn:
        """Complain."""
        raise BadInput(self.prefix + message)


def duration(text: str) -> float:
    """Read a duration above 0, in seconds."""
    try:
        seconds = parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: must be {error}") from None
    if not seconds:
        raise argparse.ArgumentTypeError(f"{text!r}: must be more than 0")
    return seconds


def number(allowed: str, above: float, most: float) -> Callable[[str], float]:
    """Return a reader of numbers above `above`, at most `most`; `allowed` says so."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not above < value <= most:
            raise argparse.ArgumentTypeError(f"{text!r}: must be a number {allowed}")
        return value

    return read

"""Readers of options that several commands have."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import NoReturn

from crashy.errors import BadInput
from crashy.fields.units import parse_duration


class Parser(argparse.ArgumentParser):
    """An argument parser that raises BadInput for a mistake; `prefix` begins the line."""

    prefix = ""

    def error(self, message: str) -> NoReturn:
        """Raise BadInput."""
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


def whole(least: int) -> Callable[[str], int]:
    """Return a reader of whole numbers of at most nine digits, `least` or more."""

    def read(text: str) -> int:
        if not (text.isascii() and text.isdecimal() and len(text) < 10 and int(text) >= least):
            raise argparse.ArgumentTypeError(f"{text!r}: must be a whole number from {least} to 999999999")
        return int(text)

    return read


def number(allowed: str, above: float, most: float) -> Callable[[str], float]:
    """Return a reader of numbers above `above`, at most `most`; `allowed` says so in its error."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not above < value <= most:
            raise argparse.ArgumentTypeError(f"{text!r}: must be a number {allowed}")
        return value

    return read

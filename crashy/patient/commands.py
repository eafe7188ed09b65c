"""The modelled commands: what each does to files, how long it takes, and its exit code. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


class Files(Protocol):
    """The files that a container sees, by their absolute paths."""

    def exists(self, path: str) -> bool:
        """Return whether a file exists."""
        ...

    def write(self, path: str) -> None:
        """Create a file."""
        ...

    def remove(self, path: str) -> None:
        """Remove a file; one that does not exist is no error."""
        ...


@dataclass(frozen=True, slots=True)
class Other:
    """A command that is not modelled."""

    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended, and what it printed last."""

    code: int = 0
    output: str = ""


Course = Generator[float | Other, int | None, Ended]
"""Yields the seconds to wait (inf: it never ends by itself), or a command to run, whose exit code it is sent."""


def advance(course: Course, code: int | None) -> float | Other | Ended:
    """Return what a command waits for next, or how it has ended; `code` is the exit code that it has waited for."""
    try:
        return course.send(code)
    except StopIteration as stop:
        ended: Ended = stop.value
        return ended


class Exit(Exception):  # noqa: N818 - it is no error
    """Ends the whole script."""

    def __init__(self, code: int) -> None:
        self.code = code


_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}


def _plain(code: int) -> Callable[[Sequence[str], Files], Course]:
    def command(_words: Sequence[str], _files: Files) -> Course:
        return Ended(code)
        yield 0.0

    return command


def _echo(words: Sequence[str], _files: Files) -> Course:
    return Ended(output=" ".join(words))
    yield 0.0


def _exit(words: Sequence[str], _files: Files) -> Course:
    raise Exit(int(words[0]) & 255 if words and re.fullmatch(r"[0-9]{1,9}", words[0]) else 0)
    yield 0.0


def _sleep(words: Sequence[str], _files: Files) -> Course:
    seconds = 0.0
    for word in words or ("",):
        number = re.fullmatch(r"(\d*\.?\d+|\d+\.)([smhd]?)", word)
        if word in {"infinity", "inf"}:
            seconds = math.inf
        elif number is None:
            return Ended(1, f"sleep: invalid time interval '{word}'" if word else "sleep: missing operand")
        else:
            seconds += float(number[1]) * _UNITS[number[2]]
    yield float(seconds)
    return Ended()


def _touch(words: Sequence[str], files: Files) -> Course:
    for path in _paths(words):
        files.write(path)
    return Ended()
    yield 0.0


def _rm(words: Sequence[str], files: Files) -> Course:
    force = any(word.startswith("-") and "f" in word for word in words)
    lost = [path for path in _paths(words) if not files.exists(path)]
    for path in _paths(words):
        files.remove(path)
    if lost and not force:
        return Ended(1, f"rm: cannot remove '{lost[0]}': No such file or directory")
    return Ended()
    yield 0.0


def _cat(words: Sequence[str], files: Files) -> Course:
    for path in _paths(words):
        if not files.exists(path):
            return Ended(1, f"cat: {path}: No such file or directory")
    return Ended()
    yield 0.0


def _test(words: Sequence[str], files: Files) -> Course:
    words = [word for word in words if word != "]"]
    negated = words[:1] == ["!"]
    words = words[negated:]
    if len(words) == 2 and words[0] in {"-e", "-f", "-s", "-r", "-w", "-x", "-d"}:
        return Ended(int(files.exists(words[1]) is negated))
    if len(words) == 3 and words[1] in {"=", "==", "!="}:
        return Ended(int(((words[0] == words[2]) is (words[1] != "!=")) is negated))
    return Ended((yield Other(("test", *words))) or 0)


def _paths(words: Sequence[str]) -> list[str]:
    return [word for word in words if not word.startswith("-")]


COMMANDS: Mapping[str, Callable[[Sequence[str], Files], Course]] = {
    "true": _plain(0),
    ":": _plain(0),
    "mkdir": _plain(0),
    "false": _plain(1),
    "echo": _echo,
    "exit": _exit,
    "sleep": _sleep,
    "touch": _touch,
    "rm": _rm,
    "cat": _cat,
    "test": _test,
    "[": _test,
}

"""What the simple commands of a manifest come to, and how long they take: they are run in no time. All in seconds."""

from __future__ import annotations

from collections.abc import Callable

from crashy.objects.pod import Container
from crashy.patient import shell
from crashy.patient.commands import Ended, Other, advance

ENDLESS = 86_400.0
"""Seconds after which a command is taken never to end."""


def run(command: tuple[str, ...], other: Callable[[Other], int | None], most: float) -> tuple[Ended | None, float]:
    """Run a command in no time; return how it ends, None if not within `most` seconds, and how many it takes.

    `other` returns the exit code of what is not modelled, None if that never ends.
    """
    course = shell.run(command, _Believed())
    sent: int | None = None
    passed = 0.0
    for _ in range(10_000):
        wanted = advance(course, sent)
        if isinstance(wanted, Ended):
            return wanted, passed
        sent = other(wanted) if isinstance(wanted, Other) else None
        passed += 0.0 if isinstance(wanted, Other) else wanted
        if passed >= most or (isinstance(wanted, Other) and sent is None):
            break
    return None, min(passed, most)


def seconds_before_app(container: Container) -> float:
    """Return how long a container's command takes before its app, the first program that is not modelled."""
    command = shell.program(container.command, container.args)
    if not command or not shell.others(command):
        return 0.0
    ended, seconds = run(command, lambda _: None, ENDLESS)
    return 0.0 if ended else seconds


class _Believed:
    """Files of which each is there until it is removed."""

    def __init__(self) -> None:
        self._removed: set[str] = set()

    def exists(self, path: str) -> bool:
        return path not in self._removed

    def write(self, path: str) -> None:
        self._removed.discard(path)

    def remove(self, path: str) -> None:
        self._removed.add(path)

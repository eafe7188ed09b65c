"""A command of a probe or hook as a client of its app: whether it can be started, and which failures it sees."""

from __future__ import annotations

import re
from collections.abc import Sequence

from crashy.objects import programs

_OPERATORS = frozenset({"|", "||", "&&", ";", ">", "<"})


def startable(command: Sequence[str]) -> bool:
    """Return whether the first word can be a program's name: a whole command line is none, as no shell splits it."""
    return not re.search(r"\s", command[0].strip())


def operator(command: Sequence[str]) -> str:
    """Return the first of a shell's operators that a program gets as an argument, as no shell interprets it; or "".

    >>> operator(["curl", "-f", "localhost", "||", "exit", "1"]), operator(["sh", "-c", "curl localhost || exit 1"])
    ('||', '')
    """
    return "" if programs.shell(command) else next((word for word in command[1:] if word in _OPERATORS), "")


def contacts(command: Sequence[str]) -> bool:
    """Return whether a command contacts the app, as far as is known, so that it does not go on without it."""
    return any(programs.name(argv[0]) not in programs.BLIND for argv in programs.programs(command))


def sees_errors(command: Sequence[str]) -> bool:
    """Return whether a command fails when the app answers with errors.

    curl exits with 0 for a 500 too, unless told otherwise or its output is checked.

    >>> sees_errors(["curl", "-s", "localhost"]), sees_errors(["curl", "-sf", "localhost"])
    (False, True)
    """
    commands = programs.programs(command)
    return len(commands) != 1 or programs.name(commands[0][0]) != "curl" or any(map(_fails, commands[0][1:]))


def _fails(word: str) -> bool:
    return word in {"--fail", "--fail-with-body"} or re.fullmatch(r"-[a-zA-Z]*f[a-zA-Z]*", word) is not None

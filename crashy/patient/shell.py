"""Simple commands as a shell runs them: what they do to files, how long they take, and their exit codes. Pure.

`true`, `false`, `exit`, `sleep`, `echo`, `touch`, `rm`, `cat`, `test`, `mkdir`, `sh -c` of these with `;`, `&&`, `||`,
`!`, `if`, `while` and `until`, and `>` to a file. Any other command is yielded as an `Other`, which the caller runs.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from crashy.patient.commands import COMMANDS, Course, Ended, Exit, Files, Other, advance


@dataclass(frozen=True, slots=True)
class _Simple:
    words: tuple[str, ...]
    outputs: tuple[str, ...] = ()

    def run(self, files: Files) -> Course:
        for path in self.outputs:
            files.write(path)
        name = PurePosixPath(self.words[0]).name
        command = COMMANDS.get(name)
        if command is None or any(_EXPANDED.search(word) for word in self.words if name != "echo"):
            return Ended((yield Other(self.words)) or 0)
        return (yield from command(self.words[1:], files))


@dataclass(frozen=True, slots=True)
class _Not:
    command: _Node

    def run(self, files: Files) -> Course:
        ended = yield from self.command.run(files)
        return Ended(int(ended.code == 0), ended.output)


@dataclass(frozen=True, slots=True)
class _List:
    """Commands, each with the operator before it: `;` runs it in any case."""

    parts: tuple[tuple[str, _Node], ...]

    def run(self, files: Files) -> Course:
        ended = Ended()
        for operator, command in self.parts:
            if operator == ";" or (operator == "&&") == (ended.code == 0):
                ended = yield from command.run(files)
        return ended


@dataclass(frozen=True, slots=True)
class _If:
    condition: _Node
    then: _Node
    otherwise: _Node | None

    def run(self, files: Files) -> Course:
        if (yield from self.condition.run(files)).code == 0:
            return (yield from self.then.run(files))
        return (yield from self.otherwise.run(files)) if self.otherwise else Ended()


@dataclass(frozen=True, slots=True)
class _Loop:
    """`while`, or `until`; a round that takes no time takes a second, so that others get on too."""

    condition: _Node
    body: _Node
    until: bool

    def run(self, files: Files) -> Course:
        ended = Ended()
        while True:
            passed = [0.0]
            if ((yield from _timed(self.condition.run(files), passed)).code == 0) is self.until:
                return ended
            ended = yield from _timed(self.body.run(files), passed)
            if not passed[0]:
                yield 1.0


def _timed(course: Course, passed: list[float]) -> Course:
    sent: int | None = None
    while True:
        wanted = advance(course, sent)
        if isinstance(wanted, Ended):
            return wanted
        passed[0] += wanted if isinstance(wanted, float) else 0.0
        sent = yield wanted


_Node = _Simple | _Not | _List | _If | _Loop


class _UnknownError(Exception):
    """The script has syntax that is not modelled."""


def run(command: Sequence[str], files: Files) -> Course:
    """Run a command as a container runtime does: no shell but the one that it names."""
    try:
        return (yield from (_parsed(command) or _Simple(tuple(command))).run(files))
    except Exit as stop:
        return Ended(stop.code)


def program(command: tuple[str, ...], args: tuple[str, ...]) -> tuple[str, ...]:
    """Return the command that a container runs instead of its image's own program; empty if it names none.

    `args` without a command are for the image's own program, but where that can only be a shell's: a command in them
    stands for an image without a program of its own.
    """
    return (*command, *args) if command or (args and known(args)) else ()


def known(command: Sequence[str]) -> bool:
    """Return whether a command begins with a shell's script or with what is modelled."""
    return script(command) is not None or PurePosixPath(command[0]).name in COMMANDS


def modelled(command: Sequence[str]) -> bool:
    """Return whether the syntax of a command, as far as it has any, is modelled."""
    return _parsed(command) is not None


def others(command: Sequence[str]) -> list[str]:
    """Return the programs in a command that are not modelled, as they are written; none if all of it is."""
    return [words[0] for words in programs(command)]


def programs(command: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the programs in a command that are not modelled, each with its arguments; the command where none is."""
    node = _parsed(command)
    return [*_others(node)] if node else [tuple(command)]


def _parsed(command: Sequence[str]) -> _Node | None:
    """Return the command's syntax; None if it is not modelled."""
    text = script(command)
    if text is None:
        return _Simple(tuple(command)) if PurePosixPath(command[0]).name in COMMANDS else None
    try:
        return _Parser(text).script()
    except (_UnknownError, ValueError):
        return None


def script(command: Sequence[str]) -> str | None:
    """Return the script that a shell gets with -c; None for another command."""
    if PurePosixPath(command[0]).name not in {"sh", "bash", "ash", "dash"}:
        return None
    for index, word in enumerate(command[1:-1], 1):
        if not word.startswith("-"):
            return None
        if not word.startswith("--") and word.endswith("c"):
            return command[index + 1]
    return None


def _others(node: _Node) -> Iterator[tuple[str, ...]]:
    match node:
        case _Simple(words):
            name = PurePosixPath(words[0]).name
            if name not in COMMANDS or any(_EXPANDED.search(word) for word in words if name != "echo"):
                yield words
        case _Not(command):
            yield from _others(command)
        case _List(parts):
            for _, command in parts:
                yield from _others(command)
        case _If(condition, then, otherwise):
            for one in (condition, then, otherwise):
                yield from _others(one) if one else ()
        case _Loop(condition, body):
            yield from _others(condition)
            yield from _others(body)


# --- syntax

_EXPANDED = re.compile(r"[$`*?]")
_NESTING = frozenset({"!", "if", "while", "until"})
_MOST_NESTED = 100  # each is a call within another, when it is read and when it runs
_ENDS = frozenset({"do", "done", "then", "else", "fi", ")", "}"})
_BEYOND = frozenset({"case", "for", "function", "elif", "select", "(", "{", "|", "&", "<", "<<", "trap", "set"})


class _Parser:
    """Reads a script by recursive descent: each method reads the part that it is named for."""

    def __init__(self, script: str) -> None:
        text = re.sub(r"\\\n", " ", script)
        text = re.sub(r"(?m)(^|\s)#.*$", "", text).replace("\n", " ; ")
        lexer = shlex.shlex(text, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        lexer.commenters = ""
        self._words = [*lexer]
        self._at = 0
        if sum(word in _NESTING for word in self._words) > _MOST_NESTED:
            raise _UnknownError

    def script(self) -> _Node:
        node = self._list()
        if self._next():
            raise _UnknownError
        return node

    def _next(self) -> str:
        return self._words[self._at] if self._at < len(self._words) else ""

    def _take(self, *expected: str) -> str:
        word = self._next()
        if not word or (expected and word not in expected):
            raise _UnknownError
        self._at += 1
        return word

    def _list(self) -> _Node:
        parts: list[tuple[str, _Node]] = []
        operator = ";"
        while self._next() == ";":
            self._at += 1
        while (word := self._next()) and word not in _ENDS:
            parts.append((operator, self._command()))
            operator = ";"
            if self._next() in {";", "&&", "||"}:
                operator = self._take()
                while self._next() == ";":
                    self._at += 1
            elif self._next() and self._next() not in _ENDS:
                raise _UnknownError
        if not parts:
            raise _UnknownError
        return parts[0][1] if len(parts) == 1 else _List(tuple(parts))

    def _command(self) -> _Node:
        word = self._next()
        if word == "!":
            self._at += 1
            return _Not(self._command())
        if word in {"while", "until"}:
            self._at += 1
            condition = self._list()
            self._take("do")
            body = self._list()
            self._take("done")
            return _Loop(condition, body, word == "until")
        if word == "if":
            self._at += 1
            condition = self._list()
            self._take("then")
            then = self._list()
            otherwise = self._list() if self._next() == "else" and self._take() else None
            self._take("fi")
            return _If(condition, then, otherwise)
        return self._simple()

    def _simple(self) -> _Node:
        words: list[str] = []
        outputs: list[str] = []
        while (word := self._next()) and word not in {";", "&&", "||"}:
            self._at += 1
            if word in {">", ">>"}:
                target = self._take()
                if words and words[-1] in {"1", "2"}:
                    words.pop()
                if target.startswith("/") and not target.startswith("/dev/") and not _EXPANDED.search(target):
                    outputs.append(target)
            elif word == ">&":
                if words and words[-1] in {"1", "2"}:
                    words.pop()
                self._take("1", "2")
            elif word in _BEYOND or set(word) <= set("();<>|&"):
                raise _UnknownError
            else:
                words.append(word)
        if words[:1] == ["exec"]:
            words.pop(0)
        if not words or re.match(r"\w+=", words[0]):
            raise _UnknownError
        return _Simple(tuple(words), tuple(outputs))

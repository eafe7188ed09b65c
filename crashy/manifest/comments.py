"""Comments for crashy in YAML: `# crashy: WORDS`, and which line each is about."""

from __future__ import annotations

import re
from typing import NamedTuple

_COMMENT = re.compile(r"(?:^|\s)#\s*crashy:\s*(.*\S)")
_NOTHING = re.compile(r"\s*(#.*|---\s*(#.*)?)?")


class Comment(NamedTuple):
    """The words after `# crashy:`; `written` is its own line, `line` the one that it is about."""

    file: str
    written: int
    line: int
    words: str


def comments(data: bytes, file: str) -> list[Comment]:
    """Return the comments for crashy: each is about its own line, or the next that is more than a comment."""
    if b"crashy:" not in data:
        return []
    lines = [line.rstrip() for line in data.decode("utf-8", "replace").split("\n")]
    found = []
    next_line = 0  # that is more than a comment
    for number in range(len(lines), 0, -1):
        text = lines[number - 1]
        if not _NOTHING.fullmatch(text):
            next_line = number
        if match := _COMMENT.search(text):
            found.append(Comment(file, number, next_line or number, match[1]))
    return found[::-1]

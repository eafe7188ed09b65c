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
    lines = data.decode("utf-8", "replace").split("\n")
    found = []
    for at, text in enumerate(lines):
        if match := _COMMENT.search(text):
            about = next((n for n in range(at, len(lines)) if not _NOTHING.fullmatch(lines[n].rstrip())), at)
            found.append(Comment(file, at + 1, about + 1, match[1]))
    return found

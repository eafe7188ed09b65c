"""Findings that are suppressed: by annotations, comments, and a baseline."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Iterator
from difflib import get_close_matches
from pathlib import PurePath
from typing import Any

from crashy.check.files import invalid, invalid_in
from crashy.check.model import Finding
from crashy.check.places import relative
from crashy.check.traps import TRAPS
from crashy.errors import BadInput
from crashy.manifest.comments import Comment
from crashy.objects.document import Document, parent
from crashy.objects.kinds import KINDS

ANNOTATION = "crashy/ignore"
RULES = tuple(trap.id for trap in TRAPS)
_IGNORE = re.compile(r"ignore\s+([\w-]+(?:\s*,\s*[\w-]+)*)")


def unknown_rule(name: str) -> str:
    """Return the message for a rule name that doesn't exist."""
    close = get_close_matches(name, RULES, n=3)
    similar = f"; similar: {', '.join(close)}" if close else ""
    return f"no rule is named {name!r}{similar}; docs/traps.md lists all of them"


class Ignored:
    """The findings that comments and annotations ignore; `mistakes` are findings about these themselves."""

    def __init__(self, comments: Iterable[Comment], documents: Iterable[Document]) -> None:
        self.mistakes: list[Finding] = []
        self._lines: set[tuple[str, str, int]] = set()  # rule, file, line
        for comment in comments:
            if match := _IGNORE.match(comment.words):
                for rule in self._known(match[1], f"{comment.file}:{comment.written}: # crashy: ignore"):
                    self._lines.add((rule, comment.file, comment.line))
        for document in documents:
            for path, text in _annotations(document):
                wrong = [name for name in _names(text) if name not in RULES]
                self.mistakes += [invalid_in(document, path, unknown_rule(name)) for name in wrong]

    def __contains__(self, finding: Finding) -> bool:
        target = finding.target
        documents = [finding.document, target.workload.document if target else None]
        if any(finding.trap.id in _names(text) for one in documents if one for _, text in _annotations(one)):
            return True
        return bool(self._lines) and any((finding.trap.id, *place) in self._lines for place in _places(finding))

    def _known(self, names: str, where: str) -> Iterator[str]:
        for name in _names(names):
            if name in RULES:
                yield name
            else:
                self.mistakes.append(invalid(f"{where}: {unknown_rule(name)}"))


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _annotations(document: Document) -> Iterator[tuple[str, str]]:
    """Yield path and text of each annotation `crashy/ignore` of an object: its own, and its pod template's."""
    kind = KINDS.get(str(document.object.get("kind")))
    holders = {"": document.object} | (
        {kind.template: kind.template_in(document.object)} if kind and kind.template else {}
    )
    for path, holder in holders.items():
        metadata = holder.get("metadata") if isinstance(holder, dict) else None
        annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
        text = annotations.get(ANNOTATION) if isinstance(annotations, dict) else None
        if isinstance(text, str):
            yield f"{path and f'{path}.'}metadata.annotations[{ANNOTATION}]", text


def _places(finding: Finding) -> Iterator[tuple[str, int]]:
    """Yield the places whose comments are about a finding: its own, and those of all that it is a part of."""
    yield finding.file, finding.line
    if (document := finding.document) is None:
        return
    path = document.path_in_file(finding.path)
    while path:
        if path in document.patched:
            yield document.patched[path].file, document.patched[path].line
        elif path in document.lines:
            yield document.file, document.lines[path]
        path = parent(path)
    yield document.file, document.line


def fingerprint(finding: Finding, here: PurePath) -> str:
    """Return a hash that stays the same when lines move: of the rule, the file, the object and the field."""
    path = finding.path
    if finding.target is not None:
        path = path.removeprefix(finding.target.path)  # whose index moves when a container is added
    parts = (finding.trap.id, relative(finding.file, here), *map(str, finding.whose.values()), path)
    words = "" if finding.document else finding.message
    return hashlib.sha256("\0".join((*parts, words)).encode("utf-8", "surrogateescape")).hexdigest()[:32]


def read_baseline(text: str, file: str) -> Collection[str]:
    """Return the fingerprints in a report that `--format json` wrote; raises BadInput if it is something else."""
    try:
        report: Any = json.loads(text)
        fingerprints = {one["fingerprint"] for one in report["findings"]}
    except (ValueError, TypeError, KeyError, RecursionError):
        fingerprints = {None}
    if not all(isinstance(one, str) for one in fingerprints):
        made = f"crashy check --format json MANIFEST > {file}"
        raise BadInput(f"--baseline: {file}: is no report of this command; write one with: {made}")
    return fingerprints

"""What is found in files and objects, whatever their probes are: mistakes, duplicate keys, one name twice."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from crashy.check.model import Finding, Hit, Severity, Trap, finding_in
from crashy.check.related import files_with_others, related_findings
from crashy.check.targets import CheckTarget, Workload, given_name, read_objects, targets_among
from crashy.kubelet.admission import refusals
from crashy.kubelet.versions import NEWEST, Profile
from crashy.manifest.comments import Comment
from crashy.manifest.walk import Source
from crashy.objects.document import Document, one_line
from crashy.objects.kinds import KINDS
from crashy.objects.manifests import Object

INVALID = Trap(
    "invalid-manifest", Severity.ERROR, "It can't be read, or the API server refuses it",
    "What can't be read can't be checked, and can't be applied.",
    "Correct what the message names. A template has to be rendered first: helm template ... | crashy check -",
)  # fmt: skip
DUPLICATE_KEY = Trap(
    "duplicate-key", Severity.ERROR, "A key is in its mapping twice",
    "kubectl refuses such a manifest. Where it is applied all the same, the last value counts, and whoever reads the "
    "first one is wrong.",
    "Remove one of the two.",
)  # fmt: skip
SAME_NAME = Trap(
    "same-name", Severity.NOTE, "Two objects have the same kind, namespace and name",
    "Applied to one cluster, the one that is applied later replaces the other. Each of them is checked.",
    "Another name or namespace, or nothing, if they are for different clusters.",
)  # fmt: skip
TRAPS = (INVALID, DUPLICATE_KEY, SAME_NAME)

RENDER = "render it first: helm template ... | crashy check -"
_PLACE = re.compile(r"(?P<file>.*?)(:(?P<line>\d+)(:(?P<column>\d+))?)?: (?P<message>.*)", re.DOTALL)


@dataclass(slots=True)
class Checked:
    """The containers to check, the findings in files, and what is left out: objects by kind, and files."""

    targets: list[CheckTarget] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    documents: list[Document] = field(default_factory=list)
    files: int = 0
    other_kinds: Counter[str] = field(default_factory=Counter)
    no_manifests: int = 0
    templates: int = 0

    @property
    def skipped(self) -> str:
        """Return what is left out: `2 Rollout, 1 file that is no manifest`, or nothing."""
        parts = [f"{count} {kind}" for kind, count in self.other_kinds.items()]
        if count := self.no_manifests:
            parts.append("1 file that is no manifest" if count == 1 else f"{count} files that are no manifests")
        if count := self.templates:
            parts.append(f"{count} template{'' if count == 1 else 's'} ({RENDER})")
        return one_line(", ".join(parts))


def read_sources(sources: Iterable[Source], profile: Profile = NEWEST) -> Checked:
    """Read the objects of each source; those of loose files belong together, and those of one kustomization."""
    checked = Checked()
    loose: list[tuple[Document, Object | Workload]] = []
    others: set[str] = set()
    places: dict[tuple[str, ...], Document] = {}
    for source in sources:
        checked.files += 1
        if source.no_manifest:
            checked.no_manifests += 1
            continue
        found = read_objects(source.documents)
        templated = source.template or any("{{" in str(error) for _, error in found.mistakes)
        if templated and not source.named:
            checked.templates += 1
            continue
        if templated:
            checked.findings.append(invalid(f"{source.path}: is a template; {RENDER}"))
        else:
            checked.findings += [invalid(error, source.path) for error in source.errors]
            checked.findings += [invalid_in(document, error.path, error) for document, error in found.mistakes]
        checked.findings += _duplicates(source)
        checked.comments += source.comments
        checked.documents += [document for document in source.documents if document.object.get("kind") in list(KINDS)]
        checked.other_kinds += found.skipped
        for document, one in found.objects:
            checked.findings += _same_name(document, one.namespace, places)
            if isinstance(one, Workload):
                errors = refusals(one.template, KINDS[one.kind].template or "", profile)
                checked.findings += [invalid_in(document, error.path, error) for error in errors]
        if source.kustomized:
            files = {document.file for document in source.documents} if found.skipped else ()
            checked.findings += related_findings(found.objects, files)
            checked.targets += targets_among(found.objects, profile)
        else:
            loose += found.objects
            others |= files_with_others(found, source.documents)
    checked.findings += related_findings(loose, others)
    checked.targets += targets_among(loose, profile)
    return checked


def invalid(line: str, file: str = "") -> Finding:
    """Return the finding of a mistake that was reported as `FILE:LINE: MESSAGE`, most likely in `file`."""
    known = file if line.startswith(f"{file}:") else ""  # its name may look like a line's number, too
    match = _PLACE.fullmatch(line, len(known))
    assert match  # noqa: S101 - every mistake names its file
    number, column = int(match["line"] or 0), int(match["column"] or 0)
    file, message = known or match["file"], one_line(match["message"])
    return Finding(INVALID, INVALID.severity, message, file, number, "", column=column)


def invalid_in(document: Document, path: str, message: object) -> Finding:
    """Return the finding of a mistake in a document."""
    return finding_in(document, INVALID, Hit(path, f"{document.title}: {message}"))


def _duplicates(source: Source) -> Iterator[Finding]:
    for one in source.duplicates:
        document = next((d for d in source.documents if (d.file, d.index) == (one.file, one.document)), None)
        message = one_line(str(one))
        yield Finding(DUPLICATE_KEY, DUPLICATE_KEY.severity, message, one.file, one.line, one.path, None, document)


def _same_name(document: Document, namespace: str, places: dict[tuple[str, ...], Document]) -> Iterator[Finding]:
    """Find an object whose kind and name an earlier one has, in another place."""
    if name := given_name(document):
        first = places.setdefault((str(document.object.get("kind")), namespace, name), document)
        if first.source != document.source:
            yield finding_in(document, SAME_NAME, Hit("metadata.name", f"{first.source} has one of this name too"))

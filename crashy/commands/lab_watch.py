"""Manifests that are applied again whenever they change: the lab's option `--watch`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path

from crashy.engines.lab.lab import LabEngine
from crashy.errors import BadInput
from crashy.manifest.kustomization import KUSTOMIZATIONS
from crashy.manifest.load import SUFFIXES, gather
from crashy.objects.document import Document
from crashy.objects.manifests import key_of

POLL = 0.5  # seconds between two polls; a change counts when the next poll finds it unchanged, and so complete
MOST_FILES = 2000  # files watched below one kustomization

Stamps = dict[str, tuple[int, int]]


class Watch:
    """Watches the files of manifests; created before they are first read."""

    def __init__(self, paths: Sequence[str]) -> None:
        if "-" in paths:
            raise BadInput("--watch: standard input can't be watched: name files or folders")
        self._paths = paths
        self._known: Sequence[Document] = ()
        self._seen = self._stamps()

    async def run(self, lab: LabEngine, documents: Sequence[Document], report: Callable[[str], None]) -> None:
        """Apply every change, without end; call `report` with each line of a mistake, and then apply nothing.

        `documents` are running already. An object that is no longer in the files stays, as with `kubectl apply`.
        """
        self._known = documents
        before = self._seen
        while True:
            await asyncio.sleep(POLL)
            stamps = self._stamps()
            if stamps == before != self._seen:
                self._seen = stamps
                await self._apply(lab, report)
            before = stamps

    async def _apply(self, lab: LabEngine, report: Callable[[str], None]) -> None:
        documents, errors = gather(self._paths)
        try:
            updated = await lab.update(documents, errors)
        except BadInput as error:
            for line in error.lines:
                report(line)
            return
        for text in updated.warnings:
            report(f"note: {text}")
        present = set(map(key_of, documents))
        for key in map(key_of, self._known):
            if key not in present:
                kind, _, name = key
                report(f"note: {kind}/{name} is no longer in the files: it stays, as with kubectl apply")
        self._known = documents

    def _stamps(self) -> Stamps:
        """Return the time of the last change and the size of every watched file."""
        found: Stamps = {}
        paths = [Path(document.file) for document in self._known]
        with suppress(OSError):  # a folder has just gone: reading it will report that
            paths += self._files()
        for path in dict.fromkeys(paths):
            with suppress(OSError):
                status = path.stat()
                found[str(path)] = (status.st_mtime_ns, status.st_size)
        return found

    def _files(self) -> Iterator[Path]:
        for path in map(Path, self._paths):
            folder = path.parent if path.name in KUSTOMIZATIONS else path
            if any((folder / name).is_file() for name in KUSTOMIZATIONS):
                yield from islice(folder.rglob("*"), MOST_FILES)
            elif folder.is_dir():
                yield from (file for file in folder.iterdir() if file.name.endswith(SUFFIXES))
            else:
                yield path

"""Manifests that are applied again whenever they change: the lab's option `--watch`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path

from crashy.engines.lab.lab import LabEngine
from crashy.errors import BadInput
from crashy.manifest.kustomize import KUSTOMIZATIONS
from crashy.manifest.load import SUFFIXES, gather
from crashy.objects.document import Document
from crashy.objects.manifests import key_of

LOOK = 0.5  # seconds between two looks; a change counts when the next look finds it the same, and so whole
MOST_FILES = 2000  # that are looked at below one kustomization

Stamps = dict[str, tuple[int, int]]


class Watch:
    """Looks at the files that manifests came from; made before they are first read."""

    def __init__(self, paths: Sequence[str]) -> None:
        if "-" in paths:
            raise BadInput("--watch: standard input can't be watched: name files or folders")
        self._paths = paths
        self._known: Sequence[Document] = ()
        self._seen = self._stamps()

    async def run(self, lab: LabEngine, documents: Sequence[Document], tell: Callable[[str], None]) -> None:
        """Apply what changes, for ever; `tell` is told every mistake, a line each, and then nothing has changed.

        `documents` are those that run already. What is in the files no more stays, as with `kubectl apply`.
        """
        self._known = documents
        before = self._seen
        while True:
            await asyncio.sleep(LOOK)
            stamps = self._stamps()
            if stamps == before != self._seen:
                self._seen = stamps
                await self._apply(lab, tell)
            before = stamps

    async def _apply(self, lab: LabEngine, tell: Callable[[str], None]) -> None:
        documents, errors = gather(self._paths)
        try:
            updated = await lab.update(documents, errors)
        except BadInput as error:
            for line in error.lines:
                tell(line)
            return
        for text in updated.warnings:
            tell(f"note: {text}")
        there = {key_of(document) for document in documents}
        for document in self._known:
            if key_of(document) not in there:
                kind, _, name = key_of(document)
                tell(f"note: {kind}/{name} is in the files no more: it stays, as with kubectl apply")
        self._known = documents

    def _stamps(self) -> Stamps:
        """Return the size and the time of the last change of every file that counts."""
        found: Stamps = {}
        paths = [Path(document.file) for document in self._known]
        with suppress(OSError):  # a folder has just gone, which reading it will tell
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

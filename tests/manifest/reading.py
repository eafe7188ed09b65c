"""What is at paths, as a test wants it: whole, or BadInput."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

from crashy.manifest.load import gather
from crashy.objects.document import Document, refusal
from crashy.objects.manifests import Manifests, read


def load(paths: Sequence[str], stdin: BinaryIO | None = None) -> list[Document]:
    documents, errors = gather(paths, stdin)
    if errors:
        raise refusal(errors)
    return documents


def read_files(paths: Sequence[str]) -> Manifests:
    return read(*gather(paths))

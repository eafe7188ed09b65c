"""The manifests of a `Lab`: files and folders, YAML text, objects."""

from __future__ import annotations

import json
import os
import reprlib
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from crashy.bundled import exists, locate
from crashy.errors import BadInput
from crashy.library.arguments import wrong
from crashy.manifest.load import gather
from crashy.manifest.parse import parse, parse_values
from crashy.objects.document import Document
from crashy.objects.manifests import Manifests, read
from crashy.patient.settings import shown

Manifest = str | os.PathLike[str] | Mapping[str, Any]
"""A file or a folder, YAML or JSON text, or an object."""

_ALLOWED = "a file, a folder, YAML written out or an object"
_Found = tuple[list[Document], list[str]]


def read_manifests(manifests: Sequence[Manifest]) -> Manifests:
    """Read manifests; raises BadInput with a line for each mistake, and TypeError for any other type."""
    documents: list[Document] = []
    errors: list[str] = []
    for number, one in enumerate(manifests, 1):
        found, mistakes = _read(f"manifest {number}", one)
        documents += found
        errors += mistakes
    if not manifests:
        errors.append(f"no manifest: give {_ALLOWED}")
    return read(documents, errors)


def _read(name: str, one: object) -> _Found:
    if isinstance(one, Mapping):
        return parse(_json(name, one).encode(), name)
    path = os.fspath(one) if isinstance(one, os.PathLike) else one
    if not isinstance(path, str):
        raise TypeError(wrong(name, one, _ALLOWED))
    if not path.strip():
        raise BadInput(wrong(name, one, _ALLOWED))
    (found,) = locate([path])
    if isinstance(one, os.PathLike) or ("\n" not in path and exists(Path(found))):
        return gather([found if found != "-" else "./-"])  # never read standard input
    return _text(name, path)


def _text(name: str, text: str) -> _Found:
    data = textwrap.dedent(text).encode(errors="surrogatepass")
    if "\n" not in text and not any(isinstance(value, dict) for value in parse_values(data, name)[0]):
        _, mistakes = parse(data, name)
        return [], [f"{shown(text)}: no such file or directory; and as YAML, {mistakes[0]}"]
    return parse(data, name)


def _json(name: str, one: Mapping[str, Any]) -> str:
    try:
        return json.dumps(one, default=_plain)
    except TypeError as error:
        raise TypeError(f"{name}: {error}") from None
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{name}: {error}") from None


def _plain(value: object) -> dict[Any, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"holds {reprlib.repr(value)}, which is not text, a number, a list or a mapping")


def without_node_ports(documents: Sequence[Document]) -> bytes:
    """Return objects as YAML without nodePorts, so that several labs can run at once."""
    texts = []
    for document in documents:
        made = json.loads(json.dumps(document.object))
        if made["kind"] == "Service":
            for port in made["spec"].get("ports", ()):
                port.pop("nodePort", None)
        texts.append(json.dumps(made))
    return "\n---\n".join(texts).encode()

"""From the bytes of a file to its documents, safely: no tag runs code, and every size has a bound."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import yaml
from yaml.reader import Reader

from crashy.objects.document import Document
from crashy.objects.fields import child

MAX_BYTES = 16 * 1024 * 1024  # of one file
MAX_DOCUMENT = 1024 * 1024  # characters of one document
MAX_DEPTH = 64
MAX_NODES = 100_000  # of one document, an alias counting as its whole value
MAX_NODES_IN_FILE = 2_000_000

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_STANDARD = "tag:yaml.org,2002:"
_WORDS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE", "yes", "Yes", "YES", "y", "Y", "on", "On", "ON"), True),
    **dict.fromkeys(("false", "False", "FALSE", "no", "No", "NO", "n", "N", "off", "Off", "OFF"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
}
_OLD_WORDS = {word for word, value in _WORDS.items() if type(value) is bool and word.lower() not in ("true", "false")}
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*|0x[0-9a-fA-F]+|0o?[0-7]+|0b[01]+)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


class _Refused(Exception):  # noqa: N818 - it carries the error's line
    """The rest of this file can't be read."""


class Duplicate(NamedTuple):
    """A key that its mapping has already, on line `first`; `document` counts the file's documents from 1."""

    file: str
    document: int
    line: int
    path: str
    first: int

    def __str__(self) -> str:
        return f"{self.path}: this key is on line {self.first} already"


class Parsed(NamedTuple):
    """A document as it is: its number and its first line, and of each path in it the line, the column, and the word.

    `words` has only those that kubectl takes for true or false, and kustomize for text: `yes`, `off`, `y`.
    """

    number: int
    line: int
    value: Any
    lines: dict[str, int]
    columns: dict[str, int]
    words: dict[str, str]


def parse(data: bytes, file: str, duplicates: list[Duplicate] | None = None) -> tuple[list[Document], list[str]]:
    """Return the documents of a YAML or JSON file, and a line for each mistake.

    A `kind: List` is unpacked, and empty documents are left out. Scalars are what `kubectl` takes them for
    (sigs.k8s.io/yaml: goyaml.v2/resolve.go): `yes` is true, `0o17` is 15, a date is text. `<<` merges.
    At most 16 MiB a file and 1 MiB, 64 levels and 100 000 values a document; duplicate keys and every tag are refused.
    Where `duplicates` are asked for, they are added there instead, and the last value of such a key counts.
    """
    reader = _read(data, file, duplicates)
    documents: list[Document] = []
    errors = reader.errors
    for index, line, value, lines, columns, words in reader.values:
        where = f"{file}:{line}: document {index}"
        if not isinstance(value, dict):
            what = "a list" if isinstance(value, list) else "a single value"
            errors.append(f"{where}: is {what}; a manifest is a mapping with apiVersion, kind and metadata")
            continue
        documents += _unpacked(Document(file, index, line, value, lines, columns=columns, words=words), errors)
    if not reader.values and not errors:
        errors.append(f"{file}: holds no object")
    return documents, errors


def _unpacked(document: Document, errors: list[str]) -> Iterator[Document]:
    """Yield the objects of a list, and of lists in it; each of a PodList is a Pod, as kubectl takes it."""
    value, kind = document.object, str(document.object.get("kind"))
    items = value.get("items")
    if not isinstance(items, list) or not kind.endswith("List"):
        yield document
        return
    own = {} if kind == "List" else {"apiVersion": value.get("apiVersion"), "kind": kind.removesuffix("List")}
    for number, item in enumerate(items):
        prefix = child(document.prefix, f"items[{number}]")
        if not isinstance(item, dict):
            errors.append(f"{document.file}:{document.line}: document {document.index}: {prefix}: is no object")
            continue
        one, line = item if item.get("kind") else {**item, **own}, document.lines.get(prefix, document.line)
        yield from _unpacked(replace(document, object=one, prefix=prefix, line=line), errors)


def parse_values(data: bytes, file: str) -> tuple[list[Any], list[str]]:
    """Return the documents of a YAML or JSON file as they are, mappings or not, and a line for each mistake."""
    values, errors = parse_places(data, file)
    return [one.value for one in values], errors


def parse_places(data: bytes, file: str) -> tuple[list[Parsed], list[str]]:
    """Return the documents of a file as they are, each with the places of its paths, and a line for each mistake."""
    reader = _read(data, file)
    return reader.values, reader.errors


def _read(data: bytes, file: str, duplicates: list[Duplicate] | None = None) -> _Reader:
    reader = _Reader(file, duplicates)
    try:
        reader.read(_decode(data, file))
    except _Refused as refused:
        reader.errors.append(str(refused))
    return reader


def _decode(data: bytes, file: str) -> str:
    if len(data) > MAX_BYTES:
        raise _Refused(f"{file}: is larger than {MAX_BYTES} bytes, the most that is read of one file")
    if (nul := data.find(0)) >= 0:
        raise _Refused(f"{file}: is not text: a NUL byte at offset {nul}")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _Refused(f"{file}: is not UTF-8: byte 0x{data[error.start]:02x} at offset {error.start}") from None
    if bad := Reader.NON_PRINTABLE.search(text):
        line, column = text.count("\n", 0, bad.start()) + 1, bad.start() - text.rfind("\n", 0, bad.start())
        raise _Refused(f"{file}:{line}:{column}: not YAML: control character U+{ord(bad.group()):04X}")
    return text


class _Reader:
    """Builds the objects of one file out of the parser's events, and notes the place of every value."""

    def __init__(self, file: str, duplicates: list[Duplicate] | None) -> None:
        self.file = file
        self.duplicates = duplicates
        self.values: list[Parsed] = []
        self.errors: list[str] = []
        self._next: Callable[[], yaml.Event]
        self._index = 0
        self._nodes = self._nodes_before = 0  # of this document, of those before it
        self._lines: dict[str, int] = {}
        self._columns: dict[str, int] = {}
        self._words: dict[str, str] = {}
        self._anchors: dict[str, tuple[Any, int]] = {}

    def read(self, text: str) -> None:
        """Read every document that isn't empty; raises _Refused where the rest can't be made sense of."""
        loader = _Loader(text)
        self._next = loader.get_event
        try:
            while (event := self._next()) is not None:
                if isinstance(event, yaml.DocumentStartEvent):
                    self._document(self._next())
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            place = f"{self.file}:{mark.line + 1}:{mark.column + 1}" if mark else self.file
            context = f" ({error.context})" if error.context else ""
            raise _Refused(f"{place}: not YAML: {error.problem}{context}") from None
        except yaml.YAMLError as error:
            raise _Refused(f"{self.file}: not YAML: {' '.join(str(error).split())}") from None
        finally:
            loader.dispose()

    def _document(self, start: yaml.Event) -> None:
        self._index += 1
        self._lines, self._columns, self._words, self._anchors = {}, {}, {}, {}
        self._nodes_before, self._nodes = self._nodes_before + self._nodes, 0
        errors = len(self.errors)
        value = self._node(start, "", 0)
        if _index(self._next()) - _index(start) > MAX_DOCUMENT:
            self._error(_line(start), f"is larger than {MAX_DOCUMENT} characters, the most of one document")
        if value is not None and len(self.errors) == errors:  # a mistaken one would only be blamed again
            self.values.append(Parsed(self._index, _line(start), value, self._lines, self._columns, self._words))

    def _node(self, event: yaml.Event, path: str, depth: int) -> Any:
        line = _line(event)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, line)
        before = self._nodes
        self._count(1, line)
        if depth > MAX_DEPTH:
            raise self._refuse(line, f"is nested more than {MAX_DEPTH} levels deep")
        self._place(path, event)
        value: Any
        if isinstance(event, yaml.ScalarEvent):
            value = self._scalar(event, path, line)
        else:
            assert isinstance(event, yaml.CollectionStartEvent)  # noqa: S101 - nothing else begins a node
            self._check_tag(event.tag, path, line)
            value = self._list(path, depth) if isinstance(event, yaml.SequenceStartEvent) else self._map(path, depth)
        if event.anchor:
            self._anchors[event.anchor] = (value, self._nodes - before)
        return value

    def _place(self, path: str, event: yaml.Event) -> None:
        if path not in self._lines:
            self._lines[path] = _line(event)
            self._columns[path] = event.start_mark.column + 1 if event.start_mark else 1

    def _alias(self, event: yaml.AliasEvent, line: int) -> Any:
        if event.anchor not in self._anchors:
            raise self._refuse(line, f"*{event.anchor}: there is no anchor &{event.anchor} before it")
        value, nodes = self._anchors[event.anchor]
        self._count(nodes, line)
        return value

    def _list(self, path: str, depth: int) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            items.append(self._node(event, f"{path}[{len(items)}]", depth + 1))
        return items

    def _map(self, path: str, depth: int) -> dict[str, Any]:
        values: dict[str, Any] = {}
        first: dict[str, int] = {}
        merged: list[Any] = []
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            line = _line(event)
            if not isinstance(event, yaml.ScalarEvent):
                raise self._refuse(line, f"{path + ': ' if path else ''}a key must be text, not a list or a mapping")
            if event.value == "<<" and event.implicit[0]:
                merged.append(self._merge(self._next(), path, depth, line))
                continue
            key = sys.intern(event.value)  # many files have the same keys
            inner = f"{path}.{key}" if path else key
            self._check_tag(event.tag, inner, line)
            if key in first:
                duplicate = Duplicate(self.file, self._index, line, inner, first[key])
                if self.duplicates is None:
                    self._error(line, str(duplicate))
                else:
                    self.duplicates.append(duplicate)
            first.setdefault(key, line)
            self._place(inner, event)
            values[key] = self._node(self._next(), inner, depth + 1)
        for inherited in merged:
            for mapping in inherited:
                values = {**mapping, **values}
        return values

    def _merge(self, event: yaml.Event, path: str, depth: int, line: int) -> list[dict[str, Any]]:
        value = self._node(event, f"{path}.<<", depth + 1)
        mappings = value if isinstance(value, list) else [value]
        if not all(isinstance(mapping, dict) for mapping in mappings):
            raise self._refuse(line, "<<: only mappings can be merged")
        return mappings

    def _scalar(self, event: yaml.ScalarEvent, path: str, line: int) -> Any:
        tag = event.tag if event.tag not in (None, "!") else None
        if tag == f"{_STANDARD}str" or (tag is None and not event.implicit[0]):
            return event.value
        self._check_tag(tag, path, line)
        if event.value in _OLD_WORDS:
            self._words[path] = event.value
        return plain(event.value)

    def _check_tag(self, tag: str | None, path: str, line: int) -> None:
        if tag is None:
            return
        kind = tag.removeprefix(_STANDARD)
        if kind not in {"", "!", "str", "int", "float", "bool", "null", "map", "seq"}:
            shown = f"!!{kind}" if tag != kind else kind
            self._error(line, f"{path + ': ' if path else ''}tag {shown} is refused: a manifest is plain data")

    def _count(self, nodes: int, line: int) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            raise self._refuse(line, f"holds more than {MAX_NODES} values, aliases counted as what they stand for")
        if self._nodes_before + self._nodes > MAX_NODES_IN_FILE:
            raise self._refuse(line, f"the file holds more than {MAX_NODES_IN_FILE} values")

    def _error(self, line: int, text: str) -> None:
        self.errors.append(f"{self.file}:{line}: document {self._index}: {text}")

    def _refuse(self, line: int, text: str) -> _Refused:
        return _Refused(f"{self.file}:{line}: document {self._index}: {text}")


def plain(text: str) -> Any:
    """Return the value of an unquoted scalar as kubectl reads it."""
    if text in _WORDS:
        return _WORDS[text]
    digits = text.replace("_", "")
    if _INTEGER.fullmatch(digits) and len(digits) < 100:
        return int(re.sub(r"^([-+]?0)(?=[0-7])", r"\1o", digits), 0)
    if _FLOAT.fullmatch(digits):
        return float(digits)
    return text


def _index(event: yaml.Event) -> int:
    return event.start_mark.index if event.start_mark else 0


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1

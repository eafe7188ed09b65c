"""Reading one document into an object, and the rules that all kinds share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from typing import Any, NamedTuple

from crashy.objects.document import Document
from crashy.objects.fields import FieldError, SpecError, invalid, related, required
from crashy.objects.kinds import Kind
from crashy.objects.names import is_dns_label, is_label_key, is_label_value
from crashy.objects.pod import PodTemplate, parse_pod_template
from crashy.objects.schema import Type, decode


class Reading:
    """The decoded document (`raw`), and all errors in it.

    A rule that is broken only because decoding left out a mistyped value is not reported in addition.
    """

    def __init__(self, document: Document, schema: Type) -> None:
        self.document = document
        self.errors: list[FieldError] = []
        self.raw: dict[str, Any] = decode(document.object, schema, "", self.errors)
        self._lost = [error.path for error in self.errors if error.kind != "unknown field"]

    def check(self, errors: Iterable[FieldError]) -> None:
        """Add a rule's errors, each once."""
        new = (error for error in errors if not any(related(error.path, lost) for lost in self._lost))
        self.errors = list(dict.fromkeys((*self.errors, *new)))

    @property
    def spec(self) -> dict[str, Any]:
        """Return the object's `spec`, empty if it has none."""
        spec: dict[str, Any] = self.raw.get("spec", {})
        return spec

    @property
    def metadata(self) -> dict[str, Any]:
        """Return the object's `metadata`, empty if it has none."""
        metadata: dict[str, Any] = self.raw.get("metadata", {})
        return metadata

    @property
    def name(self) -> str:
        """Return the object's name."""
        return str(self.metadata.get("name", "")) or self.document.name

    @property
    def namespace(self) -> str:
        """Return the object's namespace, by default `default`."""
        return self.metadata.get("namespace") or "default"

    @property
    def labels(self) -> dict[str, str]:
        """Return the object's own labels."""
        return dict(self.metadata.get("labels", {}))


class Reader(NamedTuple):
    """The reader of a kind: its allowed fields, and the function that makes the object; None if it is invalid."""

    schema: Type
    read: Callable[[Reading], Any]


def reader_of(kind: Kind) -> Reader:
    """Return the reader of a kind that has one; its file is imported when it is first used."""
    file, _, name = kind.read.partition(":")
    reader: Reader = getattr(import_module(f"crashy.objects.{file}"), name)
    return reader


def name_rules(reading: Reading, rule: Any) -> Iterator[FieldError]:
    """Check an object's name by `rule`, its namespace and its labels."""
    if not reading.name:
        yield required("metadata.name", "name or generateName is required")
    for text in rule(reading.name) if reading.name else ():
        yield invalid("metadata.name", reading.name, text)
    for text in is_dns_label(reading.namespace):
        yield invalid("metadata.namespace", reading.namespace, text)
    yield from label_rules("metadata.labels", reading.labels)


def label_rules(path: str, labels: dict[str, str]) -> Iterator[FieldError]:
    """Check the keys and values of labels or of a selector."""
    for key, value in labels.items():
        for text in is_label_key(key):
            yield invalid(path, key, text)
        for text in is_label_value(value):
            yield invalid(path, value, text)


def at_least(path: str, value: int, low: int) -> Iterator[FieldError]:
    """Check that a number is not too small."""
    if value < low:
        yield invalid(path, value, f"must be greater than or equal to {low}")


def read_template(
    reading: Reading, manifest: Any, path: str = "spec.template", *, ends: bool = False
) -> PodTemplate | None:
    """Return the pod template at `path` (a Job's `ends`), or None if it is invalid, with its errors added."""
    if not isinstance(manifest, dict):
        reading.check([invalid(path, manifest, "must be an object")])
        return None
    try:
        return parse_pod_template(manifest, path, ends=ends)
    except SpecError as error:
        reading.check(error.errors)
        return None

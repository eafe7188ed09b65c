"""Objects as YAML that kubectl, and whoever else reads YAML, takes for the same objects."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import yaml

from crashy.manifest.parse import plain


class _Dumper(yaml.SafeDumper):
    """Writes a text in quotes wherever kubectl would take the bare one for something else (`y`, `1e3`, `0o17`)."""

    def ignore_aliases(self, data: object) -> bool:
        """Write what occurs twice twice: anchors are no help to who reads a manifest."""
        del data
        return True


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None if plain(text) == text else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def dump(objects: Iterable[Any]) -> str:
    """Return objects as one YAML file, a document each, with their fields in their own order."""
    written = yaml.dump_all(objects, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    return str(written)

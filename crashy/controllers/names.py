"""Names as Kubernetes makes them: `web-5bc4d6474b-lgnk9`."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from typing import Any

_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"  # without vowels: no words by chance (apimachinery: pkg/util/rand)
_LONGEST_BASE = 63 - 5


def template_hash(template: Mapping[str, Any]) -> str:
    """Return a pod template's hash: the same for the same template, in Kubernetes' alphabet (not Kubernetes' value)."""
    value = 0x811C9DC5
    for byte in json.dumps(template, sort_keys=True, default=str).encode():
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return "".join(_ALPHABET[ord(digit) % len(_ALPHABET)] for digit in str(value))


def generated(base: str, rng: random.Random) -> str:
    """Return `base` with five random letters behind it, at most 63 characters in all."""
    return base[:_LONGEST_BASE] + "".join(rng.choices(_ALPHABET, k=5))

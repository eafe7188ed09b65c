"""Names as Kubernetes makes them: `web-5bc4d6474b-lgnk9`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from crashy.objects.names import ALPHABET


def template_hash(template: Mapping[str, Any]) -> str:
    """Return a pod template's hash: the same for the same template, in Kubernetes' alphabet (not Kubernetes' value)."""
    value = 0x811C9DC5
    for byte in json.dumps(template, sort_keys=True, default=str).encode():
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return "".join(ALPHABET[ord(digit) % len(ALPHABET)] for digit in str(value))

"""What is told of a program that has found its address in use: here pods share the addresses of one machine."""

from __future__ import annotations

import re
from collections.abc import Iterable

from crashy.timeline import Timeline, kinds

_SAID = re.compile(r"\bEADDRINUSE\b|\baddress (?:is )?already in use\b", re.IGNORECASE)
_TEXT = (
    "container {} ended as its address is in use: here pods share one machine, so it has to listen on its pod's own "
    "address, which the downward API (status.podIP) or a mapped command's HOST tells it (docs/your-app.md)"
)


def tell(timeline: Timeline, pod: str, container: str, code: int, last: Iterable[str]) -> None:
    """Add a note where a container has failed and the last lines of its log say why."""
    if code and any(map(_SAID.search, last)):
        text = _TEXT.format(container)
        kinds.NOTE.add(timeline.add, "lab", pod, "AddressInUse", text, {"container": container})

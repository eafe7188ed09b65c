"""What faults act on from outside, on any engine: a container, over its lives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Generic, TypeVar

from crashy.faults.scope import Client

Life = TypeVar("Life")


class Process(Generic[Life]):
    """A container in whichever life it is, or what has no process here and is only connected to.

    `warn` is called with a line about an effect that came to less.
    """

    def __init__(self, warn: Callable[[str], None]) -> None:
        self.warn = warn
        self.life: Life | None = None
        self._deaf_to: Counter[str] = Counter()

    def is_deaf_to(self, client: Client) -> bool:
        """Return whether the connections of these clients are refused."""
        return bool(self._deaf_to[client] or self._deaf_to["all"])

    def refuse(self, clients: str) -> Callable[[], None]:
        """Refuse new connections of `users`, the `kubelet` or `all`; what is returned ends that."""
        self._deaf_to[clients] += 1

        def end() -> None:
            self._deaf_to[clients] -= 1

        return end

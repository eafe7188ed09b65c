"""What faults do to a container from outside: one file for each effect, named after it, that begins and ends it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from crashy.engines.lab.started import Running
from crashy.faults.scope import Client


@dataclass(slots=True)
class Process:
    """What effects act on: a container in whichever life it is, or what has no process here and is only connected to.

    `warn` is called with a line about an effect that came to less.
    """

    warn: Callable[[str], None]
    life: Running | None = None
    deaf_to: Counter[str] = field(default_factory=Counter)
    """To whom connections are refused: `users`, `kubelet` or `all`, with the number of effects that want it."""

    def is_deaf_to(self, client: Client) -> bool:
        """Return whether the connections of these clients are refused."""
        return bool(self.deaf_to[client] or self.deaf_to["all"])

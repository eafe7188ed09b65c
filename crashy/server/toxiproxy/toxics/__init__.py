"""Toxiproxy's toxics: one file for each type, named after it, with a subclass of `Stage`."""

from __future__ import annotations

import pkgutil
import random
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import ClassVar, Protocol


class Sink(Protocol):
    """Where data goes: another stage, or the far end of a connection."""

    def data(self, data: bytes) -> None:
        """Take data."""

    def end(self, *, whole: bool = False) -> None:
        """Take no more; with `whole` the other direction ends too, and the connection is closed."""


class Timers(Protocol):
    """A clock with alarms, as an event loop is."""

    def time(self) -> float:
        """Return monotonic seconds."""

    def call_at(self, when: float, callback: Callable[[], object], /) -> Timer:
        """Call back at that time."""


class Timer(Protocol):
    """An alarm that was set."""

    def cancel(self) -> None:
        """Call back no more."""


class Way(Protocol):
    """One direction of one connection, as a stage sees it."""

    timers: Timers
    rng: random.Random

    def moved(self) -> None:
        """Read on, or don't: a stage holds more, or less, than before."""

    def reset(self) -> None:
        """Reset the connection (RST), at once."""


class Stage:
    """What one toxic does in one direction of one connection; without anything of its own it passes all on.

    `values` are the toxic's attributes. `next` is where it passes data on to. It is `on` if the toxic's toxicity has
    chosen this connection: while it is not, no data comes.
    """

    takes: ClassVar[tuple[str, ...]]
    """Its attributes, each a whole number, 0 unless given."""
    positive: ClassVar[tuple[str, ...]] = ()
    """Those of them that must be more than 0."""
    holds: ClassVar[int] = 64 << 10
    """The bytes that it may hold before no more are read."""
    ends_connections: ClassVar[bool] = False
    """Whether a connection that it acts on is closed when its toxic is removed."""

    next: Sink

    def __init__(self, way: Way, values: Mapping[str, int]) -> None:
        self.way = way
        self.values = values
        self.held = 0
        self.on = False

    def data(self, data: bytes) -> None:
        """Take data."""
        self.next.data(data)

    def end(self, *, whole: bool = False) -> None:
        """Take no more."""
        self.next.end(whole=whole)

    def begin(self) -> None:
        """Act from now on."""

    def change(self, values: Mapping[str, int]) -> None:
        """Act by these attributes from now on."""
        self.values = values

    def leave(self) -> None:
        """Act no more: pass on what it holds."""


NAMES = tuple(sorted(module.name for module in pkgutil.iter_modules(__path__) if module.name != "paced"))
"""Every type of toxic."""


def stage_of(name: str) -> type[Stage]:
    """Return what a toxic of this type does."""
    found: type[Stage] = import_module(f"{__name__}.{name}").Toxic
    return found

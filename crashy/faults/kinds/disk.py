"""The app fills its disk, inside STATE_DIR alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

from crashy.faults.base import Fault, FaultError
from crashy.faults.effects import Machine, ProcessEffect
from crashy.faults.probed import PASSES, Probed
from crashy.faults.scope import DefaultTarget
from crashy.fields import param
from crashy.fields.sizes import OrShare, Share, Size, format_size

_MIB = 1 << 20


class DiskFill(ProcessEffect):
    """A file in STATE_DIR grows to a size, or to a share of what is free there."""

    stores: ClassVar[bool] = True

    def __init__(self, to: int | Share, rate: int | None) -> None:
        self.to = to
        self.rate = rate

    def target(self, free: int) -> int:
        """Return the bytes that it grows to where so many are free."""
        return int(self.to.of(free)) if isinstance(self.to, Share) else self.to

    def check(self, machine: Callable[[], Machine]) -> None:
        """Raise FaultError without STATE_DIR, and for more than is left of its filesystem."""
        free = machine().disk_free
        if free is None:
            raise FaultError("disk", "writes to STATE_DIR alone, and that is not set")
        target, ceiling = self.target(free), machine().disk_ceiling
        if target > ceiling:
            most = format_size(max(0, ceiling) // _MIB * _MIB)
            raise FaultError(
                "to", f"'{format_size(target)}': at most {most} here, so that STATE_DIR's filesystem keeps a tenth"
            )


class Disk(Fault):
    """Fill the disk: write a file in `STATE_DIR` that grows to a size, and remove it when the fault ends."""

    target: ClassVar[DefaultTarget] = "everything"
    rank: ClassVar[int] = 0
    examples: ClassVar[tuple[str, ...]] = (
        "disk",
        "disk to=50% for=1m",
        "disk to=1Gi rate=10Mi after=30s",
        "disk to=20Mi routes=/report times=1",
    )
    probed: ClassVar[Mapping[str, Probed]] = {"disk": PASSES}

    to: int | Share = param(
        OrShare(Size(), 100),
        "the size of the file; a share is of what is free on the filesystem of STATE_DIR as it starts",
        default=100 * _MIB,
    )
    rate: int | None = param(Size(), "write so much a second; by default as fast as it can")

    def process_effect(self) -> ProcessEffect:
        """Return the file."""
        return DiskFill(self.to, self.rate)

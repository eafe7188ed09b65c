"""A control group of Linux (cgroup): what its processes may use, what they use, and whether they run.

`V1` and `V2` are the two versions that a kernel has. A group of v1 is a folder in the hierarchy of each controller, one
of v2 a single folder; a controller that is missing is not in `folders`, and what it would limit is not limited.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Self

from crashy.engines.lab import reaper
from crashy.kubelet.cpu import PERIOD, quota
from crashy.objects.limits import Limits

LIMITED = ("memory", "cpu")  # what limits are for; the controllers of that name
PROCS = "cgroup.procs"
CONTROL = "cgroup.subtree_control"  # of v2: the controllers that a group hands on to those below it
MAIN = "main"  # in v2 a container's own processes are in this group below it: frozen, it leaves out those of its probes


class Usage(NamedTuple):
    """What a group has used until now: CPU time in seconds, and its working set in bytes."""

    cpu: float
    memory: int


class Freezer(NamedTuple):
    """The file that freezes a group, and the words for it."""

    file: Path
    freeze: str
    thaw: str

    def __str__(self) -> str:
        """Return it as a patient expects it in its environment."""
        return f"{self.freeze} {self.thaw} {self.file}"


class Cgroup(ABC):
    """One group, by its folder for each controller: `memory`, `cpu`, `cpuacct` (times) and `freezer`."""

    def __init__(self, folders: Mapping[str, Path]) -> None:
        self.folders = dict(folders)

    def child(self, name: str) -> Self:
        """Return the group of this name below."""
        return type(self)({controller: folder / name for controller, folder in self.folders.items()})

    def container(self, name: str) -> Self:
        """Return the group of this name below for a container's processes."""
        return self.child(name)

    def make(self) -> None:
        """Make it, where it isn't there yet; raises OSError."""
        for folder in sorted({*self.folders.values()}):
            folder.mkdir(exist_ok=True)

    def remove(self) -> None:
        """Kill what is in it and remove it; this blocks for as long as that takes, 2 s at most."""
        for folder in {*self.folders.values()}:
            reaper.remove_group(folder)

    @property
    def beside(self) -> tuple[Path, ...]:
        """Return the files that a command that runs in a container writes itself into."""
        return _procs(folder for name, folder in self.folders.items() if name != "freezer")

    @property
    @abstractmethod
    def first(self) -> tuple[Path, ...]:
        """Return the same for a container's first process: it is also in what can be frozen."""

    @property
    @abstractmethod
    def freezer(self) -> Freezer | None:
        """Return what freezes it, None where nothing does."""

    @abstractmethod
    def limit(self, limits: Limits, *, whole: bool) -> None:
        """Limit what it may use, also anew; raises OSError if the memory in use is more than that.

        `whole`: a process that is killed for want of memory takes all others along (v2 alone can do that).
        """

    @abstractmethod
    def weigh(self, shares: int) -> None:
        """Set its weight beside its neighbours, in shares: 1024 is one CPU's."""

    @abstractmethod
    def oom_kills(self) -> int:
        """Return how many of its processes the kernel has killed for want of memory."""

    @abstractmethod
    def usage(self) -> Usage:
        """Return what it has used; raises OSError where that isn't counted."""

    def freeze(self) -> bool:
        """Freeze it; return whether that could be done."""
        if self.freezer is None:
            return False
        try:
            _write(self.freezer.file, self.freezer.freeze)
        except OSError:
            return False
        return True

    def thaw(self) -> None:
        """Let it go on if it is frozen."""
        if self.freezer:
            with suppress(OSError):  # it has been removed
                _write(self.freezer.file, self.freezer.thaw)

    def _write(self, controller: str, file: str, value: str | int) -> None:
        if controller in self.folders:
            _write(self.folders[controller] / file, value)

    def _numbers(self, controller: str, file: str) -> dict[str, int]:
        """Return a file's lines `NAME NUMBER`; none where the controller or the group is missing."""
        if controller not in self.folders:
            return {}
        try:
            lines = (self.folders[controller] / file).read_text().splitlines()
        except FileNotFoundError:
            return {}
        return {name: int(number) for name, _, number in (line.partition(" ") for line in lines)}


class V1(Cgroup):
    """A group of cgroup v1, with a folder in each controller's hierarchy."""

    @property
    def first(self) -> tuple[Path, ...]:
        """Return the files of all its folders."""
        return _procs(self.folders.values())

    @property
    def freezer(self) -> Freezer | None:
        """Return what freezes it; a frozen process dies only once it is thawed."""
        folder = self.folders.get("freezer")
        return Freezer(folder / "freezer.state", "FROZEN", "THAWED") if folder else None

    def limit(self, limits: Limits, *, whole: bool) -> None:
        """Limit its memory, swap included, and its CPU time."""
        memory = limits.memory or -1
        with suppress(OSError):  # a kernel may count no swap; this is never less than the other: it grows first
            self._write("memory", "memory.memsw.limit_in_bytes", memory)
        self._write("memory", "memory.limit_in_bytes", memory)
        with suppress(OSError):  # and shrinks last
            self._write("memory", "memory.memsw.limit_in_bytes", memory)
        self._write("cpu", "cpu.cfs_period_us", PERIOD)
        self._write("cpu", "cpu.cfs_quota_us", quota(limits.cpu) if limits.cpu else -1)

    def weigh(self, shares: int) -> None:
        """Set `cpu.shares`."""
        self._write("cpu", "cpu.shares", shares)

    def oom_kills(self) -> int:
        """Return it from `memory.oom_control`."""
        return self._numbers("memory", "memory.oom_control").get("oom_kill", 0)

    def usage(self) -> Usage:
        """Return it as cAdvisor does: without the file pages that nobody has used of late."""
        cpu = int((self.folders["cpuacct"] / "cpuacct.usage").read_text())
        used = int((self.folders["memory"] / "memory.usage_in_bytes").read_text())
        idle = self._numbers("memory", "memory.stat").get("total_inactive_file", 0)
        return Usage(cpu / 1e9, max(0, used - idle))


class V2(Cgroup):
    """A group of cgroup v2: one folder, whose parent hands each controller on to it."""

    def container(self, name: str) -> Self:
        """Return the group of this name below, with one for its own processes below that."""
        made = self.child(name)
        made.folders["freezer"] /= MAIN
        return made

    def make(self) -> None:
        """Make it, and have its parent hand its controllers on."""
        hand_on(self.folders["cpuacct"].parent, [name for name in LIMITED if name in self.folders])
        super().make()

    @property
    def first(self) -> tuple[Path, ...]:
        """Return the file of the group for its own processes."""
        return _procs([self.folders["freezer"]])

    @property
    def freezer(self) -> Freezer:
        """Return what freezes it."""
        return Freezer(self.folders["freezer"] / "cgroup.freeze", "1", "0")

    def limit(self, limits: Limits, *, whole: bool) -> None:
        """Limit its memory, without any swap, and its CPU time."""
        with suppress(OSError):  # a kernel may have no swap
            self._write("memory", "memory.swap.max", 0 if limits.memory else "max")
        self._write("memory", "memory.oom.group", int(whole))
        self._write("memory", "memory.max", limits.memory or "max")
        self._write("cpu", "cpu.max", f"{quota(limits.cpu) if limits.cpu else 'max'} {PERIOD}")

    def weigh(self, shares: int) -> None:
        """Set `cpu.weight`, 1 to 10000; kubelet: pkg/kubelet/cm/cgroup_manager_linux.go getCPUWeight."""
        self._write("cpu", "cpu.weight", 1 + (shares - 2) * 9999 // 262142)

    def oom_kills(self) -> int:
        """Return it from `memory.events`."""
        return self._numbers("memory", "memory.events").get("oom_kill", 0)

    def usage(self) -> Usage:
        """Return it as cAdvisor does: without the file pages that nobody has used of late."""
        cpu = self._numbers("cpuacct", "cpu.stat").get("usage_usec", 0)
        used = int((self.folders["memory"] / "memory.current").read_text())
        return Usage(cpu / 1e6, max(0, used - self._numbers("memory", "memory.stat").get("inactive_file", 0)))


def hand_on(folder: Path, controllers: Iterable[str]) -> None:
    """Have a group of v2 hand controllers on to the groups below; raises OSError if it can't."""
    handed = (folder / CONTROL).read_text().split()
    for controller in controllers:
        if controller not in handed:
            _write(folder / CONTROL, f"+{controller}")


def _procs(folders: Iterable[Path]) -> tuple[Path, ...]:
    return tuple(folder / PROCS for folder in dict.fromkeys(folders))


def _write(file: Path, value: str | int) -> None:
    file.write_text(str(value))

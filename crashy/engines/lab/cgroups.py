"""The control groups of a lab: where they can be made, one for each container, and nothing of them left behind.

They are below the lab's own group, so that what limits the lab limits its containers too: one for the lab, named by its
process, in it one for each pod, in that one for each container. In cgroup v2 a group that hands its controllers on has
no processes, so there the lab moves itself into a group of its own; where others are in its group with it, as in most
sessions, the top of the hierarchy is used, if the user may (root may). An ordinary user has such a group of v2 by
`systemd-run --user --scope -p Delegate=yes`.
"""

from __future__ import annotations

import errno
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from crashy.engines.lab import proc, reaper
from crashy.engines.lab.cgroup import CONTROL, LIMITED, PROCS, V1, V2, Cgroup, hand_on
from crashy.kubelet.cpu import requested, shares
from crashy.kubelet.runtime import Pod, StartError
from crashy.kubelet.versions import Profile
from crashy.objects.limits import Limits, limits
from crashy.objects.pod import Container

ROOT = Path("/sys/fs/cgroup")
PREFIX = "crashy-lab-"
ALONE = 1000  # millicores that any program weighs


class Cgroups:
    """Makes and removes the groups of one lab's containers, below `group`; where that is None, nothing is limited.

    `note` is called once, for the first container with a limit that isn't enforced, because of `why_not`.
    """

    def __init__(self, group: Cgroup | None, why_not: str, note: Callable[[str], None]) -> None:
        self._group = group
        self._why_not = why_not
        self._note = note
        self._noted = False
        self._limited: set[str] = set()
        self._running: dict[str, tuple[Cgroup, int]] = {}  # by container: its pod's group, and the CPU that it requests

    @classmethod
    def find(cls, note: Callable[[str], None], root: Path = ROOT) -> Cgroups:
        """Make a lab's group where this process may, and remove those of labs that have died with their helper."""
        name = f"{PREFIX}{os.getpid()}-{proc.began(os.getpid())}-{uuid.uuid4().hex[:6]}"
        if not root.is_dir():
            return cls(None, "this system has no cgroups", note)
        try:
            make = _make_v2 if (root / "cgroup.controllers").exists() else _make_v1
            group = make(root, name)
        except OSError as error:
            return cls(None, f"{Path(error.filename).parent}: {error.strerror}", note)
        for folder in {folder.parent for folder in group.folders.values()}:
            for dead in _dead(folder):
                reaper.remove_group(dead)
        missing = [controller for controller in LIMITED if controller not in group.folders]
        return cls(group, f"{root}: no controller {' or '.join(missing)}" if missing else "", note)

    @property
    def paths(self) -> tuple[Path, ...]:
        """Return the folders to be removed when the lab ends, however it does."""
        return tuple(dict.fromkeys(self._group.folders.values())) if self._group else ()

    @property
    def counts(self) -> bool:
        """Return whether the groups count what their processes use."""
        return self._group is not None and {"memory", "cpuacct"} <= self._group.folders.keys()

    def why_not(self, controller: str) -> str:
        """Return why a controller can't be used for containers; empty if it can."""
        return "" if self._group and controller in self._group.folders else self._why_not

    def begin(
        self, pod: Pod, container: Container, container_id: str, profile: Profile, *, limited: bool
    ) -> Cgroup | None:
        """Make the group of a container that is about to start, under its limits if it is to be `limited`.

        Raises StartError with what the kernel doesn't allow.
        """
        wanted = limits(container) if limited else Limits()
        self._note_missing(wanted)
        if self._group is None:
            return None
        of_pod = self._group.child(pod.uid)
        group = of_pod.container(container_id.rpartition("/")[2])
        try:
            of_pod.make()
            group.make()
            if any(wanted):
                group.limit(wanted, whole=profile.kills_all_on_oom)
            group.weigh(shares(requested(container)))
        except OSError as error:
            group.remove()
            raise StartError(f"failed to create cgroup: {error}") from error
        self._running[container_id] = (of_pod, requested(container))
        if limited:
            self._limited.add(container_id)
        self._weigh(of_pod)
        return group

    def resize(self, container: Container, container_id: str, profile: Profile) -> bool:
        """Change the limits and the weight of a running container; return whether the kernel allows it now."""
        if container_id not in self._running:
            return True  # nothing is enforced
        of_pod, _ = self._running[container_id]
        group = of_pod.container(container_id.rpartition("/")[2])
        try:
            if container_id in self._limited:
                group.limit(limits(container), whole=profile.kills_all_on_oom)
            group.weigh(shares(requested(container)))
        except OSError:
            return False  # on v1 the memory in use is more
        self._running[container_id] = (of_pod, requested(container))
        self._weigh(of_pod)
        return True

    def end(self, container_id: str) -> None:
        """Forget a container whose group has been removed, and remove its pod's with the last one."""
        of_pod, _ = self._running.pop(container_id)
        self._limited.discard(container_id)
        if of_pod.folders in (other.folders for other, _ in self._running.values()):
            self._weigh(of_pod)
            return
        for folder in {*of_pod.folders.values()}:
            with suppress(OSError):  # something is dying in it
                folder.rmdir()

    def _weigh(self, of_pod: Cgroup) -> None:
        """Set the weight of a pod, and of the lab: as much as its containers were if they were in no group."""
        in_pod = sum(millicores for other, millicores in self._running.values() if other.folders == of_pod.folders)
        with suppress(OSError):  # one that another user has removed
            of_pod.weigh(shares(in_pod))
            if self._group:
                self._group.weigh(shares(ALONE * len(self._running)))

    def _note_missing(self, wanted: Limits) -> None:
        there = self._group.folders if self._group else {}
        if not self._noted and any(getattr(wanted, name) and name not in there for name in LIMITED):
            self._noted = True
            self._note(f"limits are shown and not enforced: {self._why_not} (docs/lab.md, What needs Linux)")


def _own() -> dict[str, str]:
    """Return the groups of this process by controller, without the slash at the beginning; v2's is that of ``."""
    lines = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines()]
    return {name: path.strip("/") for _, names, path in lines for name in names.split(",")}


def _make_v1(root: Path, name: str) -> V1:
    """Make a group in every hierarchy where that is allowed; raises OSError if it is in none."""
    own = _own()
    folders = {}
    refused = None
    for controller in ("memory", "cpu", "cpuacct", "freezer"):
        parent = root / controller / own.get(controller, "")
        folder = (parent if parent.is_dir() else root / controller) / name  # in a container its group may be the root
        try:
            folder.mkdir(exist_ok=True)  # one hierarchy may have several controllers
            if not (folder / PROCS).exists():  # nothing is mounted there
                folder.rmdir()
                raise OSError(errno.ENODEV, os.strerror(errno.ENODEV), str(folder))
        except OSError as error:
            refused = error
        else:
            folders[controller] = folder
    if not folders and refused:
        raise refused
    return V1(folders)


def _make_v2(root: Path, name: str) -> V2:
    """Make a group below the lab's own, else at the root; raises OSError if neither is allowed."""
    own = root / _own().get("", "")
    if own.name == reaper.LEAF:  # another lab of this process has moved it there
        own = own.parent.parent
    refused: OSError | None = None
    for parent in dict.fromkeys((own, root)):
        group = parent / name
        try:
            group.mkdir()
        except OSError as error:
            refused = error
            continue
        handed = _hand_on(parent, group)
        if handed:
            return V2({**dict.fromkeys(handed, group), "cpuacct": group, "freezer": group})
        reaper.remove_group(group)
        refused = OSError(errno.EBUSY, "hands on no controller", str(group))
    raise refused or OSError(errno.ENOENT, os.strerror(errno.ENOENT), str(root / name))


def _hand_on(parent: Path, group: Path) -> list[str]:
    """Return which controllers `parent` hands on to its new `group`, into which this process moves if it must."""
    there = (parent / "cgroup.controllers").read_text().split()
    wanted = [controller for controller in LIMITED if controller in there]
    with suppress(OSError):
        try:
            hand_on(parent, wanted)
        except OSError:
            leaf = group / reaper.LEAF
            leaf.mkdir()
            (leaf / PROCS).write_text(str(os.getpid()))
            hand_on(parent, wanted)
    handed = (parent / CONTROL).read_text().split()
    return [controller for controller in wanted if controller in handed]


def _dead(folder: Path) -> Iterator[Path]:
    """Yield the groups in a folder of labs that have died, and their helper with them."""
    for group in folder.glob(f"{PREFIX}*"):
        pid, began, _ = (*group.name.removeprefix(PREFIX).split("-"), "", "")[:3]
        if pid.isdecimal() and str(proc.began(int(pid))) != began:
            yield group

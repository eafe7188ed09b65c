"""Machines that lack what a Linux with root has, made on one: commands run in namespaces of their own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from crashy.engines.lab import proc, reaper
from crashy.engines.lab.cgroups import PREFIX, ROOT, Cgroups
from crashy.server.machine import OwnMachine


def _has_addresses() -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.64.0.1", 0))
        except OSError:
            return False
        return True


def has_cgroups() -> bool:
    """Return whether limits of containers are enforced here."""
    found = Cgroups.find(lambda _: None)
    for path in found.paths:
        reaper.remove_group(path)
    return found.counts


def lab_groups(pid: int) -> list[Path]:
    """Return the control groups of the labs of a process, also those below."""
    folders = (Path(folder) for folder, _, _ in os.walk(ROOT))
    return [folder for folder in folders if f"/{PREFIX}{pid}-" in str(folder)]


@contextmanager
def roomy(folder: Path, size: int) -> Iterator[Path]:
    """Make a folder on a filesystem where `size` bytes may be written, `folder`'s or that of /dev/shm; remove it.

    A fault of the disk leaves a tenth of the filesystem alone, and of a full machine's there is no more.
    """
    for place in (folder, Path("/dev/shm")):
        if place.is_dir() and OwnMachine(state_dir=str(place)).disk_ceiling > size:
            with tempfile.TemporaryDirectory(prefix="crashy-test-", dir=place, ignore_cleanup_errors=True) as made:
                yield Path(made)
            return
    pytest.skip(f"needs a filesystem with more than a tenth and {size} bytes free")


needs_proc = pytest.mark.skipif(not proc.there(), reason="needs /proc, which Linux has")
needs_addresses = pytest.mark.skipif(not _has_addresses(), reason="needs all of 127.0.0.0/8, which Linux has")
needs_cgroups = pytest.mark.skipif(
    not has_cgroups(), reason="needs writable cgroups: root's, or systemd-run --user --scope -p Delegate=yes"
)

NOBODY = 65534
WITHOUT = Path(__file__).parent / "without"
TOOLS = ("unshare", "nsenter", "setpriv", "ip", "mount")
# Run as `sh -c NETWORK + … sh COMMAND…`, by root of the namespaces.
LOOPBACK = "ip link set lo up && "
ONE_ADDRESS = "ip address del 127.0.0.1/8 dev lo && ip address add 127.0.0.1/32 dev lo && "
NO_PROC = "mount -t tmpfs none /proc && "


@dataclass(frozen=True)
class Elsewhere:
    """A machine that lacks something. Its commands are this machine's, on its files."""

    proc: bool = True  # it has /proc
    addresses: bool = True  # all of 127.0.0.0/8 are its own
    linux: bool = True  # Python has what it has on Linux alone
    root: bool = True  # processes may do what root may

    def within(self) -> list[str]:
        """Return the beginning of a command that makes such a machine and becomes, in it, what follows."""
        made = LOOPBACK + ("" if self.addresses else ONE_ADDRESS) + ("" if self.proc else NO_PROC)
        return ["unshare", *_mapped("-r"), "-n", "-m", "sh", "-c", f'{made}exec "$@"', "sh", *self._as_whom()]

    def beside(self, pid: int) -> list[str]:
        """Return the beginning of a command that becomes what follows on the machine on which the process is."""
        entered = ["nsenter", *_mapped("-U", "--preserve-credentials"), "-n", "-m", "-t", str(pid)]
        return [*entered, "--", *self._as_whom()]

    def _as_whom(self) -> list[str]:
        if self.root:
            return []
        # One who may read all files, as this checkout and its Python may be root's own; nothing else.
        mine = [] if os.getuid() else ["--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups"]
        sets = [f"--{name}=-all,+dac_read_search" for name in ("inh-caps", "ambient-caps", "bounding-set")]
        return ["setpriv", *mine, *sets]

    def environ(self, folder: Path) -> dict[str, str]:
        """Return the variables that its commands need; what they write goes to `folder`, which becomes their user's."""
        if not self.root and not os.getuid():
            os.chown(folder, NOBODY, NOBODY)
        # Where coverage is measured, its files lie in the checkout, where only its owner may write.
        kept = {"CRASHY_RUNTIME_DIR": str(folder / "run"), "TMPDIR": str(folder), "COVERAGE_PROCESS_CONFIG": ""}
        return kept if self.linux else {**kept, "PYTHONPATH": str(WITHOUT)}


def _mapped(*options: str) -> Sequence[str]:
    """Return the options that an ordinary user needs: in a user namespace of its own anyone is root."""
    return options if os.getuid() else ()


def why_not() -> str:
    """Return what keeps such a machine from being made here; empty if nothing does."""
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing:
        return f"needs {', '.join(missing)} (apt-get install util-linux iproute2 mount)"
    barest = Elsewhere(proc=False, addresses=False, root=False)
    tried = subprocess.run([*barest.within(), "true"], capture_output=True, text=True, check=False)
    return f"needs network and mount namespaces: {tried.stderr.strip()}" if tried.returncode else ""

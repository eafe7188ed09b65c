"""What is written and read of a control group: of v1 for real, of v2 in folders that look like one.

Where this machine has v2 beside v1 (`/sys/fs/cgroup/unified`), it freezes and kills for real, without any controller.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import PIPE

import pytest

from crashy.engines.lab import proc, reaper
from crashy.engines.lab.cgroup import V1, V2, Cgroup, Usage
from crashy.engines.lab.cgroups import ROOT
from crashy.objects.limits import Limits

UNIFIED = ROOT / "unified"
DEADLINE = 20.0
MI = 2**20


def eventually(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def looks_like_v2(folder: Path) -> None:
    """Put the files there that the kernel puts into a group of v2."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in ("memory.max", "memory.swap.max", "memory.oom.group", "cpu.max", "cpu.weight", "cgroup.freeze"):
        (folder / file).write_text("")
    (folder / "cgroup.subtree_control").write_text("")
    (folder / "memory.events").write_text("low 0\nhigh 0\nmax 31\noom 2\noom_kill 2\noom_group_kill 1\n")
    (folder / "memory.current").write_text(f"{40 * MI}\n")
    (folder / "memory.stat").write_text(f"anon {30 * MI}\ninactive_file {12 * MI}\nactive_file 0\n")
    (folder / "cpu.stat").write_text("usage_usec 1500000\nuser_usec 1000000\nsystem_usec 500000\n")


@pytest.fixture
def v2(tmp_path: Path) -> V2:
    looks_like_v2(tmp_path / "pod")
    looks_like_v2(tmp_path / "pod" / "app")
    looks_like_v2(tmp_path / "pod" / "app" / "main")
    pod = V2(dict.fromkeys(("memory", "cpu", "cpuacct", "freezer"), tmp_path / "pod"))
    group = pod.container("app")
    group.make()
    return group


def test_v2_hands_its_controllers_on(v2: V2, tmp_path: Path) -> None:
    assert v2.folders["memory"] == tmp_path / "pod" / "app"
    assert (tmp_path / "pod" / "cgroup.subtree_control").read_text() in {"+cpu", "+memory"}  # one after the other
    assert (tmp_path / "pod" / "app" / "cgroup.subtree_control").read_text() == ""


def test_in_v2_probes_are_not_frozen_with_a_containers_own_processes(v2: V2, tmp_path: Path) -> None:
    app = tmp_path / "pod" / "app"

    assert v2.first == (app / "main" / "cgroup.procs",)
    assert v2.beside == (app / "cgroup.procs",)
    assert str(v2.freezer) == f"1 0 {app}/main/cgroup.freeze"


@pytest.mark.parametrize(
    ("limits", "whole", "written"),
    [
        (Limits(cpu=0.05, memory=64 * MI), True, ("67108864", "0", "1", "5000 100000")),
        (Limits(cpu=2.0), False, ("max", "max", "0", "200000 100000")),
        (Limits(memory=MI), False, ("1048576", "0", "0", "max 100000")),
    ],
)
def test_the_limits_of_v2(v2: V2, limits: Limits, whole: bool, written: tuple[str, ...]) -> None:
    v2.limit(limits, whole=whole)

    files = ("memory.max", "memory.swap.max", "memory.oom.group", "cpu.max")
    assert tuple((v2.folders["memory"] / file).read_text() for file in files) == written


@pytest.mark.parametrize(("shares", "weight"), [(2, "1"), (102, "4"), (1024, "39"), (262144, "10000")])
def test_the_weight_of_v2(v2: V2, shares: int, weight: str) -> None:
    v2.weigh(shares)

    assert (v2.folders["cpu"] / "cpu.weight").read_text() == weight


def test_what_v2_counts(v2: V2) -> None:
    assert v2.oom_kills() == 2
    assert v2.usage() == Usage(1.5, 28 * MI)


def test_what_no_controller_limits_is_not_limited(tmp_path: Path) -> None:
    looks_like_v2(tmp_path / "only")
    only = V2({"cpuacct": tmp_path / "only", "freezer": tmp_path / "only"})
    only.limit(Limits(1.0, MI), whole=True)

    assert only.oom_kills() == 0
    assert {(tmp_path / "only" / file).read_text() for file in ("memory.max", "cpu.max")} == {""}


# --- for real


def made(group: Cgroup) -> Iterator[Cgroup]:
    group.make()
    yield group
    group.remove()


@pytest.fixture(params=["v1", "v2"])
def frozen(request: pytest.FixtureRequest) -> Iterator[tuple[Cgroup, subprocess.Popen[bytes]]]:
    """A process in a group that is frozen."""
    name = f"crashy-test-{os.getpid()}"
    folders = {"v1": {"freezer": ROOT / "freezer" / name}, "v2": {"cpuacct": UNIFIED / name, "freezer": UNIFIED / name}}
    parent = (ROOT / "freezer") if request.param == "v1" else UNIFIED
    if not os.access(parent / "cgroup.procs", os.W_OK):
        pytest.skip(f"needs a writable {parent}")
    for group in made((V1 if request.param == "v1" else V2)(folders[request.param])):
        process = subprocess.Popen(["sh", "-c", "trap 'exit 7' TERM; echo; read line"], stdin=PIPE, stdout=PIPE)
        assert process.stdout
        assert process.stdout.readline() == b"\n"
        group.first[0].write_text(str(process.pid))
        assert group.freezer
        group.freezer.file.write_text(group.freezer.freeze)
        yield group, process
        process.kill()
        group.thaw()
        process.communicate()


def test_a_thawed_process_goes_on(frozen: tuple[Cgroup, subprocess.Popen[bytes]]) -> None:
    group, process = frozen
    process.send_signal(signal.SIGTERM)
    assert proc.handles(process.pid, signal.SIGTERM)
    assert process.poll() is None  # the signal waits

    group.thaw()
    assert process.wait(DEADLINE) == 7


def test_what_is_killed_and_thawed_dies_of_that(frozen: tuple[Cgroup, subprocess.Popen[bytes]]) -> None:
    group, process = frozen
    process.send_signal(signal.SIGTERM)
    process.kill()
    group.thaw()

    assert process.wait(DEADLINE) == -signal.SIGKILL


def test_a_group_is_removed_with_all_that_is_frozen_in_it(frozen: tuple[Cgroup, subprocess.Popen[bytes]]) -> None:
    group, process = frozen
    group.remove()

    assert process.wait(DEADLINE) == -signal.SIGKILL
    assert not any(folder.exists() for folder in group.folders.values())


def test_what_is_in_the_labs_leaf_moves_out(tmp_path: Path) -> None:
    if not os.access(UNIFIED / "cgroup.procs", os.W_OK):
        pytest.skip(f"needs a writable {UNIFIED}")
    own = UNIFIED / f"crashy-test-{os.getpid()}"
    leaf = own / "crashy-lab-1-2-3" / reaper.LEAF
    leaf.mkdir(parents=True)
    process = subprocess.Popen(["sleep", "600"])
    try:
        (leaf / "cgroup.procs").write_text(str(process.pid))
        reaper.remove_group(leaf.parent)

        assert process.poll() is None
        assert reaper.members(own) == [process.pid]
        assert not leaf.parent.exists()
    finally:
        process.kill()
        process.wait()
        eventually(lambda: proc.began(process.pid) is None)
        own.rmdir()

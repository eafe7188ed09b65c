"""What a process may use, by the files of /proc and of the cgroup hierarchy that a container sees."""

from __future__ import annotations

import os
import resource
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest

from crashy.server.machine import OwnMachine

MIB = 1 << 20
NONE = "9223372036854771712\n"  # what v1 says where there is no limit
V2, V1 = "sys/fs/cgroup", "sys/fs/cgroup/memory"


def machine(root: Path, files: Mapping[str, str]) -> OwnMachine:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return OwnMachine(root)


@pytest.mark.parametrize(
    ("cgroup", "files", "limit"),
    [
        pytest.param("0::/\n", {f"{V2}/memory.max": "67108864\n"}, 64 * MIB, id="v2, in a container"),
        pytest.param("0::/\n", {f"{V2}/memory.max": "max\n"}, None, id="v2, no limit"),
        pytest.param(
            "0::/a/b\n", {f"{V2}/a/b/memory.max": "max", f"{V2}/a/memory.max": "1048576"}, MIB, id="v2, nested"
        ),
        pytest.param("0::/a\n", {f"{V2}/unified/a/memory.max": "1048576\n"}, MIB, id="v2 beside v1"),
        pytest.param("3:cpu:/a\n4:memory:/a\n", {f"{V1}/a/memory.limit_in_bytes": "1048576\n"}, MIB, id="v1"),
        pytest.param(
            "4:memory:/kubepods/x\n", {f"{V1}/memory.limit_in_bytes": "1048576"}, MIB, id="v1, in a container"
        ),
        pytest.param("4:memory:/a\n", {f"{V1}/a/memory.limit_in_bytes": NONE}, None, id="v1, no limit"),
        pytest.param(
            "4:memory:/a/b\n0::/\n",
            {f"{V1}/a/b/memory.limit_in_bytes": NONE, f"{V1}/a/memory.limit_in_bytes": "2097152"},
            2 * MIB,
            id="v1, nested",
        ),
        pytest.param(
            "4:memory,cpu:/\n", {"sys/fs/cgroup/memory,cpu/memory.limit_in_bytes": "1048576"}, MIB, id="v1, two"
        ),
        pytest.param("3:cpu:/a\n", {}, None, id="no controller"),
        pytest.param("", {}, None, id="no cgroups"),
    ],
)
def test_the_limit_is_the_lowest_of_its_groups(
    cgroup: str, files: dict[str, str], limit: int | None, tmp_path: Path
) -> None:
    assert machine(tmp_path, {"proc/self/cgroup": cgroup, **files}).memory_limit == limit


def test_the_machine_keeps_a_tenth_of_its_memory(tmp_path: Path) -> None:
    meminfo = "MemTotal:        1024000 kB\nMemFree:          1000 kB\nMemAvailable:     512000 kB\n"
    found = machine(tmp_path, {"proc/meminfo": meminfo, "proc/self/status": "Name:\tx\nRssAnon:\t   24000 kB\n"})

    assert found.own_memory == 24_000 << 10
    assert found.memory_ceiling == (24_000 + 512_000 - 102_400) << 10


def test_a_machine_that_says_nothing_grants_little(tmp_path: Path) -> None:
    assert (OwnMachine(tmp_path).own_memory, OwnMachine(tmp_path).memory_ceiling) == (0, 256 * MIB)


def test_this_machine_has_something() -> None:
    assert OwnMachine().cores >= 1
    assert OwnMachine().memory_ceiling > 0


LOAD = {"proc/loadavg": "1.0 1.0 1.0 3/400 999\n", "proc/sys/kernel/threads-max": "1000000\n"}


@pytest.mark.parametrize(
    ("cgroup", "files", "limit", "room"),
    [
        ("0::/\n", {f"{V2}/pids.max": "100\n", f"{V2}/pids.current": "30\n"}, 100, 60),
        ("8:pids:/a\n", {"sys/fs/cgroup/pids/a/pids.max": "200", "sys/fs/cgroup/pids/a/pids.current": "10"}, 200, 170),
        (
            "0::/a/b\n",
            {
                f"{V2}/a/b/pids.max": "max",
                f"{V2}/a/pids.max": "1000",
                f"{V2}/a/pids.current": "850",
                f"{V2}/pids.max": "950",
                f"{V2}/pids.current": "851",
            },
            950,
            4,
        ),
    ],
    ids=["v2", "v1", "nested: the room is the least of all"],
)
def test_of_the_limit_of_processes_a_tenth_is_left(
    cgroup: str, files: dict[str, str], limit: int, room: int, tmp_path: Path
) -> None:
    found = machine(tmp_path, {"proc/self/cgroup": cgroup, **LOAD, **files})

    assert found.threads_limit == limit
    assert found.threads_ceiling == threading.active_count() + room


def test_without_a_limit_of_processes_the_machine_keeps_a_tenth_of_its_own(tmp_path: Path) -> None:
    most = {**LOAD, "proc/sys/kernel/threads-max": "1000\n"}
    found = machine(tmp_path, {"proc/self/cgroup": "0::/\n", f"{V2}/pids.max": "max\n", **most})

    assert found.threads_limit is None
    assert found.threads_ceiling == threading.active_count() + 900 - 400


def test_the_filesystem_of_the_files_keeps_a_tenth(tmp_path: Path) -> None:
    there = OwnMachine(state_dir=str(tmp_path))
    to_be_made = OwnMachine(state_dir=str(tmp_path / "not" / "yet"))
    size = os.statvfs(tmp_path)

    assert there.disk_free is not None
    assert there.disk_free - there.disk_ceiling == pytest.approx(size.f_blocks * size.f_frsize / 10, rel=0.01)
    assert to_be_made.disk_free == pytest.approx(there.disk_free, rel=0.1)
    assert OwnMachine().disk_free is None


def test_the_process_may_open_what_its_limit_says() -> None:
    assert OwnMachine().fds_limit == resource.getrlimit(resource.RLIMIT_NOFILE)[0]

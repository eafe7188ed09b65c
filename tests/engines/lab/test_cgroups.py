"""Containers under their limits, for real; and what is done where there are no control groups to write to."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from crashy.engines.lab import proc, reaper
from crashy.engines.lab.cgroups import PREFIX, ROOT, Cgroups
from crashy.kubelet.outcome import Result
from crashy.kubelet.runtime import Pod
from crashy.kubelet.versions import NEWEST
from crashy.objects.pod import parse_pod_template
from tests.elsewhere import lab_groups, needs_cgroups
from tests.engines.lab.test_runtime import container, until

EATS = (sys.executable, "-I", "-S", "-c", "b = []\nwhile True: b.append(bytearray(4 << 20))")
SPINS = ("sh", "-c", "while :; do :; done")


def limited(**limits: str) -> dict[str, Any]:
    return {"resources": {"limits": limits}}


# --- memory


@needs_cgroups
async def test_what_wants_more_memory_than_its_limit_is_killed() -> None:
    async with container(*EATS, **limited(memory="64Mi")) as c:
        await until(lambda: c.exits)

        assert [(ended.exit_code, ended.reason) for ended in c.exits] == [(137, "OOMKilled")]


@needs_cgroups
@pytest.mark.skipif((ROOT / "cgroup.controllers").exists(), reason="v2 kills all of the container")
async def test_in_v1_a_shell_outlives_its_child_and_its_container_is_oomkilled_with_its_own_code() -> None:
    eats = f"{EATS[0]} -I -S -c 'b = []\nwhile True: b.append(bytearray(4 << 20))'"
    async with container("sh", "-c", f"{eats}; echo child ended $?; exit 3", **limited(memory="64Mi")) as c:
        await until(lambda: c.exits)

        assert [(ended.exit_code, ended.reason) for ended in c.exits] == [(3, "OOMKilled")]
        assert "child ended 137" in c.logs()


@needs_cgroups
async def test_a_limit_below_what_a_program_needs_kills_it_as_it_starts() -> None:
    async with container("python", "-c", "print('up'); input()", **limited(memory="2Mi")) as c:
        await until(lambda: c.exits)

        assert [(ended.exit_code, ended.reason) for ended in c.exits] == [(137, "OOMKilled")]
        assert "up" not in c.logs()


@needs_cgroups
async def test_what_a_probe_eats_counts_too() -> None:
    async with container("sleep", "600", **limited(memory="64Mi")) as c:
        result, _ = await c.probe({"exec": {"command": [*EATS]}}, timeoutSeconds=20)
        await c.runtime.stop(c.id, 0)

        assert result is Result.FAILURE
        assert [ended.reason for ended in c.exits] == ["OOMKilled"]


@needs_cgroups
async def test_who_stays_below_the_limit_ends_as_it_wants_to() -> None:
    async with container("sh", "-c", "exit 137", **limited(memory="64Mi")) as c:
        await until(lambda: c.exits)

        assert [(ended.exit_code, ended.reason) for ended in c.exits] == [(137, "")]


# --- CPU


async def used(c: Any, seconds: float) -> float:
    before, began = c.runtime.usage()[c.id].cpu, time.monotonic()
    await asyncio.sleep(seconds)
    return float(c.runtime.usage()[c.id].cpu - before) / (time.monotonic() - began)


@needs_cgroups
async def test_a_cpu_limit_holds() -> None:
    async with container(*SPINS, **limited(cpu="50m")) as c:
        await until(lambda: c.runtime.usage()[c.id].cpu > 0.02)

        assert 0.03 < await used(c, 1.0) < 0.1


@needs_cgroups
async def test_a_probe_that_shares_its_limit_with_a_busy_process_is_throttled() -> None:
    work = [sys.executable, "-I", "-S", "-c", "sum(range(3_000_000))"]
    took = {}
    for limits in ({}, {"cpu": "50m"}):
        async with container(*SPINS, **limited(**limits)) as c:
            began = time.monotonic()
            result, _ = await c.probe({"exec": {"command": work}}, timeoutSeconds=60)
            took[bool(limits)] = time.monotonic() - began
            assert result is Result.SUCCESS

    assert took[True] > 2 * took[False]


@needs_cgroups
async def test_a_pod_weighs_what_its_containers_request() -> None:
    async with container("sleep", "600", resources={"requests": {"cpu": "250m"}}) as c:
        group = c.runtime._running[c.id].group
        assert group
        of_pod = [path / file for path in lab_groups(os.getpid()) for file in ("cpu.shares", "cpu.weight")]
        weights = [file.read_text() for file in of_pod if file.parent.name == "uid" and file.exists()]

        assert weights in (["256\n"], ["10\n"])


# --- what is used


@needs_cgroups
async def test_what_a_container_uses_grows_as_it_uses_more() -> None:
    keeps = "import time; time.sleep(1); kept = bytearray(48 << 20); print('kept', flush=True); time.sleep(600)"
    async with container(sys.executable, "-I", "-S", "-c", keeps) as c:
        before = c.runtime.usage()
        await until(c.logs)
        after = c.runtime.usage()

        assert before
        assert after
        assert after[c.id].memory - before[c.id].memory > 40 << 20
        assert after[c.id].cpu >= before[c.id].cpu


@needs_cgroups
async def test_file_pages_that_nobody_uses_are_not_counted(tmp_path: Path) -> None:
    writes = f"head -c 64M /dev/zero > {tmp_path}/file; echo written; exec sleep 600"
    async with container("sh", "-c", writes) as c:
        await until(c.logs)
        usage = c.runtime.usage()

        assert usage
        assert usage[c.id].memory < 32 << 20


# --- frozen


FREEZES = """
from crashy.faults.effects import Stop
from crashy.server.effects import stop
import subprocess, sys, time
ticks = "import time\\nwhile True: print('tick', flush=True); time.sleep(.02)"
child = subprocess.Popen([sys.executable, "-I", "-S", "-c", ticks])
time.sleep(0.2)
print("freeze", flush=True)
stop.begin(None, Stop(), time.monotonic() + {seconds})
print("awake", flush=True)
time.sleep(600)
"""


def freezes(seconds: float) -> tuple[str, ...]:
    return (sys.executable, "-c", FREEZES.format(seconds=seconds))


def is_frozen(c: Any) -> bool:
    group = c.runtime._running[c.id].group
    return bool(group) and group.freezer.file.read_text().strip() in {"FROZEN", "1"}


@needs_cgroups
async def test_a_stopped_patient_is_frozen_with_its_children_and_goes_on_in_time() -> None:
    async with container(*freezes(1.5), env=[{"name": "PYTHONPATH", "value": str(Path.cwd())}]) as c:
        await until(lambda: is_frozen(c))
        ticks = len(c.logs())
        result, output = await c.probe({"exec": {"command": ["echo", "here"]}}, timeoutSeconds=20)
        assert (result, output.strip()) == (Result.SUCCESS, "here")  # as beside a process that SIGSTOP has stopped
        await until(lambda: "awake" in c.logs())

        assert not is_frozen(c)
        logs = c.logs()
        assert logs[ticks - 1 :].index("awake") <= 10  # its child has printed next to nothing meanwhile


@needs_cgroups
async def test_a_frozen_container_does_not_hear_sigterm_and_dies_when_its_grace_is_over() -> None:
    async with container(*freezes(60), env=[{"name": "PYTHONPATH", "value": str(Path.cwd())}]) as c:
        await until(lambda: is_frozen(c))
        began = time.monotonic()
        await c.runtime.stop(c.id, 0.5)

        assert time.monotonic() - began >= 0.5
        assert [ended.exit_code for ended in c.exits] == [137]
        assert "awake" not in c.logs()


# --- nothing is left, and nothing is needed


@needs_cgroups
async def test_a_container_that_has_ended_has_no_group() -> None:
    async with container("sleep", "600") as c:
        assert lab_groups(os.getpid())
        await c.runtime.stop(c.id, 0)

        assert [path for path in lab_groups(os.getpid()) if path.name == "uid"] == []
    assert lab_groups(os.getpid()) == []


@needs_cgroups
def test_the_groups_of_a_dead_lab_go_when_another_one_starts() -> None:
    code = "from crashy.engines.lab.cgroups import Cgroups; print(*Cgroups.find(print).paths, flush=True); input()"
    owner = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert owner.stdout
    paths = [Path(path) for path in owner.stdout.readline().split()]
    sleeper = subprocess.Popen(["sleep", "600"])
    for path in paths:
        (path / "cgroup.procs").write_text(str(sleeper.pid))
    Cgroups.find(lambda _: None)  # the owner lives
    assert all(path.exists() for path in paths)
    owner.kill()
    owner.communicate()

    ours = Cgroups.find(lambda _: None)

    assert sleeper.wait(20) == -9
    assert [path for path in paths if path.exists()] == []
    for path in lab_groups(os.getpid()):
        reaper.remove_group(path)
    assert ours.paths


def pod(**resources: Any) -> Pod:
    spec = {"containers": [{"name": "app", "image": "busybox", "resources": resources}]}
    return Pod("web", "default", "uid", "127.0.0.1", parse_pod_template({"spec": spec}, path=""))


@pytest.mark.parametrize(
    ("files", "why"),
    [
        (None, "this system has no cgroups"),
        ((), "No such file or directory"),
        (("cgroup.controllers", "cgroup.procs", "cgroup.subtree_control"), "hands on no controller"),
    ],
)
def test_where_nothing_can_be_limited_that_is_said_once(tmp_path: Path, files: Any, why: str) -> None:
    root = tmp_path / "cgroup"
    if files is not None:
        root.mkdir()
        for file in files:
            (root / file).write_text("")
    said: list[str] = []
    cgroups = Cgroups.find(said.append, root)
    assert (cgroups.paths, cgroups.counts, said) == ((), False, [])

    for one in (pod(), pod(requests={"cpu": "1"}), pod(limits={"cpu": "1"}), pod(limits={"memory": "1Gi"})):
        assert cgroups.begin(one, one.template.containers[0], "lab://1", NEWEST, limited=True) is None

    (line,) = said
    assert line.startswith("limits are shown and not enforced: ")
    assert why in line


def test_a_folder_in_which_no_hierarchy_is_mounted_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crashy.engines.lab.cgroups._own", dict)
    (tmp_path / "memory").mkdir()

    assert Cgroups.find(print, tmp_path).paths == ()
    assert list((tmp_path / "memory").iterdir()) == []


def test_a_delegated_group_of_v2_hands_its_controllers_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In folders that look like one: the kernel's own files are there before, so that no move is needed."""
    monkeypatch.setattr("crashy.engines.lab.cgroups._own", lambda: {"": "user.slice/run.scope"})
    own = tmp_path / "user.slice" / "run.scope"
    own.mkdir(parents=True)
    (tmp_path / "cgroup.controllers").write_text("cpu memory")
    (own / "cgroup.controllers").write_text("memory pids\n")
    (own / "cgroup.subtree_control").write_text("memory pids\n")
    said: list[str] = []
    cgroups = Cgroups.find(said.append, tmp_path)

    assert [path.parent for path in cgroups.paths] == [own]
    name = cgroups.paths[0].name
    assert name.startswith(f"{PREFIX}{os.getpid()}-{proc.began(os.getpid())}-")

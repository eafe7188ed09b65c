"""A running container's limits are changed for real, where there are control groups to write to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from crashy.engines.lab.cgroups import ROOT
from tests.engines.lab.test_runtime import Started, container


def limits(c: Started) -> tuple[str, str]:
    """Return the CPU time in each period, in microseconds, and the bytes of memory that its group allows."""
    group = c.runtime._running[c.id].group
    if group is None or not {"cpu", "memory"} <= group.folders.keys():
        pytest.skip("needs cgroups that may be written to")
    cpu, memory = group.folders["cpu"], group.folders["memory"]
    if (ROOT / "cgroup.controllers").exists():
        return (cpu / "cpu.max").read_text().split()[0], (memory / "memory.max").read_text().strip()
    return read(cpu / "cpu.cfs_quota_us"), read(memory / "memory.limit_in_bytes")


def read(file: Path) -> str:
    return file.read_text().strip()


def read_swap(c: Started) -> str:
    """Return the bytes of memory and swap that a group of v1 allows; nothing where the kernel doesn't count swap."""
    group = c.runtime._running[c.id].group
    file = group.folders["memory"] / "memory.memsw.limit_in_bytes" if group else None
    return read(file) if file and file.exists() else ""


async def test_its_group_has_the_new_limits_while_it_runs() -> None:
    small, large = ({"limits": {"cpu": cpu, "memory": memory}} for cpu, memory in (("200m", "64Mi"), ("400m", "128Mi")))
    async with container("sleep", "600", resources=small) as c:
        before = limits(c)
        (app,) = c.pod.template.containers

        assert c.runtime.resize(replace(app, resources=large), c.id)

        assert (before, limits(c)) == (("20000", str(64 << 20)), ("40000", str(128 << 20)))
        assert not c.exits


@pytest.mark.skipif((ROOT / "cgroup.controllers").exists(), reason="v2 takes any limit, and kills for it")
async def test_less_than_the_memory_in_use_is_not_possible() -> None:
    eats = "b = b'x' * (48 << 20); print('full', flush=True); import time; time.sleep(600)"
    async with container("python3", "-c", eats, resources={"limits": {"memory": "96Mi"}}) as c:
        before = limits(c)
        swap = read_swap(c)
        (app,) = c.pod.template.containers
        while "full" not in c.logs():
            await c.probe({"exec": {"command": ["true"]}})

        assert not c.runtime.resize(replace(app, resources={"limits": {"memory": "8Mi"}}), c.id)
        assert limits(c) == before
        assert read_swap(c) == swap


async def test_one_that_has_ended_needs_none() -> None:
    async with container("sleep", "600") as c:
        await c.runtime.stop(c.id, 0)

        assert c.runtime.resize(c.pod.template.containers[0], c.id)

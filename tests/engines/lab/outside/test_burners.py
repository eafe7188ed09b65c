"""CPU and memory that faults use up beside a container, in its control group."""

from __future__ import annotations

from pathlib import Path

import pytest

from crashy.engines.lab import proc
from crashy.engines.lab.started import Running
from crashy.experiment.model import Experiment, Inject, Step
from crashy.experiment.refusals import refusals
from crashy.objects.manifests import Manifests
from crashy.targets import Target
from tests.elsewhere import needs_cgroups
from tests.engines.lab.outside.labs import Lab, app, lab, no_cgroups, served

pytestmark = pytest.mark.slow

SLEEPER = app("sleep", "600")
LIMITED = {**SLEEPER, "resources": {"limits": {"memory": "64Mi"}}}


def life(one: Lab) -> Running:
    (running,) = one.engine._runtime._running.values()
    return running


def burners(one: Lab) -> list[int]:
    """Return our own programs in the container's group."""
    group = life(one).group
    assert group
    there = {int(pid) for file in group.beside for pid in file.read_text().split()}
    return sorted(pid for pid in there if b"-I" in proc.arguments(pid))


@needs_cgroups
async def test_cpu_burns_in_the_containers_group_until_it_is_recovered(tmp_path: Path) -> None:
    async with lab(served(SLEEPER), tmp_path) as one:
        await one.inject("cpu share=50%")
        await one.until(lambda: burners(one))
        before = life(one).usage()
        await one.until(lambda: (now := life(one).usage()) and before and now.cpu - before.cpu > 0.1)
        there = burners(one)
        await one.recover()
        await one.until(lambda: not burners(one))

        assert len(there) == 1
        assert one.faults() == [("Injected", "cpu share=50%"), ("Recovered", "all")]


@needs_cgroups
async def test_memory_grows_to_a_size_and_is_given_back(tmp_path: Path) -> None:
    async with lab(served(LIMITED), tmp_path) as one:
        await one.inject("memory to=50% for=2s")
        await one.until(lambda: (usage := life(one).usage()) and usage.memory > 28 << 20)
        await one.until(lambda: one.events("Ended"))
        await one.until(lambda: not burners(one))

        assert one.exit_codes == []


@needs_cgroups
async def test_memory_up_to_the_limit_ends_the_container_as_its_own_would(tmp_path: Path) -> None:
    async with lab(served(LIMITED), tmp_path) as one:
        await one.inject("memory")
        await one.until(lambda: one.restarts == 1)

        last = one.view.status.containers[0].last_state
        assert last is not None
        assert (last.exit_code, last.reason) == (137, "OOMKilled")
        assert one.faults() == [("Injected", "memory"), ("Ended", "memory")]


@needs_cgroups
async def test_a_burner_ends_with_the_container(tmp_path: Path) -> None:
    async with lab(served(SLEEPER), tmp_path) as one:
        await one.inject("cpu share=10%")
        await one.until(lambda: burners(one))
        there = burners(one)
        await one.inject("crash")
        await one.until(lambda: one.restarts == 1)

        assert [pid for pid in there if (proc.state(pid) or "Z")[0] != "Z"] == []
        assert one.engine.outside(one.view.pod) == []


def refused(one: Lab, given: Manifests, spec: str) -> list[str]:
    """Return why an experiment with this fault isn't begun."""
    step = Step(1, Inject(spec), Target.parse("any"), 0, f"inject {spec}")
    return [*refusals(Experiment("e", "", given, None, 10, (step,)), one.engine)]


@needs_cgroups
@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ("memory", "to: '100%': the container has no memory limit: use a size such as 300Mi"),
        ("cpu cores=1000", "cores: 1000: at most "),
    ],
)
async def test_more_than_there_is_is_refused_before_anything_starts(spec: str, why: str, tmp_path: Path) -> None:
    given = served(SLEEPER)
    async with lab(given, tmp_path) as one:
        (line,) = refused(one, given, spec)

        assert line.startswith(f"inject {spec} at 1s, target any: container app: {why}")


@pytest.mark.parametrize("name", ["cpu", "memory"])
async def test_without_control_groups_they_are_refused_before_anything_starts(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_cgroups(monkeypatch)
    given = served(SLEEPER)
    async with lab(given, tmp_path) as one:
        assert refused(one, given, name) == [
            f"inject {name} at 1s, target any: {name} from outside runs beside the container in its control group: "
            "this system has no cgroups (docs/lab.md)"
        ]

"""How a pod with sidecars is killed: all hooks at once, one SIGTERM after another.

kubelet: pkg/kubelet/kuberuntime/kuberuntime_termination_order.go; times as recorded of 1.36.2.
"""

from __future__ import annotations

from typing import Any

import pytest

from crashy.kubelet.versions import PROFILES
from tests.kubelet.scripted import Life
from tests.kubelet.simulation import Run, simulate
from tests.kubelet.test_driver import DELETE, lives


def container(name: str, hook: int, **more: Any) -> dict[str, Any]:
    life = {"lifecycle": {"preStop": {"sleep": {"seconds": hook}}}} if hook else {}
    return {"name": name, "image": name, **life, **more}


def deleted(hooks: dict[str, int] | None = None, *, grace: int = 30, life: Life | None = None) -> Run:
    """Delete a pod of `main`, and of the sidecars `first` and `second`, 10 s after its first start."""
    hooks = hooks or {}
    sidecars = [container(name, hooks.get(name, 0), restartPolicy="Always") for name in ("first", "second")]
    spec = {
        "terminationGracePeriodSeconds": grace,
        "initContainers": sidecars,
        "containers": [container("main", hooks.get("main", 0))],
    }
    slow = Life(term_seconds=0.5)
    return simulate(spec, lives(main=life or slow, first=slow, second=slow), 100, play=DELETE)


def ended(run: Run) -> dict[str, float]:
    return {name: run.exited(name)[0] - 10 for name in ("main", "second", "first")}


@pytest.mark.parametrize(
    ("hooks", "expected"),
    [
        ({}, (0.5, 1.0, 1.5)),
        ({"main": 4, "second": 1}, (4.5, 5.0, 5.5)),  # as recorded: hooks that are over cost nothing more
        ({"second": 3}, (0.5, 3.5, 4.0)),
        ({"first": 6}, (0.5, 1.0, 6.5)),
        ({"main": 2, "second": 4, "first": 5}, (2.5, 4.5, 5.5)),
    ],
)
def test_all_is_begun_at_once_and_sidecars_get_sigterm_in_turn(
    hooks: dict[str, int], expected: tuple[float, ...]
) -> None:
    run = deleted(hooks)

    assert run.times("event", "Killing") == [10.0, 10.0, 10.0]
    assert sorted(run.messages("Killing")) == [f"Stopping container {name}" for name in ("first", "main", "second")]
    assert tuple(ended(run).values()) == pytest.approx(expected)


def test_no_sidecar_waits_longer_than_the_grace_period() -> None:
    """What is left then is the least that any container gets: two seconds."""
    run = deleted(grace=5, life=Life(term_seconds=None))

    assert ended(run) == pytest.approx({"main": 5.0, "second": 5.5, "first": 5.5})


def test_a_container_that_has_ended_is_not_waited_for() -> None:
    run = deleted(life=Life(exits_at=9.2))  # in back-off, or between two starts

    assert ended(run)["first"] <= 2.0


@pytest.mark.parametrize("version", ["1.32", "1.34", "1.36"])
def test_every_version_that_has_sidecars_does_so(version: str) -> None:
    sidecar = container("second", 3, restartPolicy="Always")
    spec = {"initContainers": [sidecar], "containers": [container("main", 2)]}
    run = simulate(spec, lives(), 60, play=DELETE, profile=PROFILES[version])

    assert run.times("event", "Killing") == [10.0, 10.0]
    assert (run.exited("main"), run.exited("second")) == ([12.0], [13.0])

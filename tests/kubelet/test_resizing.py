"""Changes of a pod's CPU and memory in place. kubelet: kuberuntime_manager.go computePodResizeAction.

The events of 1.36 and 1.34 as `kubectl describe` shows them there.
"""

from __future__ import annotations

import asyncio
from copy import deepcopy
from itertools import pairwise
from typing import Any

import pytest

from crashy.engines.sim.runtime import SimRuntime
from crashy.kubelet.versions import PROFILES
from crashy.objects.pod import PodTemplate, parse_pod_template
from tests.kubelet.simulation import Run, simulate
from tests.kubelet.test_driver import WELL

SMALL = {"limits": {"cpu": "200m", "memory": "64Mi"}, "requests": {"cpu": "100m", "memory": "32Mi"}}
MORE_CPU = {"limits": {"cpu": "400m", "memory": "64Mi"}, "requests": {"cpu": "200m", "memory": "32Mi"}}
MORE_MEMORY = {"limits": {"cpu": "200m", "memory": "128Mi"}, "requests": {"cpu": "100m", "memory": "32Mi"}}
MEMORY_RESTARTS = [{"resourceName": "memory", "restartPolicy": "RestartContainer"}]


def spec(resources: dict[str, Any], **more: Any) -> dict[str, Any]:
    app = {"name": "app", "image": "app", "resources": resources, "resizePolicy": MEMORY_RESTARTS, **more}
    return {"terminationGracePeriodSeconds": 1, "containers": [app]}


def template(resources: dict[str, Any]) -> PodTemplate:
    return parse_pod_template({"spec": deepcopy(spec(resources))}, path="")


def resize(version: str, *steps: dict[str, Any]) -> Run:
    """Run a pod, and give it these resources at 10 s, 20 s and so on."""
    play = {10.0 * (i + 1): lambda d, _, to=to: d.update(template(to)) for i, to in enumerate(steps)}
    return simulate(template(SMALL), lambda *_: WELL, 60, profile=PROFILES[version], play=play)


RESIZED = (
    '{"containers":[{"name":"app","resources":'
    '{"limits":{"cpu":"400m","memory":"64Mi"},"requests":{"cpu":"200m","memory":"32Mi"}}}]'
)


@pytest.mark.parametrize(
    ("version", "events"),
    [
        (
            "1.36",
            [
                ("ResizeStarted", f'Pod resize started: {RESIZED},"generation":2}}'),
                ("ResizeCompleted", f'Pod resize completed: {RESIZED},"generation":2}}'),
            ],
        ),
        ("1.34", [("ResizeCompleted", f"Pod resize completed: {RESIZED}}}")]),
    ],
)
def test_more_cpu_is_given_without_a_restart(version: str, events: list[tuple[str, str]]) -> None:
    run = resize(version, MORE_CPU)

    assert [(e.reason, e.message) for _, e in run.of("event") if e.reason.startswith("Resize")] == events
    assert (run.restarts, len(run.started())) == (0, 1)
    assert 10 <= run.times("event", "ResizeCompleted")[0] <= 11


def test_a_container_whose_policy_says_so_is_restarted() -> None:
    run = resize("1.36", MORE_MEMORY)

    assert run.messages("Killing") == ["Container app resize requires restart"]
    assert run.restarts == 1
    assert run.reasons()[3:] == ["ResizeStarted", "Killing", "Pulled", "Created", "Started", "ResizeCompleted"]


def test_the_same_amount_in_other_words_is_no_change() -> None:
    run = resize("1.36", {**SMALL, "limits": {"cpu": "0.2", "memory": "65536Ki"}})

    assert not [reason for reason in run.reasons() if reason.startswith("Resize")]


def test_each_change_has_its_generation() -> None:
    run = resize("1.36", MORE_CPU, SMALL)

    assert [text[-15:] for text in run.messages("ResizeCompleted")] == ['"generation":2}', '"generation":3}']


def test_what_cannot_be_done_now_is_tried_again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """kubelet: pkg/kubelet/pod_workers.go completeWork: 10 s x U[1, 1.5] after a failed sync; 1 s of its queue."""
    tries = []

    def third_time(*_: Any) -> bool:
        tries.append(asyncio.get_running_loop().time())
        return len(tries) == 3

    monkeypatch.setattr(SimRuntime, "resize", third_time)
    run = resize("1.36", MORE_CPU)

    assert [10 <= later - earlier <= 17 for earlier, later in pairwise(tries)] == [True, True]
    assert [reason for reason in run.reasons() if reason.startswith("Resize")] == ["ResizeStarted", "ResizeCompleted"]
    assert run.restarts == 0

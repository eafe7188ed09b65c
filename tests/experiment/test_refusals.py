"""Faults that no pod could take are refused before anything starts; the others are for the pods that can take them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from crashy.errors import BadInput
from tests.experiment.test_runner import MANIFESTS, injected_pods, simulate

SERVICE = MANIFESTS[1]
OWN = ["gunicorn", "shop:app"]


def pods(name: str, *containers: dict[str, Any], replicas: int = 1) -> dict[str, Any]:
    labels = {"app": name, "tier": "web"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [*containers]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


PATIENT = pods("ours", {"name": "app", "image": "crashy-app:1"})
SHOP = pods("shop", {"name": "shop", "image": "example.org/shop:1", "command": OWN}, replicas=4)
BOTH = pods("both", {"name": "app", "image": "crashy-app:1"}, {"name": "side", "image": "shop", "command": OWN})

ONLY_INSIDE = "exception acts inside a patient only; error would do"


def step(inject: str, target: str, **more: Any) -> dict[str, Any]:
    return {"at": 5, "inject": inject, "target": target, **more}


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (step("exception", "any"), f"any: container shop runs a program of its own: {ONLY_INSIDE}"),
        (step("exception", "shop-"), f"shop-: container shop runs a program of its own: {ONLY_INSIDE}"),
        (step("exception", "2 of tier=web"), f"2 of tier=web: container shop runs a program of its own: {ONLY_INSIDE}"),
        (step("crash", "all", container="db"), "all: no container 'db'; there are: shop"),
    ],
)
def test_a_fault_that_no_pod_could_take(given: dict[str, Any], why: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput) as refused:
        simulate(tmp_path, given, manifests=[SERVICE, SHOP])

    assert refused.value.lines == (f"inject {given['inject']} at 5s, target {why}",)


def test_every_such_step_has_a_line(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as refused:
        simulate(tmp_path, step("exception", "any"), step("freeze mode=gil for=1s", "any"), manifests=[SERVICE, SHOP])

    assert len(refused.value.lines) == 2


@pytest.mark.parametrize("target", ["any", "all", "1 of tier=web"])
def test_what_some_can_take_is_for_those(target: str, tmp_path: Path) -> None:
    record = simulate(tmp_path, step("exception", target), manifests=[SERVICE, SHOP, PATIENT])

    assert [name.rsplit("-", 2)[0] for name in injected_pods(record)] == ["pod/ours"]


def test_a_container_is_named(tmp_path: Path) -> None:
    record = simulate(tmp_path, step("crash", "both", container="side"), manifests=[SERVICE, BOTH])
    exits = [event.data for event in record.events if event.reason == "Exited"]

    assert [(data["container"], data["exit_code"]) for data in exits] == [("side", 137)]

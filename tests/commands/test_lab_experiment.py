"""What the lab's options describe, and whom `--at` strikes, and when: on modelled pods, in virtual time."""

from __future__ import annotations

import asyncio
import math
import random

import pytest

from crashy.clock import run_virtual
from crashy.commands.lab import parser
from crashy.commands.lab_experiment import experiment
from crashy.engines.sim.sim import running
from crashy.errors import BadInput
from crashy.experiment.model import Experiment, Traffic
from crashy.experiment.runner import perform
from crashy.manifest.parse import parse
from crashy.objects.manifests import read
from crashy.timeline import Event, Timeline

TEXT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: crashy-app}]}
---
apiVersion: v1
kind: Pod
metadata: {name: bare}
spec: {containers: [{name: bare, image: crashy-app}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}, {name: more, port: 81}]}
"""


def described(*args: str) -> Experiment:
    return experiment(parser().parse_args(["x.yaml", *args]), read(*parse(TEXT.encode(), "x.yaml")))


def injected(*steps: str, seed: int = 1) -> list[tuple[int, str, str]]:
    """Perform the steps on a Deployment's two pods and a bare one, all of them ready."""
    seen: list[Event] = []

    async def main() -> None:
        timeline = Timeline(asyncio.get_running_loop().time)
        timeline.subscribe(seen.append)
        async with running(timeline, rng=random.Random(seed)) as sim:
            requested = described("--for", "20s", *(word for step in steps for word in ("--at", step)))
            assert not await perform(requested, sim, timeline, rng=random.Random(seed), stop=asyncio.Event())

    run_virtual(main())
    faults = [event for event in seen if (event.kind, event.reason) == ("fault", "Injected")]
    return [(round(event.t), event.object.removeprefix("pod/"), event.message) for event in faults]


def test_steps_are_performed_at_their_times_whatever_their_order() -> None:
    assert injected("9s bare unready", "7s bare unlive") == [(7, "bare", "unlive"), (9, "bare", "unready")]


def test_all_is_every_pod_and_a_name_the_first_that_begins_so() -> None:
    everyone = injected("6s all unready")

    assert len({name for _, name, _ in everyone}) == 3
    assert injected("6s web unready") == [everyone[0]]
    assert {name[:4] for _, name, _ in injected("6s 2 of app=web unready for=1s")} == {"web-"}


@pytest.mark.parametrize("seed", range(5))
def test_any_strikes_a_pod_that_was_not_struck_before_while_there_is_one(seed: int) -> None:
    faults = ("6s any latency delay=1s", "7s any latency delay=1s", "8s any latency delay=1s", "9s any unlive")
    hit = [name for _, name, _ in injected(*faults, seed=seed)]

    assert len(set(hit[:3])) == 3
    assert len(hit) == 4


@pytest.mark.parametrize(
    ("requested", "traffic"),
    [
        ("web", Traffic(service="web", port=None, path="", rate=10.0, timeout=2.0)),
        ("web:80/readyz", Traffic(service="web", port="80", path="/readyz", rate=10.0, timeout=2.0)),
        ("web:more/", Traffic(service="web", port="more", path="/", rate=10.0, timeout=2.0)),
    ],
)
def test_traffic_names_a_service_a_port_and_a_path(requested: str, traffic: Traffic) -> None:
    assert described("--traffic", requested).traffic == traffic


def test_without_an_end_it_goes_on() -> None:
    assert described().duration == math.inf
    assert described("--for", "90s").duration == 90


def test_every_target_that_can_not_be_is_a_line() -> None:
    with pytest.raises(BadInput) as refused:
        described("--at", "1s db crash", "--at", "2s 3 of app=web crash", "--at", "3s any crash")

    assert refused.value.lines == (
        "--at: 'db': no pod's name begins with it; must be any, all, or the beginning of one of: web-, bare",
        "--at: '3 of app=web': only 2 pods have these labels",
    )

"""Whom the option `--at` strikes, and when: on modelled pods, in virtual time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import cast

import pytest

from crashy.clock import run_virtual
from crashy.commands.lab_steps import Step, perform
from crashy.controllers.base import PodView
from crashy.controllers.cluster import Cluster
from crashy.engines.base import Engine
from crashy.kubelet.runtime import Pod
from tests.controllers.worlds import POD, TWO, world


class Injections:
    """The part of an engine that steps use: it notes what is injected, and when."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.seen: list[tuple[int, str, str]] = []

    def pods(self) -> Sequence[PodView]:
        return self._cluster.pods()

    async def inject(self, pod: Pod, spec: str) -> None:
        self.seen.append((round(asyncio.get_running_loop().time()), pod.name, spec))


def injected(*steps: str, seed: int = 1) -> list[tuple[int, str, str]]:
    """Perform the steps on a Deployment's two pods and a bare one, all of them ready."""

    async def main() -> list[tuple[int, str, str]]:
        async with world(TWO, POD) as here:
            engine = Injections(here.cluster)
            await perform(
                [Step.parse(step) for step in steps], cast("Engine", engine), here.timeline, random.Random(seed)
            )
            return engine.seen

    seen: list[tuple[int, str, str]] = run_virtual(main())
    return seen


def test_steps_are_performed_at_their_times_whatever_their_order() -> None:
    assert injected("9s bare freeze", "7s bare crash") == [(7, "bare", "crash"), (9, "bare", "freeze")]


def test_all_is_every_pod_and_a_name_the_first_that_begins_so() -> None:
    everyone = injected("6s all crash")

    assert len({name for _, name, _ in everyone}) == 3
    assert injected("6s web crash") == [everyone[0]]


@pytest.mark.parametrize("seed", range(5))
def test_any_strikes_a_pod_that_was_not_struck_before_while_there_is_one(seed: int) -> None:
    struck = [
        name for _, name, _ in injected("6s any crash", "7s any freeze", "8s any crash", "9s any crash", seed=seed)
    ]

    assert len(set(struck[:3])) == 3
    assert len(struck) == 4

"""A controller's steps, and the wait until the next one is due."""

from __future__ import annotations

import asyncio

import pytest

from crashy.clock import run_virtual
from crashy.controllers.steps import Steps


def test_a_call_during_a_step_leads_to_another_step_after_it() -> None:
    running: list[bool] = []
    ran: list[bool] = []

    def step() -> None:
        assert not any(running), "a step began within another"
        running.append(True)
        if len(running) < 3:
            ran.append(steps.run())
        running[-1] = False

    steps = Steps(step, lambda: None)

    assert steps.run()
    assert len(running) == 3
    assert ran == [False, False]


def test_steps_can_be_taken_again_after_one_that_raised() -> None:
    failing = [True, False]

    def step() -> None:
        if failing.pop(0):
            raise ValueError("the first one fails")

    steps = Steps(step, lambda: None)
    with pytest.raises(ValueError, match="the first one"):
        steps.run()

    assert steps.run()
    assert not failing


@pytest.mark.parametrize(
    ("waits", "synced"),
    [
        pytest.param([[3.0, 2.0]], [2.0], id="the first of several"),
        pytest.param([[2.0], [3.0]], [3.0], id="what is set later replaces what was set before"),
        pytest.param([[2.0], []], [], id="no time cancels it"),
        pytest.param([[2.0], None], [], id="stop cancels it"),
    ],
)
def test_sync_is_called_when_the_next_step_is_due(waits: list[list[float] | None], synced: list[float]) -> None:
    seen: list[float] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        steps = Steps(lambda: None, lambda: seen.append(loop.time()))
        for dues in waits:
            if dues is None:
                steps.stop()
            else:
                steps.wait(dues)
        await asyncio.sleep(10)

    run_virtual(main())

    assert seen == synced

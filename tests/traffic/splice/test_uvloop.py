"""The same on the event loop that `crashy proxy` runs on: uvloop pauses, ends and resets connections its own way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
import uvloop

from tests.traffic.changes import test_changes as changes
from tests.traffic.splice import test_tcp as tcp
from tests.traffic.splice.http1 import test_link as http1

Scenario = Callable[[], Awaitable[None]]


@pytest.mark.parametrize(
    "scenario",
    [
        tcp.test_latency_leaves_the_bandwidth,
        tcp.test_a_black_hole_swallows_and_closes_at_its_end,
        tcp.test_a_hang_holds_until_the_fault_ends,
        tcp.test_a_half_close_comes_after_what_is_delayed,
        tcp.test_a_server_that_dies_resets_its_client_after_what_it_said,
        tcp.test_much_data_under_a_fault_keeps_to_the_readers_pace,
        tcp.test_reset_and_abort_end_a_connection_at_its_next_data,
        http1.test_a_fault_that_starts_meanwhile_is_for_the_next_request,
        changes.test_a_connection_is_kept_after_an_injected_answer_and_the_app_is_not_asked,
        changes.test_a_body_is_stalled_though_the_app_closes_its_connection,
        changes.test_a_slow_close_delays_the_apps_close,
    ],
)
def test_on_uvloop(scenario: Scenario) -> None:
    async def run() -> None:
        await scenario()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())


@pytest.mark.parametrize("spec", [http1.QUIET, http1.LOUD], ids=["quiet", "loud"])
def test_much_data_both_ways_on_uvloop(spec: str) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(http1.test_much_data_keeps_to_the_readers_pace_both_ways(spec))
        runner.run(http1.test_pipelined_requests_are_answered_in_their_order(spec))
        runner.run(http1.test_a_client_that_goes_ends_the_servers_connection(spec))

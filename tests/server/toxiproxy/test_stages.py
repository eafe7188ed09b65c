"""What each toxic does to data and when, on a clock that is not real."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import NamedTuple

import pytest

from crashy.clock import run_virtual
from crashy.server.toxiproxy.toxics import NAMES, Stage, stage_of


class Sent(NamedTuple):
    """What comes out, and when, in seconds; None is the end, "whole" that of both directions, "reset" a reset."""

    at: float
    what: bytes | str | None


class Out:
    """The way and the sink of one stage."""

    def __init__(self) -> None:
        self.timers = asyncio.get_running_loop()
        self.rng = random.Random(1)
        self.sent: list[Sent] = []
        self.began = self.timers.time()

    def _put(self, what: bytes | str | None) -> None:
        self.sent.append(Sent(round(self.timers.time() - self.began, 4), what))

    def data(self, data: bytes) -> None:
        self._put(data)

    def end(self, *, whole: bool = False) -> None:
        self._put("whole" if whole else None)

    def moved(self) -> None:
        pass

    def reset(self) -> None:
        self._put("reset")


def sent_by(
    name: str, *given: tuple[float, Callable[[Stage], None]], until: float = 100.0, **values: int
) -> list[Sent]:
    """Return what a toxic makes of what is given at these times."""

    async def main() -> list[Sent]:
        out = Out()
        kind = stage_of(name)
        stage = kind(out, {name: values.get(name, 0) for name in kind.takes})
        stage.next = out
        stage.begin()
        for at, do in given:
            await asyncio.sleep(out.began + at - out.timers.time())
            do(stage)
        await asyncio.sleep(out.began + until - out.timers.time())
        return out.sent

    return run_virtual(main())


def data(text: bytes) -> Callable[[Stage], None]:
    return lambda stage: stage.data(text)


def end(stage: Stage) -> None:
    stage.end()


def leave(stage: Stage) -> None:
    stage.leave()


def test_the_types_are_toxiproxys() -> None:
    assert NAMES == ("bandwidth", "latency", "limit_data", "reset_peer", "slicer", "slow_close", "timeout")


def test_latency_delays_data_and_not_its_end() -> None:
    seen = sent_by("latency", (0, data(b"a")), (0.3, data(b"b")), (0.4, end), latency=500)

    assert seen == [(0.5, b"a"), (0.8, b"b"), (0.8, None)]


def test_latency_keeps_the_order_whatever_its_jitter_draws() -> None:
    seen = sent_by("latency", *((at / 100, data(bytes([at]))) for at in range(50)), latency=200, jitter=100)

    assert [one.what for one in seen] == [bytes([at]) for at in range(50)]
    delays = [one.at - number / 100 for number, one in enumerate(seen)]
    assert min(delays) >= 0.1
    assert max(delays) > 0.28


def test_less_latency_is_for_what_waits_too() -> None:
    change: Callable[[Stage], None] = lambda stage: stage.change({"latency": 200, "jitter": 0})  # noqa: E731

    assert sent_by("latency", (0, data(b"a")), (1, change), latency=5000) == [(1.0, b"a")]


def test_what_a_toxic_holds_is_passed_on_when_it_is_removed() -> None:
    assert sent_by("latency", (0, data(b"a")), (0, end), (1, leave), latency=5000) == [(1.0, b"a"), (1.0, None)]


def test_bandwidth_passes_so_many_thousand_bytes_a_second() -> None:
    seen = sent_by("bandwidth", (0, data(b"." * 2500)), (0, end), rate=10)

    assert [(one.at, len(one.what or b"")) for one in seen] == [(0.1, 1000), (0.2, 1000), (0.25, 500), (0.25, 0)]


def test_bandwidth_that_was_not_used_is_lost() -> None:
    seen = sent_by("bandwidth", (0, data(b"." * 100)), (10, data(b"." * 100)), rate=1)

    assert [one.at for one in seen] == [0.1, 10.1]


def test_without_any_bandwidth_nothing_passes_until_there_is_some() -> None:
    change: Callable[[Stage], None] = lambda stage: stage.change({"rate": 1})  # noqa: E731

    assert sent_by("bandwidth", (0, data(b"abc"))) == []
    assert sent_by("bandwidth", (0, data(b"a")), (5, change)) == [(5.0, b"a")]


def test_slicer_cuts_data_and_spaces_the_pieces() -> None:
    seen = sent_by("slicer", (0, data(bytes(range(10)))), (0, end), average_size=4, delay=50_000)

    assert seen == [(0.0, bytes(range(4))), (0.05, bytes(range(4, 8))), (0.1, bytes([8, 9])), (0.1, None)]


@pytest.mark.parametrize(("size", "variation"), [(1, 0), (1, 1), (10, 9), (10, 20)])
def test_slicer_loses_nothing(size: int, variation: int) -> None:
    seen = sent_by("slicer", (0, data(bytes(range(200)))), average_size=size, size_variation=variation)

    assert b"".join(one.what for one in seen if isinstance(one.what, bytes)) == bytes(range(200))
    assert len({one.what for one in seen}) == len(seen)  # none is empty


def test_slow_close_delays_the_end_alone() -> None:
    assert sent_by("slow_close", (0, data(b"a")), (1, end), delay=3000) == [(0.0, b"a"), (4.0, None)]


def test_timeout_drops_data_and_ends_the_connection_when_none_has_come_for_so_long() -> None:
    assert sent_by("timeout", (0, data(b"a")), (1.5, data(b"b")), timeout=2000) == [(3.5, "whole")]
    assert sent_by("timeout", timeout=2000) == [(2.0, "whole")]


def test_timeout_of_0_never_ends_it() -> None:
    assert sent_by("timeout", (0, data(b"a")), (50, data(b"b")), timeout=0) == []


def test_reset_peer_resets_after_the_first_data() -> None:
    assert sent_by("reset_peer", (3, data(b"a")), (3.1, data(b"b")), timeout=500) == [(3.5, "reset")]
    assert sent_by("reset_peer", (3, end)) == [(3.0, "reset")]
    assert sent_by("reset_peer") == []


def test_limit_data_ends_the_connection_after_so_many_bytes() -> None:
    seen = sent_by("limit_data", (0, data(b"abc")), (1, data(b"def")), (2, data(b"ghi")), bytes=5)

    assert seen == [(0.0, b"abc"), (1.0, b"de"), (1.0, "whole")]


def test_limit_data_of_0_ends_it_at_the_first() -> None:
    assert sent_by("limit_data", (1, data(b"abc"))) == [(1.0, "whole")]

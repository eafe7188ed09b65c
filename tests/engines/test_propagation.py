"""What chooses endpoints for users hears of a change a moment later, and never of an older state after a newer one."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

from crashy.clock import run_virtual
from crashy.engines.propagation import AT_ONCE, Balancer
from crashy.fields.units import Distribution, Fixed, Uniform
from crashy.objects.document import Source
from crashy.objects.service import Service, ServicePort

PORT = ServicePort("", 80, 8080)
RANGE = Uniform(0.1, 0.6)


def service(name: str = "web") -> Service:
    return Service(name, "default", "ClusterIP", {"app": name}, (PORT,), False, Source("app.yaml", 1))


def place(number: int) -> tuple[str, int]:
    return f"10.244.0.{number}", 8080


def played(delay: Distribution, play: Callable[[Balancer], Awaitable[Any]], seed: int = 1) -> Any:
    """Return what a balancer was seen to do, in virtual time."""

    async def main() -> Any:
        return await play(Balancer(delay, random.Random(seed)))

    return run_virtual(main())


def now() -> float:
    return asyncio.get_running_loop().time()


async def times_of(balancer: Balancer, changes: int, every: float) -> list[float]:
    """Return the delay after which each of some changes was known."""
    heard = []
    for number in range(changes):
        published = now()
        balancer.publish(service(), {80: [place(number)]})
        await balancer.caught_up()
        heard.append(now() - published)
        await asyncio.sleep(every)
    return heard


def test_each_change_is_known_after_a_delay_of_its_own_in_the_range() -> None:
    delays = played(RANGE, lambda balancer: times_of(balancer, 100, every=5))

    assert 0.1 <= min(delays) < 0.15
    assert 0.55 < max(delays) <= 0.6
    assert delays == played(RANGE, lambda balancer: times_of(balancer, 100, every=5))
    assert delays != played(RANGE, lambda balancer: times_of(balancer, 100, every=5), seed=2)


def test_no_older_state_follows_a_newer_one_and_none_comes_later_than_the_longest_delay() -> None:
    async def play(balancer: Balancer) -> list[tuple[str, int]]:
        seen = []
        for number in range(200):
            balancer.publish(service(), {80: [place(number)]})
            await asyncio.sleep(0.01)
            if chosen := balancer.choose("default", "web", 80):
                seen.append(chosen)
        assert seen[-1] >= place(200 - 61)
        await asyncio.sleep(0.6)
        assert balancer.choose("default", "web", 80) == place(199)
        return seen

    seen = played(RANGE, play)
    numbers = [int(address.rpartition(".")[2]) for address, _ in seen]

    assert numbers == sorted(numbers)


def test_without_a_delay_a_change_is_known_at_once() -> None:
    async def play(balancer: Balancer) -> Any:
        assert balancer.choose("default", "web", 80) is None
        balancer.publish(service(), {80: [place(1)]})
        assert balancer.is_caught_up
        return balancer.choose("default", "web", 80)

    assert played(AT_ONCE, play) == place(1)


def test_until_it_is_known_the_one_that_has_left_is_chosen() -> None:
    async def play(balancer: Balancer) -> list[Any]:
        balancer.publish(service(), {80: [place(1)]})
        await balancer.caught_up()
        balancer.publish(service(), {80: []})
        seen = [balancer.choose("default", "web", 80)]
        await asyncio.sleep(4.999)
        seen.append(balancer.choose("default", "web", 80))
        await asyncio.sleep(0.002)
        return [*seen, balancer.choose("default", "web", 80)]

    assert played(Fixed(5), play) == [place(1), place(1), None]


def test_how_many_connect_changes_no_delay() -> None:
    async def delays(balancer: Balancer, connections: int) -> list[float]:
        heard = []
        for _ in range(10):
            for _ in range(connections):
                balancer.choose("default", "web", 80)
            heard += await times_of(balancer, 1, every=5)
        return heard

    assert played(RANGE, lambda one: delays(one, 100)) == played(RANGE, lambda one: delays(one, 0))


def test_catching_up_is_with_what_was_published_before() -> None:
    async def play(balancer: Balancer) -> float:
        balancer.publish(service(), {80: [place(1)]})

        async def more() -> None:
            while True:
                await asyncio.sleep(0.3)
                balancer.publish(service("other"), {80: [place(2)]})

        others = asyncio.create_task(more())
        await balancer.caught_up()
        others.cancel()
        return now()

    assert played(Fixed(1), play) == 1

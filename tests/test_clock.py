"""Virtual time."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from crashy.clock import NothingScheduledError, OutsideError, run_virtual


async def test_an_hour_passes_at_once() -> None:
    async def nap() -> float:
        await asyncio.sleep(3600)
        return asyncio.get_running_loop().time()

    assert await asyncio.to_thread(run_virtual, nap(), 5.0) == pytest.approx(3605.0)


def test_timers_fire_in_their_order() -> None:
    seen: list[int] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        for delay in (3, 1, 2):
            loop.call_later(delay, seen.append, delay)
        await asyncio.sleep(10)

    run_virtual(main())

    assert seen == [1, 2, 3]


def test_a_timeout_expires_in_virtual_time() -> None:
    async def main() -> None:
        async with asyncio.timeout(60):
            await asyncio.sleep(61)

    with pytest.raises(TimeoutError):
        run_virtual(main())


def test_waiting_for_nothing_raises_instead_of_spinning() -> None:
    async def main() -> None:
        await asyncio.Event().wait()

    with pytest.raises(NothingScheduledError):
        run_virtual(main())


def test_timers_of_the_same_moment_fire_in_the_order_in_which_they_were_set() -> None:
    seen: list[int] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        timers = [loop.call_at(5, seen.append, i) for i in range(100)]
        for timer in timers[::3]:
            timer.cancel()
        await asyncio.sleep(5)

    run_virtual(main())

    assert seen == [i for i in range(100) if i % 3]


def test_what_waits_when_nothing_is_scheduled_is_named() -> None:
    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            for i in range(7):
                group.create_task(asyncio.Event().wait(), name=f"waiter-{i}")

    with pytest.raises(NothingScheduledError, match=r"waiter-0, waiter-1, .*, \.\.\.$"):
        run_virtual(main())


async def a_thread() -> None:
    await asyncio.to_thread(time.sleep, 1)


async def a_name() -> None:
    await asyncio.get_running_loop().getaddrinfo("localhost", 80)


async def a_connection() -> None:
    await asyncio.open_connection("127.0.0.1", 9)


async def a_server() -> None:
    await asyncio.start_server(lambda _, __: None, "127.0.0.1", 0)


async def a_process() -> None:
    await asyncio.create_subprocess_exec(sys.executable, "-c", "pass")


async def a_shell() -> None:
    await asyncio.create_subprocess_shell("true")


@pytest.mark.parametrize("wait", [a_thread, a_name, a_connection, a_server, a_process, a_shell])
def test_nothing_outside_can_be_waited_for(wait: Callable[[], Coroutine[Any, Any, None]]) -> None:
    with pytest.raises(OutsideError, match="virtual time can't wait for"):
        run_virtual(wait())
    gc.collect()  # a socket that was left open would be told of now


def test_other_threads_may_call_in_while_time_goes_on() -> None:
    async def main() -> float:
        loop = asyncio.get_running_loop()
        called = asyncio.Event()
        thread = threading.Thread(target=lambda: loop.call_soon_threadsafe(called.set))
        thread.start()
        for _ in range(1_000_000):
            await asyncio.sleep(1)
            if called.is_set():
                break
        thread.join()
        return loop.time()

    assert run_virtual(main()) >= 1


def test_an_error_in_a_task_comes_out() -> None:
    async def fail() -> None:
        await asyncio.sleep(10)
        raise ValueError("ill")

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(fail())
            group.create_task(asyncio.sleep(1e9))

    with pytest.raises(ExceptionGroup) as raised:
        run_virtual(main())
    assert raised.group_contains(ValueError, match="ill")


def test_ctrl_c_ends_a_long_run_at_once() -> None:
    ended: list[str] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.call_at(1000, os.kill, os.getpid(), signal.SIGINT)
        try:
            for _ in range(10_000_000):
                await asyncio.sleep(1)
        finally:
            ended.append("cleaned up")

    with pytest.raises(KeyboardInterrupt):
        run_virtual(main())
    assert ended == ["cleaned up"]


def test_a_handler_of_the_loops_own_hears_a_signal() -> None:
    async def main() -> bool:
        loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        loop.add_signal_handler(signal.SIGUSR1, stop.set)
        loop.call_at(5, os.kill, os.getpid(), signal.SIGUSR1)
        for _ in range(100_000):
            await asyncio.sleep(1)
            if stop.is_set():
                return True
        return False

    assert run_virtual(main())

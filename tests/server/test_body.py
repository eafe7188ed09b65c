"""What faults do to the process, on a process that keeps its life."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from crashy.faults.effects import Begin, Block, Deaf, End, Exit, Signal
from crashy.server.body import Body


class Ears:
    def __init__(self) -> None:
        self.heard: list[str] = []

    def close(self) -> None:
        self.heard.append("closed")

    def reopen(self) -> None:
        self.heard.append("reopened")


class Told:
    """Every call of the system's functions, in order."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *arguments: self.calls.append((name, *arguments))


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def body(loop: asyncio.AbstractEventLoop, told: Told, caught: Any = signal.SIG_DFL, ears: Ears | None = None) -> Body:
    return Body(
        loop,
        ears or Ears(),
        stuck=told.stuck,
        last_words=told.last_words,
        leave=told.leave,
        kill=told.kill,
        caught=lambda _number: caught,
        sleep=told.sleep,
    )


def test_exit_says_its_last_words_and_leaves(loop: asyncio.AbstractEventLoop) -> None:
    told = Told()
    body(loop, told).obey(Begin(Exit(3)))

    assert told.calls == [("last_words",), ("leave", 3)]


def test_a_signal_that_the_kernel_spares_process_1_becomes_the_exit_code_of_that_death(
    loop: asyncio.AbstractEventLoop,
) -> None:
    told = Told()
    body(loop, told).obey(Begin(Signal("SEGV")))

    assert told.calls == [("last_words",), ("kill", os.getpid(), signal.SIGSEGV), ("sleep", 1.0), ("leave", 139)]


@pytest.mark.parametrize("caught", [signal.SIG_IGN, lambda *_: None])
def test_a_signal_that_this_process_handles_or_ignores_becomes_its_exit_code(
    loop: asyncio.AbstractEventLoop, caught: Any
) -> None:
    told = Told()
    body(loop, told, caught).obey(Begin(Signal("TERM")))

    assert told.calls == [("last_words",), ("leave", 143)]


def test_a_blocked_loop_is_stuck_until_it_is_thawed(loop: asyncio.AbstractEventLoop) -> None:
    told, ran = Told(), threading.Event()
    patient = body(loop, told)
    patient.obey(Begin(Block()))
    patient.obey(Begin(Block(), 5.0))  # it holds already
    loop.call_soon_threadsafe(ran.set)

    assert not ran.wait(0.2)
    patient.obey(End(Block()))
    assert ran.wait(10)
    assert told.calls == [("stuck",)]


def test_thawing_a_loop_that_did_not_stand_still_yet_keeps_it_going(loop: asyncio.AbstractEventLoop) -> None:
    told, ran = Told(), threading.Event()
    patient = body(loop, told)
    held = threading.Event()
    loop.call_soon_threadsafe(held.wait, 10)
    patient.obey(Begin(Block()))
    patient.obey(End(Block()))
    patient.obey(End(Block()))
    held.set()
    loop.call_soon_threadsafe(ran.set)

    assert ran.wait(10)
    assert told.calls == []


def test_a_deaf_process_closes_and_reopens_its_listeners_on_its_loop(loop: asyncio.AbstractEventLoop) -> None:
    ears, ran = Ears(), threading.Event()
    patient = body(loop, Told(), ears=ears)
    patient.obey(Begin(Deaf()))
    patient.obey(End(Deaf()))
    loop.call_soon_threadsafe(ran.set)

    assert ran.wait(10)
    assert ears.heard == ["closed", "reopened"]

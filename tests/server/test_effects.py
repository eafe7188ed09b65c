"""What faults do to the process: on a loop of the test's own, and where it is the end, on a process of its own."""

from __future__ import annotations

import asyncio
import pkgutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator

import pytest

from crashy.engines.sim import effects as modelled_effects
from crashy.faults.base import FAULTS, parse_spec
from crashy.faults.effects import Begin, Block, End, ListenersClosed, ProcessEffects
from crashy.server import effects
from crashy.server.listeners import Listeners
from crashy.server.patient import Patient
from crashy.server.shutdown import Shutdown
from tests.server.running import until

DOOMED = """
import os, signal
from crashy.faults.effects import Begin, Exit, ProcessEffects, Signal
from crashy.faults.kinds.crash import AbortCall, StackOverflow
from crashy.server import effects

{first}
def last_words(code, message):
    print("last words", code, message, flush=True)

process = effects.Process(
    None, None, log_stuck=None, before_exit=last_words, warn=None, shutdown=None
)
ProcessEffects(effects, process).execute(Begin({effect}))
"""


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture
def stuck() -> list[str]:
    """Collect a word each time that the loop says it is stuck."""
    return []


@pytest.fixture
def act(loop: asyncio.AbstractEventLoop, stuck: list[str], make_patient: Callable[..., Patient]) -> ProcessEffects:
    process = effects.Process(
        loop,
        [],
        log_stuck=lambda: stuck.append("stuck"),
        before_exit=lambda *_: None,
        warn=lambda _: None,
        shutdown=Shutdown(make_patient()),
    )
    return ProcessEffects(effects, process)


@pytest.mark.parametrize(
    ("effect", "first", "code"),
    [
        ("Exit(3, 'bye')", "", 3),
        ("Signal('SEGV', 'bye')", "", -signal.SIGSEGV),
        ("StackOverflow('bye')", "", -signal.SIGSEGV),
        ("StackOverflow('bye')", "import faulthandler; del faulthandler._stack_overflow", -signal.SIGSEGV),
        ("AbortCall('bye')", "", -signal.SIGABRT),
        ("AbortCall('bye')", "os.getpid = lambda: 1", 134),
        ("Signal('SEGV', 'bye')", "os.kill = lambda *_: None  # as the kernel spares process 1", 139),
        ("Signal('TERM', 'bye')", "signal.signal(signal.SIGTERM, signal.SIG_IGN)", 143),
        ("Signal('TERM', 'bye')", "signal.signal(signal.SIGTERM, lambda *_: None)", 143),
    ],
)
def test_a_process_ends_after_its_last_words(effect: str, first: str, code: int) -> None:
    command = [sys.executable, "-c", DOOMED.format(effect=effect, first=first)]
    doomed = subprocess.run(command, capture_output=True, text=True, check=False)

    said = f"last words {code if code >= 0 else 128 - code} bye\n"
    assert (doomed.returncode, doomed.stdout, doomed.stderr) == (code, said, "")


def test_a_blocked_loop_is_stuck_until_it_is_thawed(
    loop: asyncio.AbstractEventLoop, act: ProcessEffects, stuck: list[str]
) -> None:
    ran = threading.Event()
    act.execute(Begin(Block()))
    act.execute(Begin(Block(), 5.0))  # it holds already
    loop.call_soon_threadsafe(ran.set)

    assert not ran.wait(0.2)
    act.execute(End(Block()))
    assert ran.wait(10)
    assert stuck == ["stuck"]


def test_thawing_a_loop_that_did_not_stand_still_yet_keeps_it_going(
    loop: asyncio.AbstractEventLoop, act: ProcessEffects, stuck: list[str]
) -> None:
    ran, held = threading.Event(), threading.Event()
    loop.call_soon_threadsafe(held.wait, 10)
    act.execute(Begin(Block()))
    act.execute(End(Block()))
    act.execute(End(Block()))
    held.set()
    loop.call_soon_threadsafe(ran.set)

    assert ran.wait(10)
    assert stuck == []


def test_closed_listeners_refuse_until_they_are_opened_again(
    loop: asyncio.AbstractEventLoop, make_patient: Callable[..., Patient]
) -> None:
    patient = make_patient()
    listeners = Listeners(patient, "PORT", "127.0.0.1", [0])
    listeners.bind()
    asyncio.run_coroutine_threadsafe(listeners.listen(asyncio.Protocol), loop).result(10)
    process = effects.Process(
        loop,
        [listeners],
        log_stuck=lambda: None,
        before_exit=lambda *_: None,
        warn=lambda _: None,
        shutdown=Shutdown(patient),
    )
    act = ProcessEffects(effects, process)

    def refused() -> bool:
        with socket.socket() as asking:
            return asking.connect_ex(("127.0.0.1", listeners.ports[0])) != 0

    assert not refused()
    act.execute(Begin(ListenersClosed()))
    until(refused, "connections are refused")
    act.execute(End(ListenersClosed()))
    until(lambda: not refused(), "connections are taken again")
    act.execute(Begin(ListenersClosed()))
    until(refused, "nothing is left open")


def test_every_effect_of_a_fault_is_there_and_modelled() -> None:
    given = [parse_spec(example).process_effect() for fault in FAULTS.values() for example in fault.examples]
    there = {module.name for module in pkgutil.iter_modules(effects.__path__)}

    assert {effect.file for effect in given if effect is not None} == there
    modelled = {effect.file for effect in given if effect is not None and not effect.not_on_sim}
    assert {module.name for module in pkgutil.iter_modules(modelled_effects.__path__)} == modelled


def test_an_effect_is_imported_when_it_is_used() -> None:
    code = "import sys, crashy.server.serve, crashy.engines.sim.patient; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()

    assert [name for name in modules if ".effects." in name] == []

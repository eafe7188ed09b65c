"""Runs a simple command beside a modelled process, in the time that it takes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus

from crashy.engines.sim.process import Condition, Hang
from crashy.patient.answers import Answer
from crashy.patient.commands import Course, Ended, Other, advance


async def execute(
    course: Course,
    now: Callable[[], float],
    within: float,
    other: Callable[[tuple[str, ...], float], Awaitable[Condition]],
    pause: Callable[[float], Awaitable[object]],
) -> Condition:
    """Run a command for at most `within` seconds, and return its outcome.

    `other` runs a program that is not modelled in the seconds that are left; without an answer of it the command has
    none. `pause` waits for seconds.
    """
    began, code, last = now(), None, Answer(body="")
    while True:
        left = began + within - now()
        wanted = advance(course, code)
        if isinstance(wanted, Ended):
            status, output = 500 if wanted.code else 200, wanted.output or last.body
            return Answer(status, output, now() - began, exit_code=wanted.code)
        code = None
        if isinstance(wanted, Other):
            condition = await other(wanted.words, left)
            if not isinstance(condition, Answer):
                return condition
            code, last = int(condition.status >= HTTPStatus.BAD_REQUEST), condition
            continue
        await pause(min(wanted, left))
        if wanted >= left:
            return Hang()

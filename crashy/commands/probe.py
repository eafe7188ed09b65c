"""`crashy probe`: an exec probe for containers; standard library only, since it starts every few seconds.

One timeout holds for all checks together, as the kubelet has one for the probe; exit 0 when all pass.
"""

from __future__ import annotations

import os
import sys
import time

from crashy.checks import FailedError, address, http, mysql, reason, redis, tcp, url
from crashy.errors import BadInput

TYPE_CHECKING = False  # importing typing and collections.abc would cost what a check does
if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Callable, Sequence
    from typing import Any

USAGE = """\
usage: crashy probe CHECK... [--timeout SECONDS] [--log FILE]

Run checks, any of them together; each prints a line to standard error. Exit 0 when all pass, 1 when one fails.

  --http URL          answers below 400 (redirects are not followed; https is not verified, as by the kubelet)
  --tcp HOST:PORT     accepts a connection
  --redis HOST:PORT   answers PING
  --mysql HOST:PORT   sends MySQL's greeting
  --file PATH         exists
  --max-load PERCENT  the load average of the last minute is below that share of the processors
  --timeout SECONDS   for all checks together (default 1s; also 500ms)
  --log FILE          append the lines to this file too (/proc/1/fd/1 is the container's standard output)

examples:
  crashy probe --http http://localhost/health --max-load 90 --log /proc/1/fd/1
  crashy probe --redis localhost:6379 --timeout 500ms
"""


def parser() -> ArgumentParser:
    """Return the arguments for shell completion; a probe itself has no time to import argparse."""
    from argparse import ArgumentParser  # noqa: PLC0415

    made = ArgumentParser("crashy probe")
    for name in (*CHECKS, "timeout", "log"):
        made.add_argument(f"--{name}", metavar="FILE" if name in {"file", "log"} else None)
    return made


def main(argv: Sequence[str]) -> int:
    """Run the checks in their order; 0 when all pass, 1 when one fails, 2 for bad input."""
    if not argv or argv[0] in ("-h", "--help"):
        print(USAGE, end="", file=sys.stdout if argv else sys.stderr)
        return 0 if argv else 2
    checks, timeout, log = _parse(argv)
    deadline = time.monotonic() + timeout
    lines = []
    failed = False
    for name, text, value in checks:
        try:
            result, level = CHECKS[name][1](value, deadline), "INFO"
        except (FailedError, OSError, ValueError) as error:
            result, level, failed = reason(error, timeout), "ERROR", True
        lines.append(f"[{_now()}] {level} - {name} {text}: {result}")
    output = "\n".join(lines) + "\n"
    sys.stderr.write(output)
    if log:
        try:
            with open(log, "a", encoding="utf-8") as file:  # noqa: PTH123 - pathlib costs a tenth of a probe
                file.write(output)
        except OSError as error:
            sys.stderr.write(f"crashy probe: --log: {log}: {error.strerror}\n")
    return int(failed)


def _now() -> str:
    now = time.time()
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now)) + f",{int(now * 1000) % 1000:03d}"


def _parse(argv: Sequence[str]) -> tuple[list[tuple[str, str, Any]], float, str]:
    """Return the checks (name, text and value of each), the timeout in seconds and the log's path."""
    checks, timeout, log = [], 1.0, ""
    words = iter(argv)
    for word in words:
        name, equals, value = word.partition("=")
        name = name.removeprefix("--")
        if not word.startswith("--") or name not in (*CHECKS, "timeout", "log"):
            raise BadInput(f"{word}: must be one of {', '.join(f'--{n}' for n in (*CHECKS, 'timeout', 'log'))}")
        if not equals:
            value = next(words, "")
        if not value:
            raise BadInput(f"--{name}: needs a value")
        if name == "timeout":
            timeout = _seconds(value)
        elif name == "log":
            log = value
        else:
            checks.append((name, value, CHECKS[name][0](name, value)))
    if not checks:
        raise BadInput(f"name at least one check: {', '.join(f'--{n}' for n in CHECKS)}")
    return checks, timeout, log


def _seconds(text: str) -> float:
    number, unit = (text[:-2], 0.001) if text.endswith("ms") else (text.removesuffix("s"), 1.0)
    if 0 < _number(number) * unit <= 3600:
        return float(number) * unit
    raise BadInput(f"--timeout: {text!r}: must be seconds such as 1s or 500ms, above 0, at most an hour")


def _percent(name: str, value: str) -> float:
    if _number(value) > 0:
        return float(value)
    raise BadInput(f"--{name}: {value!r}: must be a percentage above 0")


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return -1.0


def file(path: str, _deadline: float) -> str:
    """Look for a file; passes when it exists."""
    os.stat(path)  # noqa: PTH116 - pathlib costs a tenth of a probe
    return "exists"


def max_load(percent: float, _deadline: float) -> str:
    """Compare the load average of the last minute, in percent of the processors; passes below the given one."""
    load = os.getloadavg()[0] / (os.cpu_count() or 1) * 100
    if load >= percent:
        raise FailedError(f"the load is {load:.1f} %")
    return f"the load is {load:.1f} %"


# name -> (reads the option's value or raises BadInput, checks it and returns the result)
CHECKS: dict[str, tuple[Callable[[str, str], Any], Callable[[Any, float], str]]] = {
    "http": (url, http),
    "tcp": (address, tcp),
    "redis": (address, redis),
    "mysql": (address, mysql),
    "file": (lambda _, path: path, file),
    "max-load": (_percent, max_load),
}

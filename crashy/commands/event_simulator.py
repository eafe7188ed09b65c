"""`crashy event-simulator`: write the log of a busy web shop, as the course's image event-simulator does."""

from __future__ import annotations

import itertools
import os
import signal
import sys
import time

from crashy.errors import BadInput

TYPE_CHECKING = False
if TYPE_CHECKING:
    import random
    from argparse import ArgumentParser
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from logging import Handler, Logger
    from pathlib import Path

INFO, WARNING = 20, 30  # logging's

USERS = ("USER1", "USER2", "USER3", "USER4")
ACTIONS = ("logged in", "logged out", "is viewing page1", "is viewing page2", "is viewing page3")
LOCKED = "USER5 Failed to Login as the account is locked due to MANY FAILED ATTEMPTS."
OUT_OF_STOCK = "{user} Order failed as the item is OUT OF STOCK."
FORMAT = "[%(asctime)s] %(levelname)s in event-simulator: %(message)s"
LOG_FILE = "/log/app.log"
FILE_BYTES, FILE_COUNT = 5 * 1024 * 1024, 3

USAGE = """\
usage: crashy event-simulator [--count N]

Write a line a second until a signal ends it; a warning follows every 5th line and every 8th.

  --count N              end after N lines, warnings not counted

variables:
  LOG_HANDLERS           file, console or both (default file,console); the file is /log/app.log, 5 MiB, three of them
  OVERRIDE_USER          the user whose orders fail (default USER7)
  PRINT_SPECIAL_MESSAGE  0 leaves the warnings out (default 1)
"""


def lines(rng: random.Random, unlucky: str, *, warnings: bool) -> Iterator[list[tuple[int, str]]]:
    """Yield what each second logs, as levels and messages, without end."""
    for count in itertools.count(1):
        second = [(INFO, f"{rng.choice(USERS)} {rng.choice(ACTIONS)}")]
        if warnings and count % 5 == 0:
            second.append((WARNING, LOCKED))
        if warnings and count % 8 == 0:
            second.append((WARNING, OUT_OF_STOCK.format(user=unlucky)))
        yield second


def handlers(environ: Mapping[str, str], file: Path) -> list[Handler]:
    """Make the handlers that LOG_HANDLERS names; a file that can't be written is reported and left out."""
    names = [name.strip() for name in environ.get("LOG_HANDLERS", "file,console").split(",")]
    unknown = sorted(set(names) - {"file", "console"})
    if unknown:
        raise BadInput(f"LOG_HANDLERS: {unknown[0]!r}: must be file, console or both (file,console)")
    from logging import Formatter, StreamHandler
    from logging.handlers import RotatingFileHandler

    made: list[Handler] = []
    if "console" in names:
        made.append(StreamHandler(sys.stdout))
    if "file" in names:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            made.append(RotatingFileHandler(file, maxBytes=FILE_BYTES, backupCount=FILE_COUNT))
        except OSError as error:
            print(f"crashy event-simulator: {file}: {error.strerror}: not logged there", file=sys.stderr)
    for handler in made:
        handler.setFormatter(Formatter(FORMAT))
    return made


def parser() -> ArgumentParser:
    """Return the arguments for shell completion; the simulator itself does without argparse."""
    from argparse import ArgumentParser

    made = ArgumentParser("crashy event-simulator")
    made.add_argument("--count", help="log N lines, then end")
    return made


def main(argv: Sequence[str]) -> int:
    """Log until the count is reached or a signal arrives; return 0."""
    if argv and argv[0] in ("-h", "--help"):
        print(USAGE, end="")
        return 0
    import random
    from contextlib import suppress
    from logging import Logger
    from pathlib import Path

    count = _count(argv)
    environ = os.environ
    logger = Logger("event-simulator")
    for handler in handlers(environ, Path(LOG_FILE)):
        logger.addHandler(handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with suppress(KeyboardInterrupt):
        run(logger, environ, time.sleep, random.Random(), count)
    return 0


def _count(argv: Sequence[str]) -> int | None:
    if not argv:
        return None
    option, number = argv[0], " ".join(argv[1:])
    if option != "--count":
        raise BadInput(f"{option}: no such option; there is --count N")
    if not (number.isdecimal() and int(number) > 0):
        raise BadInput(f"--count: {number!r}: must be a whole number, 1 or more")
    return int(number)


def run(
    logger: Logger, environ: Mapping[str, str], sleep: Callable[[float], None], rng: random.Random, count: int | None
) -> None:
    """Log a second's lines, sleep a second, and so on; `count` times, or without end."""
    warnings = environ.get("PRINT_SPECIAL_MESSAGE", "1").lower() not in {"0", "false", "no"}
    simulated = lines(rng, environ.get("OVERRIDE_USER", "USER7"), warnings=warnings)
    for number, second in enumerate(simulated, 1):
        for level, message in second:
            logger.log(level, message)
        if number == count:
            return
        sleep(1)

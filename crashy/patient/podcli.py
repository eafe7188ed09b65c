"""The command line of `podcli check`, read for the command and for the sim; imports next to nothing, as a probe."""

from __future__ import annotations

from crashy.errors import BadInput

TYPE_CHECKING = False  # importing typing would cost a probe
if TYPE_CHECKING:
    from collections.abc import Sequence

KINDS = ("http", "tcp", "grpc")
OPTIONS = ("retry", "delay", "timeout", "service")


class Check:
    """A check of an address; `delay` and `timeout` in seconds, `retry` is the number of tries after the first."""

    def __init__(self, kind: str, address: str, options: dict[str, str]) -> None:
        self.kind = kind
        self.address = address
        self.service = options["service"]
        if not options["retry"].isdecimal() or len(options["retry"]) > 4:
            raise BadInput(f"--retry: {options['retry'][:80]!r}: must be a number of more tries, at most 9999")
        self.retry = int(options["retry"])
        self.delay = _seconds("delay", options["delay"])
        self.timeout = _seconds("timeout", options["timeout"])

    @property
    def place(self) -> tuple[str, int, str]:
        """Return the host, the port and the path that it asks."""
        plain = self.address.partition("://")[2] or self.address
        place, slash, path = plain.partition("/")
        host, _, port = place.partition(":")
        return host, int(port) if port.isdecimal() else 80, slash + path


def parse(argv: Sequence[str]) -> Check:
    """Read `check KIND ADDRESS` and its options; raises BadInput."""
    options = {"retry": "0", "delay": "1s", "timeout": "5s", "service": ""}
    plain = []
    words = iter(argv)
    for word in words:
        name, equals, value = word.removeprefix("--").partition("=")
        if not word.startswith("--"):
            plain.append(word)
        elif name in options:
            options[name] = value if equals else next(words, "")
        elif name != "method" or (value if equals else next(words, "")) != "GET":
            raise BadInput(f"{word[:80]}: must be one of {', '.join(f'--{option}' for option in OPTIONS)}")
    if len(plain) != 3 or plain[0] != "check" or plain[1] not in KINDS:
        raise BadInput(f"{' '.join(argv)[:80]!r}: must be check {'|'.join(KINDS)} ADDRESS")
    return Check(plain[1], plain[2], options)


def _seconds(name: str, text: str) -> float:
    number, unit = (text[:-2], 0.001) if text.endswith("ms") else (text.removesuffix("s"), 1.0)
    if number == text or not number.replace(".", "", 1).isdecimal() or float(number) > 3_600_000:
        raise BadInput(f"--{name}: {text[:80]!r}: must be a duration such as 5s or 500ms")
    return float(number) * unit

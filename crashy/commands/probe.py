"""`crashy probe`: an exec probe for containers; standard library only, since it starts every few seconds.

One timeout holds for all checks together, as the kubelet has one for the probe; exit 0 when all pass.
"""

from __future__ import annotations

import os
import sys
import time

from crashy.errors import BadInput

try:
    import _socket as sockets  # the C half, all that is needed: `socket` costs two thirds of Python's own start
except ImportError:  # it is CPython's
    import socket as sockets  # type: ignore[no-redef]

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


class FailedError(Exception):
    """A check failed: the message says how."""


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
            result, level, failed = _reason(error, timeout), "ERROR", True
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


def _reason(error: Exception, timeout: float) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {timeout:g}s"
    return getattr(error, "strerror", None) or str(error)


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


def _address(name: str, value: str) -> tuple[str, int]:
    host, _, port = value.rpartition(":")
    if not host or not port.isdecimal() or not 1 <= int(port) <= 65535:
        raise BadInput(f"--{name}: {value!r}: must be HOST:PORT, the port from 1 to 65535")
    return host.strip("[]"), int(port)


def _url(name: str, value: str) -> tuple[bool, str, int, str]:
    scheme, slashes, rest = value.partition("://")
    place, _, path = rest.partition("/")
    if slashes and scheme in ("http", "https") and place.isascii() and value.isprintable() and " " not in value:
        host, colon, port = place.rpartition(":") if not place.endswith("]") else (place, "", "")
        if not colon:
            host, port = place, "443" if scheme == "https" else "80"
        if host and port.isdecimal() and 1 <= int(port) <= 65535:
            return scheme == "https", host.strip("[]"), int(port), f"/{path.partition('#')[0]}"
    raise BadInput(f"--{name}: {value!r}: must be http(s)://HOST[:PORT][/PATH]")


def _percent(name: str, value: str) -> float:
    if _number(value) > 0:
        return float(value)
    raise BadInput(f"--{name}: {value!r}: must be a percentage above 0")


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return -1.0


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _connect(address: tuple[str, int], deadline: float) -> sockets.socket:
    # As bytes: getaddrinfo imports a codec for names that are text.
    host, port = address
    refused = OSError(f"{host}: no address")
    for family, kind, protocol, _, place in sockets.getaddrinfo(host.encode(), port, 0, sockets.SOCK_STREAM):
        connection = sockets.socket(family, kind, protocol)
        try:
            connection.settimeout(_left(deadline))
            connection.connect(place)
        except OSError as error:
            connection.close()
            refused = error
        else:
            return connection
    raise refused


def _ask(address: tuple[str, int], question: bytes, enough: Callable[[bytes], bool], deadline: float) -> bytes:
    """Connect, send the question, and read until the answer is enough or the other side closes."""
    connection = _connect(address, deadline)
    try:
        return _exchange(connection, question, enough, deadline)
    finally:
        connection.close()


def _exchange(connection: sockets.socket, question: bytes, enough: Callable[[bytes], bool], deadline: float) -> bytes:
    connection.settimeout(_left(deadline))
    connection.sendall(question)
    got = b""
    while not enough(got):
        connection.settimeout(_left(deadline))
        more = connection.recv(4096)
        if not more:
            break
        got += more
        if len(got) > 65_536:
            raise FailedError("the answer is longer than 64 KiB")
    return got


def _line(got: bytes) -> bool:
    return b"\r\n" in got


def _packet(got: bytes) -> bool:
    return len(got) >= 4 and len(got) >= 4 + int.from_bytes(got[:3], "little")


def _ask_tls(address: tuple[str, int], question: bytes, deadline: float) -> bytes:
    import socket  # noqa: PLC0415 - thirty milliseconds that only https pays
    import ssl  # noqa: PLC0415

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.socket(fileno=_connect(address, deadline).detach()) as plain:
        plain.settimeout(_left(deadline))
        with context.wrap_socket(plain, server_hostname=address[0]) as connection:
            return _exchange(connection, question, _line, deadline)


def http(url: tuple[bool, str, int, str], deadline: float) -> str:
    """GET a URL; passes below 400."""
    tls, host, port, path = url
    name = f"[{host}]" if ":" in host else host
    question = (
        f"GET {path} HTTP/1.1\r\nHost: {name}:{port}\r\nUser-Agent: crashy-probe\r\nAccept: */*\r\n"
        "Connection: close\r\n\r\n"
    ).encode()
    answer = _ask_tls((host, port), question, deadline) if tls else _ask((host, port), question, _line, deadline)
    head = answer.split(b"\r\n")[0].split(b" ")
    if len(head) < 2 or not head[0].startswith(b"HTTP/1.") or not head[1].isdigit():
        raise FailedError("closed without an answer" if head == [b""] else "does not speak HTTP")
    if int(head[1]) >= 400:
        raise FailedError(f"answers {int(head[1])}")
    return f"answers {int(head[1])}"


def tcp(address: tuple[str, int], deadline: float) -> str:
    """Connect; passes when the connection is accepted."""
    _connect(address, deadline).close()
    return "accepts a connection"


def redis(address: tuple[str, int], deadline: float) -> str:
    """Send PING; passes on PONG, and on NOAUTH: it runs and answers."""
    got = _ask(address, b"*1\r\n$4\r\nPING\r\n", _line, deadline)
    answer = got.split(b"\r\n")[0].decode("utf-8", "replace")
    if answer == "+PONG":
        return "answers PONG"
    if answer.startswith("-NOAUTH"):
        return "answers, and requires a password"
    raise FailedError(f"answers {answer[:200]!r}" if answer else "closed without an answer")


def mysql(address: tuple[str, int], deadline: float) -> str:
    """Read the greeting packet; passes on protocol version 10."""
    packet = _ask(address, b"", _packet, deadline)
    body = packet[4:]
    if body[:1] == b"\x0a":
        version = body[1:].split(b"\0")[0].decode("utf-8", "replace")
        return f"greets as {version[:80]}"
    if body[:1] == b"\xff":
        raise FailedError(f"refuses: {body[3:].decode('utf-8', 'replace')[:200]}")
    raise FailedError("sends no greeting of MySQL" if packet else "closed without a greeting")


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
    "http": (_url, http),
    "tcp": (_address, tcp),
    "redis": (_address, redis),
    "mysql": (_address, mysql),
    "file": (lambda _, path: path, file),
    "max-load": (_percent, max_load),
}

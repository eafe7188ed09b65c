"""Checks of what an app depends on: Redis, MySQL, HTTP and TCP, asked by plain sockets, each until a deadline.

`crashy probe` and the patient's watch use them. A probe starts every few seconds: no import here costs anything.
"""

from __future__ import annotations

import time

from crashy.errors import BadInput

try:
    import _socket as sockets  # the C half, all that is needed: `socket` costs two thirds of Python's own start
except ImportError:  # it is CPython's
    import socket as sockets  # type: ignore[no-redef]

TYPE_CHECKING = False  # importing typing and collections.abc would cost what a check does
if TYPE_CHECKING:
    from collections.abc import Callable


class FailedError(Exception):
    """A check failed: the message says how."""


def reason(error: Exception, timeout: float) -> str:
    """Return why a check failed, in a few words."""
    if isinstance(error, TimeoutError):
        return f"no answer within {timeout:g}s"
    return getattr(error, "strerror", None) or str(error)


def address(name: str, value: str) -> tuple[str, int]:
    """Read HOST:PORT, the value of the option `name`; raises BadInput."""
    host, _, port = value.rpartition(":")
    if not host or not port.isdecimal() or not 1 <= int(port) <= 65535:
        raise BadInput(f"--{name}: {value!r}: must be HOST:PORT, the port from 1 to 65535")
    return host.strip("[]"), int(port)


def url(name: str, value: str) -> tuple[bool, str, int, str]:
    """Read a URL: whether it is https, host, port, and path with query; raises BadInput."""
    scheme, slashes, rest = value.partition("://")
    place, _, path = rest.partition("/")
    if slashes and scheme in ("http", "https") and place.isascii() and value.isprintable() and " " not in value:
        host, colon, port = place.rpartition(":") if not place.endswith("]") else (place, "", "")
        if not colon:
            host, port = place, "443" if scheme == "https" else "80"
        if host and port.isdecimal() and 1 <= int(port) <= 65535:
            return scheme == "https", host.strip("[]"), int(port), f"/{path.partition('#')[0]}"
    raise BadInput(f"--{name}: {value!r}: must be http(s)://HOST[:PORT][/PATH]")


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


def _ask_tls(address: tuple[str, int], host: str, question: bytes, deadline: float) -> bytes:
    import socket  # noqa: PLC0415 - thirty milliseconds that only https pays
    import ssl  # noqa: PLC0415

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.socket(fileno=_connect(address, deadline).detach()) as plain:
        plain.settimeout(_left(deadline))
        with context.wrap_socket(plain, server_hostname=host) as connection:
            return _exchange(connection, question, _line, deadline)


def http(url: tuple[bool, str, int, str], deadline: float, at: tuple[str, int] | None = None) -> str:
    """GET a URL, from the address `at` if it is known; passes below 400."""
    tls, host, port, path = url
    name = f"[{host}]" if ":" in host else host
    question = (
        f"GET {path} HTTP/1.1\r\nHost: {name}:{port}\r\nUser-Agent: crashy-probe\r\nAccept: */*\r\n"
        "Connection: close\r\n\r\n"
    ).encode()
    place = at or (host, port)
    answer = _ask_tls(place, host, question, deadline) if tls else _ask(place, question, _line, deadline)
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


_USER = b"\0\x82\x08\0" + b"\0\0\0\x01" + b"\x21" + bytes(23) + b"crashy\0" + b"\0" + b"mysql_native_password\0"
_LOGIN = len(_USER).to_bytes(3, "little") + b"\x01" + _USER
"""HandshakeResponse41 of a user without a password, whom the server denies access."""
_NO_PASSWORD = b"\x01\0\0\x03\0"
"""The answer to AuthSwitchRequest."""


def mysql(address: tuple[str, int], deadline: float) -> str:
    """Read the greeting packet; passes on protocol version 10."""
    connection = _connect(address, deadline)
    try:
        packet = _exchange(connection, b"", _packet, deadline)
        body = packet[4:]
        if body[:1] == b"\xff":
            raise FailedError(f"refuses: {body[3:].decode('utf-8', 'replace')[:200]}")
        if body[:1] != b"\x0a":
            raise FailedError("sends no greeting of MySQL" if packet else "closed without a greeting")
        _log_in(connection, deadline)
    finally:
        connection.close()
    version = body[1:].split(b"\0")[0].decode("utf-8", "replace")
    return f"greets as {version[:80]}"


def _log_in(connection: sockets.socket, deadline: float) -> None:
    """Finish the handshake: of hosts that leave it so a server blocks all connections, by default after 100 of them.

    Source: MySQL: max_connect_errors, which counts handshakes that are cut short and not users who are denied access.
    """
    try:
        if _exchange(connection, _LOGIN, _packet, deadline)[4:5] == b"\xfe":
            _exchange(connection, _NO_PASSWORD, _packet, deadline)
    except ConnectionError:
        pass  # it has greeted

"""`crashy proxy`: stand before a server, and make its connections ill."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Iterator, Sequence

from crashy.commands.arguments import Parser
from crashy.commands.serve import begin, importing
from crashy.errors import BadInput
from crashy.faults.base import Fault, FaultError, parse_spec
from crashy.faults.proxied import proxied
from crashy.patient import ADMIN_PORT
from crashy.patient.settings import Settings, load

_VARIABLES = ("HOST", "ADMIN_PORT", "ADMIN_TOKEN", "ACCESS_LOG", "DRAIN_SECONDS", "LOG_FORMAT", "METRICS")
"""The settings of `crashy serve` that a proxy has too."""
_HOST = r"\[[0-9A-Fa-f:.]*(?:%\w+)?\]|[0-9A-Za-z][0-9A-Za-z._-]*"
_Place = tuple[str, int]
_EXAMPLES = """\
examples:
  crashy proxy 6380 127.0.0.1:6379
  crashy proxy 6380 127.0.0.1:6379 --fault 'latency delay=200ms' --fault 'reset p=0.05 after=30s'
  crashy proxy :8000 127.0.0.1:5000 --http --fault 'error code=503 routes=/api/* times=3'
  crashy inject 'bandwidth rate=1Mi for=1m'; crashy status; crashy recover

The variables HOST, ADMIN_PORT, ADMIN_TOKEN, ACCESS_LOG, DRAIN_SECONDS, LOG_FORMAT and METRICS are those of serve.
SIGTERM ends it: once no new connection has come for half a second and the open ones have ended, at most DRAIN_SECONDS.
"""


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments."""
    made = Parser(
        "crashy proxy",
        description="Accept connections and lead them to a server, through faults that are the same, and are injected "
        "and recovered in the same ways, as a patient's.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    made.add_argument(
        "pairs",
        nargs="*",
        metavar="LISTEN UPSTREAM",
        help="where to listen, as PORT or HOST:PORT (host: HOST, or 127.0.0.1), and the server, as HOST:PORT; several "
        "such pairs have the same faults",
    )
    made.add_argument(
        "--fault", action="append", default=[], metavar="SPEC", help="inject this fault at the start; repeatable"
    )
    made.add_argument(
        "--http",
        action="store_true",
        help="read HTTP/1.1 where a connection speaks it, so that faults act on requests, chosen by routes, methods "
        "and headers; without it each connection is taken as a whole",
    )
    made.add_argument(
        "--admin-port", metavar="PORT", help=f"where the admin API is (default {ADMIN_PORT}; 0: any; empty: nowhere)"
    )
    made.add_argument(
        "--toxiproxy",
        metavar="PORT",
        help="serve Toxiproxy's HTTP API there (its own port is 8474; 0: any) for its clients, who make more proxies: "
        "LISTEN and UPSTREAM may be left out",
    )
    return made


def main(argv: Sequence[str]) -> int:
    """Run the proxy until a signal ends it."""
    args = parser().parse_args(argv)
    faults = [_fault(text, http=args.http) for text in args.fault]
    toxiproxy = None
    if args.toxiproxy is not None:
        host, toxiproxy = _place("--toxiproxy", args.toxiproxy, "a port, as 8474", least=0)
        if host:
            raise _wrong("--toxiproxy", args.toxiproxy, "a port, as 8474, on the host that is HOST")
    pairs = [*_pairs(args.pairs)]
    if not pairs and toxiproxy is None:
        raise BadInput("LISTEN UPSTREAM: are missing: where to listen and where to lead, as 6380 127.0.0.1:6379")
    environ = {name: os.environ[name] for name in _VARIABLES if name in os.environ}
    environ["PORT"] = "0"  # each pair has its own
    if args.admin_port is not None:
        environ["ADMIN_PORT"] = args.admin_port
    settings = load([], environ)
    _check(pairs, settings)
    begin()
    with importing():
        from crashy.server.proxy import serve  # noqa: PLC0415 - after what may be wrong
        from crashy.server.proxy_patient import Pair, Place  # noqa: PLC0415
    made = [Pair(Place(*listen), Place(*upstream)) for listen, upstream in pairs]
    return serve(settings, made, faults, reads_http=args.http, toxiproxy=toxiproxy)


def _pairs(words: Sequence[str]) -> Iterator[tuple[_Place, _Place]]:
    if len(words) % 2:
        raise BadInput(f"UPSTREAM: is missing: where {words[-1]!r} leads, as 6380 127.0.0.1:6379")
    for listen, upstream in zip(words[::2], words[1::2], strict=True):
        where = _place("LISTEN", listen, "PORT or HOST:PORT", least=0)
        server = _place("UPSTREAM", upstream, "HOST:PORT, as 127.0.0.1:6379", least=1)
        if not server[0]:
            raise _wrong("UPSTREAM", upstream, "HOST:PORT, as 127.0.0.1:6379")
        yield where, server


def _check(pairs: Sequence[tuple[_Place, _Place]], settings: Settings) -> None:
    """Raise BadInput for ports that are named twice, and for a proxy that would lead to itself."""
    places = [(host or settings.host, port) for (host, port), _ in pairs]
    for (_, port), (_, upstream) in zip(places, pairs, strict=True):
        if port and port == settings.admin_port:
            raise BadInput(f"--admin-port: {port}: is where a proxy listens: choose another")
        if any(_is_at(upstream, place) for place in places):
            raise BadInput(f"UPSTREAM: '{upstream[0]}:{upstream[1]}': is where a proxy listens itself")
    if twice := next((place for place in places if place[1] and places.count(place) > 1), None):
        raise BadInput(f"LISTEN: '{twice[0]}:{twice[1]}': is given twice")


def _is_at(upstream: _Place, listens: _Place) -> bool:
    """Return whether a server is the listener itself, as far as the names show it."""
    (host, port), (own, number) = upstream, listens
    here = host in {"localhost", "::1"} or host.startswith("127.")
    return port == number and (host == own or (here and own in {"0.0.0.0", "::", "localhost"}))


def _fault(text: str, *, http: bool) -> Fault:
    try:
        return proxied(parse_spec(text), reads_http=http)
    except FaultError as error:
        raise BadInput(f"--fault: {text!r}: {error}") from None


def _place(name: str, text: str, form: str, *, least: int) -> _Place:
    """Read PORT, :PORT or HOST:PORT; the host is empty where none is given. Raises BadInput."""
    found = re.fullmatch(rf"(?:({_HOST})?:)?([0-9]{{1,5}})", text)
    if not found or not least <= int(found[2]) <= 65535:
        raise _wrong(name, text, f"{form}, a port at most 65535" if found and int(found[2]) > 65535 else form)
    return (found[1] or "").strip("[]"), int(found[2])


def _wrong(name: str, text: str, form: str) -> BadInput:
    return BadInput(f"{name}: {text!r}: must be {form}")

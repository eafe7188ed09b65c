"""`crashy proxy`: stand before a server, and make its connections ill."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Sequence

from crashy.commands.arguments import Parser
from crashy.commands.serve import begin, importing
from crashy.errors import BadInput
from crashy.faults.base import Fault, FaultError, parse_spec
from crashy.faults.proxied import proxied
from crashy.patient import ADMIN_PORT
from crashy.patient.settings import load

_VARIABLES = ("HOST", "ADMIN_PORT", "ADMIN_TOKEN", "ACCESS_LOG", "DRAIN_SECONDS", "LOG_FORMAT", "METRICS")
"""The settings of `crashy serve` that a proxy has too."""
_HOST = r"\[[0-9A-Fa-f:.]*(?:%\w+)?\]|[0-9A-Za-z][0-9A-Za-z._-]*"
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
        "listen", metavar="LISTEN", nargs="?", help="where to listen: PORT or HOST:PORT (host: HOST, or 127.0.0.1)"
    )
    made.add_argument("upstream", metavar="UPSTREAM", nargs="?", help="the server: HOST:PORT")
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
        _, toxiproxy = _place("--toxiproxy", args.toxiproxy, "a port, as 8474", least=0)
    if args.upstream is None and (toxiproxy is None or args.listen is not None):
        raise BadInput("LISTEN UPSTREAM: where to listen and where to lead: as 6380 127.0.0.1:6379")
    host, port = _place("LISTEN", args.listen or "0", "PORT or HOST:PORT", least=0)
    upstream = None if args.upstream is None else _upstream(args.upstream)
    environ = {name: os.environ[name] for name in _VARIABLES if name in os.environ}
    environ["PORT"] = str(port)
    if host:
        environ["HOST"] = host
    if args.admin_port is not None:
        environ["ADMIN_PORT"] = args.admin_port
    if port and environ.get("ADMIN_PORT", str(ADMIN_PORT)) == str(port):
        raise BadInput(f"--admin-port: {port}: is where the proxy itself listens: choose another")
    begin()
    settings = load([], environ)
    if upstream == (settings.host, port):
        raise BadInput(f"UPSTREAM: {args.upstream!r}: is the proxy itself")
    with importing():
        from crashy.server.proxy import serve  # noqa: PLC0415 - after what may be wrong
        from crashy.server.proxy_patient import Place  # noqa: PLC0415
    lead = None if upstream is None else Place(*upstream)
    return serve(settings, lead, faults, reads_http=args.http, toxiproxy=toxiproxy)


def _fault(text: str, *, http: bool) -> Fault:
    try:
        return proxied(parse_spec(text), reads_http=http)
    except FaultError as error:
        raise BadInput(f"--fault: {text!r}: {error}") from None


def _upstream(text: str) -> tuple[str, int]:
    form = "HOST:PORT, as 127.0.0.1:6379"
    found = _place("UPSTREAM", text, form, least=1)
    if not found[0]:
        raise _wrong("UPSTREAM", text, form)
    return found


def _place(name: str, text: str, form: str, *, least: int) -> tuple[str, int]:
    """Read PORT, :PORT or HOST:PORT; the host is empty where none is given. Raises BadInput."""
    found = re.fullmatch(rf"(?:({_HOST})?:)?([0-9]{{1,5}})", text)
    if not found or not least <= int(found[2]) <= 65535:
        raise _wrong(name, text, form)
    return (found[1] or "").strip("[]"), int(found[2])


def _wrong(name: str, text: str, form: str) -> BadInput:
    return BadInput(f"{name}: {text!r}: must be {form}")

"""`podcli check http|tcp|grpc ADDRESS`: the exec probe of podinfo's manifests. podinfo: cmd/podcli/check.go.

It succeeds below 400 and exits 1 else, as there, but begins at once: the original waits --delay before its first try.
`localhost` is where a patient of this container listens: HOST. grpc needs the extra `grpc`.
"""

from __future__ import annotations

import os
import sys
import time

from crashy import checks
from crashy.errors import BadInput
from crashy.patient.podcli import OPTIONS, parse

TYPE_CHECKING = False  # as in `probe`: importing typing would cost a probe
if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Callable, Sequence

USAGE = "usage: podcli check http|tcp|grpc ADDRESS [--retry N] [--delay 1s] [--timeout 5s] [--service NAME]\n"


def parser() -> ArgumentParser:
    """Return the arguments for shell completion."""
    from argparse import ArgumentParser  # noqa: PLC0415

    made = ArgumentParser("podcli")
    for name in OPTIONS:
        made.add_argument(f"--{name}")
    return made


def main(argv: Sequence[str]) -> int:
    """Check an address; 0 when it is well, 1 when not, 2 for bad input."""
    if argv and argv[0] in ("-h", "--help"):
        print(USAGE, end="")
        return 0
    check = parse(argv)
    address = check.address
    for number in range(check.retry + 1):
        if number:
            time.sleep(check.delay)
        try:
            result = CHECKS[check.kind](address, time.monotonic() + check.timeout, check.service)
        except BadInput:
            raise
        except TimeoutError:
            _log("check failed", address, f"no answer within {check.timeout:g}s")
        except (checks.FailedError, OSError, ValueError) as error:
            _log("check failed", address, getattr(error, "strerror", None) or str(error))
        else:
            _log("check succeed", address, result)
            return 0
    return 1


def _log(message: str, address: str, result: str) -> None:
    import json  # noqa: PLC0415 - after the check, which is what it is about

    line = {"level": "info", "ts": time.strftime("%Y-%m-%dT%H:%M:%S"), "msg": message, "address": address}
    sys.stderr.write(json.dumps({**line, "result": result}, separators=(",", ":")) + "\n")


def _http(address: str, deadline: float, _service: str) -> str:
    url = address if address.startswith(("http://", "https://")) else f"http://{address}"
    scheme, _, rest = url.partition("://")
    place, slash, path = rest.partition("/")
    return checks.http(checks.url("http", f"{scheme}://{_own(place)}{slash}{path}"), deadline)


def _tcp(address: str, deadline: float, _service: str) -> str:
    return checks.tcp(checks.address("tcp", _own(address)), deadline)


def _grpc(address: str, deadline: float, service: str) -> str:
    from crashy.server.grpc_client import check  # noqa: PLC0415 - an extra, for this check alone

    host, port = checks.address("grpc", _own(address))
    return check(host, port, service, deadline)


def _own(place: str) -> str:
    host, colon, port = place.partition(":")
    own = os.environ.get("HOST", "")
    here = own if host == "localhost" and own not in ("", "0.0.0.0", "::") else host
    return f"{here}{colon}{port}"


CHECKS: dict[str, Callable[[str, float, str], str]] = {"http": _http, "tcp": _tcp, "grpc": _grpc}

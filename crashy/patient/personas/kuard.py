"""kuard of "Kubernetes: Up and Running": /healthy and /ready, whose next answers PUT …/api makes fail.

kubernetes-up-and-running/kuard: pkg/debugprobe, pkg/app. Its history has the kubelet's probes alone: kuard's own counts
browsers too. /fs, which shows every file of the container, and /env, which shows its secrets, are left out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial

from crashy.faults.base import Fault
from crashy.faults.kinds.unlive import Unlive
from crashy.faults.kinds.unready import Unready
from crashy.faults.scope import Scope
from crashy.patient.answers import Answer
from crashy.patient.flags import BOOL, INT, TEXT, Flags, Played, read, refuse
from crashy.patient.personas.routes import KubeletProbe, PersonaReply, PersonaRequest, PersonaRoute

MOST = 1_000_000
KEPT = 20
"""The probes in the history."""

_FAULTS: Mapping[str, type[Unready | Unlive]] = {"/ready": Unready, "/healthy": Unlive}
_NO_CACHE = (
    ("Expires", "Thu, 01 Jan 1970 00:00:00 UTC"),
    ("Cache-Control", "no-cache, private, max-age=0"),
    ("Pragma", "no-cache"),
)


def fail_next(kind: type[Unready | Unlive], count: int) -> tuple[Fault, ...]:
    """Return the fault that fails the next probes: so many, all if negative, none if 0."""
    if not count:
        return ()
    return (kind(scope=Scope(times=count if count > 0 else None)),)


def _left(path: str, asked: PersonaRequest) -> int:
    """Return how many probes of a path will fail next; -1 if all."""
    for injected in asked.faults():
        if isinstance(injected.fault, _FAULTS[path]) and injected.state == "active":
            times = injected.fault.scope.times
            return -1 if times is None else times - injected.hits
    return 0


def _get(path: str, asked: PersonaRequest) -> PersonaReply:
    return _status(path, asked, _left(path, asked))


def _put(path: str, asked: PersonaRequest) -> PersonaReply:
    try:
        given = json.loads(asked.body)
        count = given.get("failNext", 0) if isinstance(given, dict) else None
    except (ValueError, RecursionError):  # not JSON, not UTF-8, or without an end
        count = None
    if not isinstance(count, int) or isinstance(count, bool) or abs(count) > MOST:
        text = f'must be JSON such as {{"failNext": 3}}: a whole number, at most {MOST}, negative to fail for ever\n'
        return PersonaReply(Answer(400, text))
    kind = _FAULTS[path]
    changed = _status(path, asked, max(count, -1))
    return changed._replace(recover=(kind.name,), inject=fail_next(kind, count))


def _status(path: str, asked: PersonaRequest, left: int) -> PersonaReply:
    history = [_seen(one, asked.now) for one in reversed(asked.seen(path)[-KEPT:])]
    body = json.dumps({"probePath": path, "failNext": left, "history": history}, separators=(",", ":")) + "\n"
    return PersonaReply(Answer(body=body, content_type="application/json"), _NO_CACHE)


def _seen(seen: KubeletProbe, now: float) -> dict[str, object]:
    at = datetime.fromtimestamp(now - seen.ago, UTC)
    when = f"{at:%b} {at.day:2} {at:%H:%M:%S}"
    return {"id": seen.number, "when": when, "relWhen": relative(seen.ago), "code": seen.status}


def relative(seconds: float) -> str:
    """Return how long ago something was.

    >>> relative(0.3), relative(1.2), relative(59), relative(61), relative(7200)
    ('now', '1 second ago', '59 seconds ago', '1 minute ago', '2 hours ago')
    """
    for unit, size in (("hour", 3600), ("minute", 60), ("second", 1)):
        if count := int(seconds // size):
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "now"


ROUTES = {
    "kuard": tuple(
        route
        for path in _FAULTS
        for route in (
            PersonaRoute(("GET",), f"{path}/api", partial(_get, path), control=True),
            PersonaRoute(("PUT",), f"{path}/api", partial(_put, path), changes=True, control=True),
        )
    )
}

FLAGS: Flags = {
    "address": TEXT,
    "liveness-fail-next": INT,
    "readiness-fail-next": INT,
    "debug": BOOL,
    "debug-sitedata-dir": TEXT,
    "tls-address": TEXT,
    "tls-dir": TEXT,
    "keygen-enable": BOOL,
    "keygen-exit-code": INT,
    "keygen-exit-on-complete": BOOL,
    "keygen-memq-queue": TEXT,
    "keygen-memq-server": TEXT,
    "keygen-num-to-gen": INT,
    "keygen-time-to-run": INT,
}


def played(words: Sequence[str], _environ: Mapping[str, str]) -> Played:
    """Return the patient's settings for kuard's flags; raises BadInput."""
    given = read("kuard", words, FLAGS)
    port = given.take("address", ":8080").rpartition(":")[2]
    if not port.isdecimal():
        raise refuse("address", port, "an address such as :8080")
    live, ready = int(given.take("liveness-fail-next", "0")), int(given.take("readiness-fail-next", "0"))
    faults = (*fail_next(Unlive, live), *fail_next(Unready, ready))
    return given.played("kuard", PORT=port, FAULTS="; ".join(fault.to_spec() for fault in faults))

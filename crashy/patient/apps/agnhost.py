"""agnhost of Kubernetes' own tests: `netexec` (persona agnhost) and `liveness`, which is well for ten seconds.

kubernetes: test/images/agnhost/netexec/netexec.go and liveness/server.go. /shell, /upload and /dial, by which anybody
may run, write and reach anything, are left out, as are its UDP and SCTP servers; a mistake gets 400, not 200.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from crashy.errors import BadInput
from crashy.faults.kinds.crash import Crash
from crashy.faults.scope import Scope
from crashy.patient.answers import Answer
from crashy.patient.apps import AppRoute, Asked, Reply
from crashy.patient.flags import INT, TEXT, Flags, Played, read, seconds

_ANY = ("GET", "HEAD", "POST", "PUT")
_QUIET = ("GET", "POST", "PUT")  # of what changes something: HEAD is what link checkers send
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_DIGITS = 4
_LONGEST = 24 * 3600.0  # seconds, as a fault's `after`


def _text(text: str, status: int = 200) -> Reply:
    return Reply(Answer(status, text))


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)  # as Go's %q, for what people write


def _root(asked: Asked) -> Reply:
    now = datetime.fromtimestamp(asked.now, UTC)
    return _text(f"NOW: {now:%Y-%m-%d %H:%M:%S.%f}000 +0000 UTC m=+{asked.uptime:.9f}")


def _client_ip(asked: Asked) -> Reply:
    return _text(asked.remote)


def _header(asked: Asked) -> Reply:
    if key := asked.query.get("key", ""):
        return _text(next((value for name, value in asked.headers if name.lower() == key.lower()), ""))
    return _text(json.dumps(canonical(asked.headers), separators=(",", ":"), sort_keys=True))


def canonical(headers: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    """Return headers as Go keeps them: without Host, each name with all its values.

    >>> canonical([("accept", "a"), ("HOST", "b"), ("Accept", "c")])
    {'Accept': ['a', 'c']}
    """
    found: dict[str, list[str]] = {}
    for name, value in headers:
        if name.lower() != "host":
            found.setdefault("-".join(word.capitalize() for word in name.split("-")), []).append(value)
    return found


def _hostname(asked: Asked) -> Reply:
    return _text(asked.who.pod)


def _number(text: str) -> int:
    """Return a number of few digits, -1 for any other text."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _DIGITS else -1


def _echo(asked: Asked) -> Reply:
    code = asked.query.get("code", "")
    if code and not 200 <= _number(code) <= 599:
        return _text(f"argument 'code' must be an integer or empty, got {_quoted(code)}\n", 400)
    return _text(asked.query.get("msg", ""), int(code or 200))


def _seconds(text: str) -> float:
    found = seconds(text)
    return -1.0 if found is None else found


def _exit(asked: Asked) -> Reply:
    code, wait = asked.query.get("code", ""), asked.query.get("wait", "")
    for name in ("timeout", "wait"):
        text = asked.query.get(name, "")
        if text and not 0 <= _seconds(text) <= _LONGEST:
            text = f"argument '{name}' must be a valid golang duration or empty, got {_quoted(text)}\n"
            return _text(text, 400)
    if code and not 0 <= _number(code) <= 127:
        return _text(f"argument 'code' must be an integer [0-127] or empty, got {_quoted(code)}\n", 400)
    after = _seconds(wait) if wait else 0.0
    crash = Crash(code=int(code or 0), scope=Scope(after=after))
    return Reply(Answer(body="", latency=after), inject=(crash,))


def _shutdown(_asked: Asked) -> Reply:
    return Reply(Answer(body=""), inject=(Crash(code=0),))


def _redirect(asked: Asked) -> Reply:
    return _redirected(asked.query.get("location", ""), asked.query.get("code", "") or "302")


def _redirected(location: str, code: str) -> Reply:
    if _number(code) not in _REDIRECTS:
        return _text(f"argument 'code' must be an integer or empty, got {_quoted(code)}\n", 400)
    if not location.isprintable() or not location.isascii():
        return _text(f"invalid redirect: {_quoted(location)}\n", 400)
    return Reply(Answer(int(code), "", location=location or "/"), (("Location", location or "/"),))


def _started(asked: Asked) -> Reply:
    return _text(go_duration(asked.uptime))


def go_duration(seconds: float) -> str:
    """Return a duration as Go's time.Duration prints one of a second or more.

    >>> go_duration(12.25), go_duration(75.5), go_duration(3600)
    ('12.25s', '1m15.5s', '1h0m0s')
    """
    minutes, rest = divmod(round(seconds, 9), 60)
    hours, minutes = divmod(int(minutes), 60)
    text = f"{rest:.9f}".rstrip("0").rstrip(".") + "s"
    return f"{hours}h{minutes}m{text}" if hours else f"{minutes}m{text}" if minutes else text


def _not_found(_asked: Asked) -> Reply:
    return _text("404 page not found\n", 404)


ROUTES = {
    "agnhost": (
        AppRoute(_ANY, "/", _root),
        AppRoute(_ANY, "/clientip", _client_ip),
        AppRoute(_ANY, "/header", _header),
        AppRoute(_ANY, "/echo", _echo),
        AppRoute(_ANY, "/hostname", _hostname),
        AppRoute(_ANY, "/hostName", _hostname),
        AppRoute(_ANY, "/redirect", _redirect),
        AppRoute(_QUIET, "/exit", _exit, changes=True),
        AppRoute(_QUIET, "/shutdown", _shutdown, changes=True),
    ),
    "agnhost-liveness": (
        AppRoute(_ANY, "/", _not_found),
        AppRoute(_ANY, "/started", _started),
        AppRoute(_ANY, "/redirect", lambda asked: _redirected(asked.query.get("loc", ""), "302")),
    ),
}

WELL = 10
"""Seconds that `liveness` is well."""

FLAGS: Flags = {
    "http-port": INT,
    "udp-port": INT,
    "sctp-port": INT,
    "udp-listen-addresses": TEXT,
    "tls-cert-file": TEXT,
    "tls-private-key-file": TEXT,
    "http-override": TEXT,
    "delay-shutdown": INT,
}


def played(words: Sequence[str], _environ: Mapping[str, str]) -> Played:
    """Return the patient's settings for a sub-command and its flags; raises BadInput."""
    words = words[1:] if words[0] == "agnhost" else words
    match words:
        case ["liveness", *_]:
            given = read("agnhost liveness", words, {})
            return given.played("agnhost-liveness", PORT="8080", FAULTS=f"unlive after={WELL}s")
        case ["netexec", *_]:
            given = read("agnhost netexec", words, FLAGS)
            delay = given.take("delay-shutdown", "0")
            given.take("udp-port")
            return given.played("agnhost", PORT=given.take("http-port", "8080"), DRAIN_SECONDS=delay)
    shown = words[0] if words else "without a sub-command"
    raise BadInput(f"{shown[:80]}: this patient can be liveness or netexec")

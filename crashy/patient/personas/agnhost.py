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
from crashy.patient.flags import INT, TEXT, Flags, Played, read, seconds
from crashy.patient.personas.routes import PersonaReply, PersonaRequest, PersonaRoute

_ANY = ("GET", "HEAD", "POST", "PUT")
_QUIET = ("GET", "POST", "PUT")  # of what changes something: HEAD is what link checkers send
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


LONGEST = 3600
"""Seconds that /exit waits at most."""


def _number(text: str) -> int:
    """Return a number of a few digits; -1 for another text."""
    return int(text) if len(text) < 10 and text.isascii() and text.isdecimal() else -1


def _text(text: str, status: int = 200) -> PersonaReply:
    return PersonaReply(Answer(status, text))


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)  # as Go's %q, for what people write


def _root(asked: PersonaRequest) -> PersonaReply:
    now = datetime.fromtimestamp(asked.now, UTC)
    return _text(f"NOW: {now:%Y-%m-%d %H:%M:%S.%f}000 +0000 UTC m=+{asked.uptime:.9f}")


def _client_ip(asked: PersonaRequest) -> PersonaReply:
    return _text(asked.remote)


def _header(asked: PersonaRequest) -> PersonaReply:
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


def _hostname(asked: PersonaRequest) -> PersonaReply:
    return _text(asked.who.pod)


def _echo(asked: PersonaRequest) -> PersonaReply:
    code = asked.query.get("code", "")
    if code and not 200 <= _number(code) <= 599:
        return _text(f"argument 'code' must be an integer or empty, got {_quoted(code)}\n", 400)
    return _text(asked.query.get("msg", ""), int(code or 200))


def _exit(asked: PersonaRequest) -> PersonaReply:
    code, wait = asked.query.get("code", ""), asked.query.get("wait", "")
    for name in ("timeout", "wait"):
        text = asked.query.get(name, "")
        if text and seconds(text) is None:
            text = f"argument '{name}' must be a valid golang duration or empty, got {_quoted(text)}\n"
            return _text(text, 400)
    if code and not 0 <= _number(code) <= 127:
        return _text(f"argument 'code' must be an integer [0-127] or empty, got {_quoted(code)}\n", 400)
    after = (seconds(wait) if wait else 0.0) or 0.0
    if after > LONGEST:
        return _text(f"argument 'wait' must be at most {LONGEST} seconds, got {_quoted(wait)}\n", 400)
    crash = Crash(code=int(code or 0), scope=Scope(after=after))
    return PersonaReply(Answer(body="", latency=after), inject=(crash,))


def _shutdown(_asked: PersonaRequest) -> PersonaReply:
    return PersonaReply(Answer(body=""), inject=(Crash(code=0),))


def _redirect(asked: PersonaRequest) -> PersonaReply:
    return _redirected(asked.query.get("location", ""), asked.query.get("code", "") or "302")


def _redirected(location: str, code: str) -> PersonaReply:
    if _number(code) not in _REDIRECTS:
        return _text(f"argument 'code' must be an integer or empty, got {_quoted(code)}\n", 400)
    if not location.isprintable() or not location.isascii():
        return _text(f"invalid redirect: {_quoted(location)}\n", 400)
    return PersonaReply(Answer(int(code), "", location=location or "/"), (("Location", location or "/"),))


def _started(asked: PersonaRequest) -> PersonaReply:
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


def _not_found(_asked: PersonaRequest) -> PersonaReply:
    return _text("404 page not found\n", 404)


ROUTES = {
    "agnhost": (
        PersonaRoute(_ANY, "/", _root),
        PersonaRoute(_ANY, "/clientip", _client_ip),
        PersonaRoute(_ANY, "/header", _header),
        PersonaRoute(_ANY, "/echo", _echo),
        PersonaRoute(_ANY, "/hostname", _hostname),
        PersonaRoute(_ANY, "/hostName", _hostname),
        PersonaRoute(_ANY, "/redirect", _redirect),
        PersonaRoute(_QUIET, "/exit", _exit, changes=True),
        PersonaRoute(_QUIET, "/shutdown", _shutdown, changes=True),
    ),
    "agnhost-liveness": (
        PersonaRoute(_ANY, "/", _not_found),
        PersonaRoute(_ANY, "/started", _started),
        PersonaRoute(_ANY, "/redirect", lambda asked: _redirected(asked.query.get("loc", ""), "302")),
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

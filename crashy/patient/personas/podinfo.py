"""podinfo (stefanprodan/podinfo): a microservice that can be made unready, or answer 500 everywhere but to probes.

podinfo: pkg/api/http, cmd/podinfo/main.go. Other than there a mistake is answered with its status and not with 200,
/panic is a POST, /env hides what may be a secret, and random errors and delays spare probes. /store, /cache, /token,
/configs and calls of a backend are left out.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence

from crashy.faults.kinds.crash import Crash
from crashy.faults.kinds.error import Error
from crashy.faults.kinds.unready import Unready
from crashy.patient.answers import Answer
from crashy.patient.flags import BOOL, DURATION, INT, TEXT, Flags, Given, Played, read, refuse
from crashy.patient.flags import seconds as seconds_of
from crashy.patient.personas.agnhost import canonical
from crashy.patient.personas.routes import PersonaReply, PersonaRequest, PersonaRoute

AT_REST = 24
"""Megabytes that the patient itself holds, beside those of --stress-memory."""
FAULT_BODY = '{"status":"fault injection enabled"}\n'
LONGEST = 3600
"""Seconds that /delay waits at most."""

_NOSNIFF = (("X-Content-Type-Options", "nosniff"),)
_SECRET = re.compile(r"TOKEN|SECRET|PASS|PWD|KEY|CRED|AUTH|PRIVATE|CERT", re.IGNORECASE)
_PUBLIC = re.compile(
    r"(PODINFO|KUBERNETES|POD|NODE)_\w+|\w+_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_\w+)?)|"
    r"HOSTNAME|HOST|PORT|PATH|HOME|LANG|PWD|TZ|PERSONA|APP_\w+|FAULTS|METRICS|\w+_(AFTER|LATENCY|DELAY|SECONDS|JITTER)"
)


def _json(value: object, status: int = 200, latency: float = 0.0) -> PersonaReply:
    return PersonaReply(Answer(status, json.dumps(value, indent=2), latency, "application/json"), _NOSNIFF)


def _mistake(message: str, status: int = 400) -> PersonaReply:
    return _json({"code": status, "message": message}, status)


def _info(asked: PersonaRequest) -> PersonaReply:
    who = asked.who
    return _json(
        {
            "hostname": who.pod,
            "version": who.version,
            "revision": "crashy",
            "color": who.color,
            "logo": "",
            "message": f"greetings from podinfo {who.version}",
            "goos": sys.platform,
            "runtime": f"python{sys.version_info.major}.{sys.version_info.minor}",
        }
    )


def _version(asked: PersonaRequest) -> PersonaReply:
    return _json({"commit": "crashy", "version": asked.who.version})


def _echo(asked: PersonaRequest) -> PersonaReply:
    body = asked.body.decode("utf-8", "replace")
    headers = (*_NOSNIFF, ("Content-Security-Policy", "default-src 'none'"), ("X-Color", asked.who.color))
    return PersonaReply(Answer(202, body, content_type="application/octet-stream"), headers)


def _env(asked: PersonaRequest) -> PersonaReply:
    return _json([f"{name}={public(name, value)}" for name, value in asked.environ.items()])


def public(name: str, value: str) -> str:
    """Return a variable's value, unless it may be a secret: by its name, or by a URL's password in it.

    >>> public("PODINFO_UI_COLOR", "cyan"), public("ADMIN_TOKEN", "s3cret"), public("MINE", "s3cret")
    ('cyan', '(not shown)', '(not shown)')
    """
    shown = _PUBLIC.fullmatch(name) and (name == "PWD" or not _SECRET.search(name)) and "@" not in value
    return value if shown else "(not shown)"


def _headers(asked: PersonaRequest) -> PersonaReply:
    return _json(dict(sorted(canonical(asked.headers).items())))


def _delay(asked: PersonaRequest) -> PersonaReply:
    wait = asked.match["wait"]
    if len(wait) > 5 or int(wait) > LONGEST:
        return _mistake(f"{wait[:20]}: must be at most {LONGEST} seconds")
    return _json({"delay": int(wait)}, latency=float(wait))


def _status(asked: PersonaRequest) -> PersonaReply:
    code = asked.match["code"]
    if len(code) > 5 or not 200 <= int(code) <= 599:
        return _mistake(f"{code[:20]}: must be a status from 200 to 599")
    return _json({"status": int(code)}, int(code))


def _enable_ready(_asked: PersonaRequest) -> PersonaReply:
    return PersonaReply(Answer(202, ""), recover=(Unready.name,))


def _disable_ready(asked: PersonaRequest) -> PersonaReply:
    active = any(isinstance(one.fault, Unready) for one in asked.faults())
    return PersonaReply(Answer(202, ""), inject=() if active else (Unready(),))


def _enabled(asked: PersonaRequest) -> bool:
    return any(isinstance(one.fault, Error) and one.fault.body == FAULT_BODY for one in asked.faults())


def _fault_status(asked: PersonaRequest) -> PersonaReply:
    return _json({"fault_injection": "enabled" if _enabled(asked) else "disabled"})


def _enable_faults(asked: PersonaRequest) -> PersonaReply:
    return _json({"fault_injection": "enabled"}, 202)._replace(
        inject=() if _enabled(asked) else (Error(body=FAULT_BODY),)
    )


def _disable_faults(_asked: PersonaRequest) -> PersonaReply:
    return _json({"fault_injection": "disabled"}, 202)._replace(recover=(Error.name,))


def _panic(_asked: PersonaRequest) -> PersonaReply:
    return PersonaReply(Answer(202, ""), inject=(Crash(code=255),))


_GET, _READ = ("GET", "HEAD"), ("GET", "HEAD", "POST")
_ANY = (*_READ, "PUT", "PATCH", "DELETE")

ROUTES = {
    "podinfo": (
        PersonaRoute(_GET, "/", _info),
        PersonaRoute(_GET, "/api/info", _info),
        PersonaRoute(_GET, "/version", _version),
        *(PersonaRoute(_ANY, path, _echo) for path in ("/echo", "/echo/{rest:.*}", "/api/echo", "/api/echo/{rest:.*}")),
        PersonaRoute(_READ, "/env", _env),
        PersonaRoute(_READ, "/headers", _headers),
        PersonaRoute(_GET, "/delay/{wait:[0-9]+}", _delay),
        PersonaRoute((*_READ, "PUT"), "/status/{code:[0-9]+}", _status),
        PersonaRoute(_GET, "/fault_injection/status", _fault_status, control=True),
        *(
            PersonaRoute(("POST",), path, reply, changes=True, control=True)
            for path, reply in {
                "/readyz/enable": _enable_ready,
                "/readyz/disable": _disable_ready,
                "/fault_injection/enable": _enable_faults,
                "/fault_injection/disable": _disable_faults,
                "/panic": _panic,
            }.items()
        ),
    )
}

FLAGS: Flags = {
    **dict.fromkeys(("port", "secure-port", "port-metrics", "grpc-port"), INT),
    **dict.fromkeys(("random-delay-min", "random-delay-max", "stress-cpu", "stress-memory"), INT),
    **dict.fromkeys(("h2c", "random-delay", "random-error", "unhealthy", "unready"), BOOL),
    **dict.fromkeys(("http-client-timeout", "http-server-timeout", "server-shutdown-timeout"), DURATION),
    "http-server-shutdown-timeout": DURATION,
    **dict.fromkeys(("host", "grpc-service-name", "level", "backend-url", "data-path", "config-path"), TEXT),
    **dict.fromkeys(("cert-path", "config", "ui-path", "ui-logo", "ui-color", "ui-message", "prefix"), TEXT),
    **dict.fromkeys(("random-delay-unit", "cache-server", "otel-service-name"), TEXT),
}


def played(words: Sequence[str], environ: Mapping[str, str]) -> Played:
    """Return the patient's settings for podinfo's flags, or PODINFO_ variables; raises BadInput."""
    own = [f"--{name}={environ[key]}" for name in FLAGS if (key := "PODINFO_" + _variable(name)) in environ]
    given = read("podinfo", (words[0], *own, *words[1:]), FLAGS)
    ports = [given.take("port", "9898"), given.take("port-metrics", "0")]
    drain = given.take("http-server-shutdown-timeout") or given.take("server-shutdown-timeout", "5s")
    color = given.take("ui-color")
    grpc = given.take("grpc-port", "0")
    return given.played(
        "podinfo",
        PORT=",".join(dict.fromkeys(port for port in ports if port != "0")),
        GRPC_PORT="" if grpc == "0" else grpc,
        METRICS="1",
        DRAIN_SECONDS=f"{seconds_of(drain):g}",
        APP_COLOR=color if re.fullmatch(r"[A-Za-z][0-9A-Za-z]{0,31}|#[0-9A-Fa-f]{3}|#[0-9A-Fa-f]{6}", color) else "",
        FAULTS="; ".join(_faults(given)),
    )


def _variable(flag: str) -> str:
    return flag.upper().replace("-", "_")


def _faults(given: Given) -> list[str]:
    """Return the faults that flags stand for."""
    unit, least, most = (
        given.take(f"random-delay-{name}", to) for name, to in (("unit", "s"), ("min", "0"), ("max", "5"))
    )
    if unit not in {"s", "ms"}:
        raise refuse("random-delay-unit", unit, "s or ms")
    if not 0 <= int(least) <= int(most):
        raise refuse("random-delay-min", least, f"from 0 to random-delay-max, which is {most}")
    cores, megabytes = int(given.take("stress-cpu", "0")), int(given.take("stress-memory", "0"))
    found = {
        f"latency delay={least}{unit}..{most}{unit}": given.on("random-delay"),
        "error code=500:1,400:1,409:1 p=0.3333": given.on("random-error"),
        "unlive": given.on("unhealthy"),
        "unready": given.on("unready"),
        f"cpu cores={cores}": cores > 0,
        f"memory to={AT_REST + megabytes}M": megabytes > 0,
    }
    return [spec for spec, on in found.items() if on]

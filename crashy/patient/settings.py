"""The patient's settings: one table of variable, flag, default, allowed values and help."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, NoReturn

from crashy.errors import BadInput
from crashy.faults.base import Fault, FaultError
from crashy.patient import ADMIN_PORT, APP_PORT, values
from crashy.patient.personas import GREETINGS

PERSONAS = tuple(GREETINGS)


class Setting(NamedTuple):
    """One row: the variable NAME is also the flag --name and the field `name` of `Settings`.

    `allowed` completes "must be ..."; `image` is the value that the container image sets, where it differs.
    """

    name: str
    default: str
    parse: Callable[[str], object]
    allowed: str
    help: str
    image: str | None = None

    @property
    def flag(self) -> str:
        """Return the setting's flag: `CRASH_AFTER` is `--crash-after`."""
        return "--" + self.name.lower().replace("_", "-")


_DURATION = "a duration from 0 to 365 days: seconds (60, 0.5) or with units (1m30s, 250ms)"
_NAME = "a Kubernetes name: letters, digits, '-', '.', at most 253"

# Each of these has a twin NAME_JITTER.
_COUNTDOWNS = (
    ("CRASH_AFTER", "answer every request with 500 from then on, the process lives"),
    ("FREEZE_AFTER", "block the event loop from then on"),
    ("KILL_IN_SECONDS", "serve until then, then end the process with EXIT_CODE"),
    ("APP_START_DELAY", "warm up for so long; the port is bound only afterwards"),
    ("READY_AFTER", "listen at once, but be ready only then"),
    ("READINESS_LATENCY", "answer the readiness routes so late"),
    ("LIVENESS_LATENCY", "answer the liveness routes so late"),
)


def _countdown(name: str, text: str) -> tuple[Setting, Setting]:
    jitter = f"{name}_JITTER"
    return (
        Setting(name, "", values.seconds_or_off, _DURATION, text),
        Setting(jitter, "0", values.seconds, _DURATION, f"add a random part of this to {name}"),
    )


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "HOST", "127.0.0.1", values.host, "an address or a name of this machine", "listen on this address", "0.0.0.0"
    ),
    Setting(
        "PORT",
        str(APP_PORT),
        values.ports,
        "a port from 0 to 65535 (0: the kernel chooses), or a comma list of different ones",
        "listen on these ports; one that can't be bound is skipped while another can",
        f"80,5000,{APP_PORT}",
    ),
    Setting(
        "ADMIN_PORT",
        str(ADMIN_PORT),
        values.port_or_off,
        "a port from 0 to 65535 (0: the kernel chooses) that is not in PORT, or empty for none",
        "serve the admin API here too, on a thread of its own that no freeze of the app stops; empty: off",
    ),
    Setting(
        "GRPC_PORT",
        "",
        values.port_or_off,
        "a port from 0 to 65535 (0: the kernel chooses) that is neither in PORT nor ADMIN_PORT, or empty for none",
        "answer grpc.health.v1.Health here: service `liveness`, `startup`, or `readiness`, which no service means too; "
        "needs the extra `grpc`; empty: off",
    ),
    Setting(
        "ADMIN_TOKEN",
        "",
        values.token,
        "printable ASCII without spaces, at most 1024 characters",
        "whoever injects a fault must send `Authorization: Bearer TOKEN`; empty: anyone may",
    ),
    Setting(
        "METRICS",
        "0",
        values.boolean,
        "1 or 0",
        "answer `/metrics`, in Prometheus' text format, on PORT and ADMIN_PORT",
    ),
    Setting(
        "STATE_DIR",
        "",
        values.path,
        "a folder's path",
        "keep the files is_ready and is_healthy here exactly while it is so (for exec probes); empty: none",
        "/app",
    ),
    Setting("LOG_FORMAT", "text", values.choice(("text", "json")), "text or json", "write log lines so"),
    Setting(
        "ACCESS_LOG", "1", values.boolean, "1 or 0", "log one line a request (never one for a healthy kubelet probe)"
    ),
    Setting(
        "DRAIN_SECONDS",
        "5",
        values.seconds,
        _DURATION,
        "after SIGTERM, wait at most so long for requests in flight (half a second after the last one it ends; the "
        "default is well within Kubernetes' grace period of 30 s)",
    ),
    Setting(
        "PERSONA",
        "crashy-app",
        values.choice(PERSONAS),
        f"one of {', '.join(PERSONAS)}",
        "answer / as this app does; the other routes are all there anyway",
    ),
    Setting(
        "RNG_MODE",
        "async",
        values.choice(("async", "blocking")),
        "async or blocking",
        "how GET /N waits its 0.1 s; blocking serves one request at a time, as the original rng",
    ),
    Setting(
        "EXIT_CODE",
        "1",
        values.integer(0, 255),
        "a whole number from 0 to 255",
        "exit with this after KILL_IN_SECONDS and GET /crash",
    ),
    Setting(
        "FAULTS",
        "",
        values.faults,
        "fault specs separated by ';'",
        "inject these at start, as `freeze mode=loop after=30s for=10s; error code=503 p=0.3`",
    ),
    *(setting for name, text in _COUNTDOWNS for setting in _countdown(name, text)),
    Setting("POD_NAME", "", values.name, _NAME, "the pod's name; else HOSTNAME, else the host's name"),
    Setting("POD_NAMESPACE", "", values.name, _NAME, "the pod's namespace"),
    Setting("POD_IP", "", values.address, "an IP address", "the pod's address"),
    Setting("NODE_NAME", "", values.name, _NAME, "the node's name"),
    Setting("APP_VERSION", "v1", values.label, "1 to 63 printable ASCII characters", "the version that /info tells"),
    Setting(
        "APP_COLOR",
        "",
        values.color,
        "a colour's name or #rrggbb",
        "the colour that /info tells; by default v1 is blue, v2 green, v3 red",
    ),
)

IMAGE = {setting.name: setting.image for setting in SETTINGS if setting.image is not None}
"""The variables that the container image sets."""


class Settings(NamedTuple):
    """What the patient was told at start; durations in seconds, None where a countdown isn't armed."""

    host: str
    port: tuple[int, ...]
    admin_port: int | None
    grpc_port: int | None
    admin_token: str
    metrics: bool
    state_dir: str
    log_format: str
    access_log: bool
    drain_seconds: float
    persona: str
    rng_mode: str
    exit_code: int
    faults: tuple[Fault, ...]
    crash_after: float | None
    crash_after_jitter: float
    freeze_after: float | None
    freeze_after_jitter: float
    kill_in_seconds: float | None
    kill_in_seconds_jitter: float
    app_start_delay: float | None
    app_start_delay_jitter: float
    ready_after: float | None
    ready_after_jitter: float
    readiness_latency: float | None
    readiness_latency_jitter: float
    liveness_latency: float | None
    liveness_latency_jitter: float
    pod_name: str
    pod_namespace: str
    pod_ip: str
    node_name: str
    app_version: str
    app_color: str
    warnings: tuple[str, ...] = ()

    def __repr__(self) -> str:
        shown = (f"{name}={value!r}" for name, value in self._asdict().items() if name != "admin_token")
        return f"Settings({', '.join(shown)})"


class _Parser(argparse.ArgumentParser):
    """An argument parser whose complaint is one line."""

    def error(self, message: str) -> NoReturn:
        raise BadInput(message)


def parser() -> argparse.ArgumentParser:
    """Make the parser of `crashy serve`'s flags from the table."""
    made = _Parser(
        prog="crashy serve",
        description="Run the patient: the server that falls ill on purpose. Each flag can also be given as the "
        "environment variable in brackets; the flag wins.",
        allow_abbrev=False,
    )
    for setting in SETTINGS:
        default = f"; default {setting.default}" if setting.default else ""
        text = f"{setting.help} [{setting.name}{default}]".replace("%", "%%")
        made.add_argument(setting.flag, metavar="VALUE", help=text)
    return made


def load(argv: Sequence[str], environ: Mapping[str, str]) -> Settings:
    """Read the settings from flags, then variables, then defaults.

    An empty variable counts as not set, but for ADMIN_PORT, where it means off. Raises BadInput with a line
    for each bad value; what is merely odd is in `warnings`.
    """
    flags: dict[str, str | None] = vars(parser().parse_args(argv)) if argv else {}
    warnings = _unknown(environ)
    parsed: dict[str, object] = {}
    errors = []
    for setting in SETTINGS:
        key = setting.name.lower()
        variable = environ.get(setting.name, "")
        where, raw = setting.name, setting.default
        if flags.get(key) is not None:
            where, raw = f"{setting.name} ({setting.flag})", flags[key] or ""
        elif setting.name in {"ADMIN_PORT", "GRPC_PORT"} and variable.lower().startswith(_SERVICE_LINK):
            service = setting.name.removesuffix("_PORT").lower()
            warnings.append(f"{setting.name}: {variable}: comes from a Service named {service}, not from you; left out")
        elif variable or (setting.name == "ADMIN_PORT" and setting.name in environ):
            raw = variable
        try:
            parsed[key] = setting.parse(raw)
        except FaultError as error:
            errors.append(f"{where}: {shown(raw)}: {error}")
        except ValueError:
            told = "(not shown)" if setting.name == "ADMIN_TOKEN" else shown(raw)
            errors.append(f"{where}: {told}: must be {setting.allowed}")
    if not errors:
        errors = _shared(parsed)
    if errors:
        raise BadInput(*errors)
    return Settings(**parsed, warnings=tuple(warnings))  # type: ignore[arg-type]


def _shared(parsed: Mapping[str, Any]) -> list[str]:
    """Return which ports are named twice."""
    admin, grpc = parsed["admin_port"], parsed["grpc_port"]
    if admin and admin in parsed["port"]:
        return [f"ADMIN_PORT: {admin}: must be a port that is not in PORT"]
    if grpc and grpc in (*parsed["port"], admin):
        return [f"GRPC_PORT: {grpc}: must be a port that is neither in PORT nor ADMIN_PORT"]
    return []


def shown(value: str) -> str:
    """Return a bad value as it can stand in one line: quoted where it isn't plain, cut where it is long."""
    cut = value if len(value) <= 80 else value[:77] + "..."
    return cut if cut and cut.isprintable() and cut == cut.strip() else repr(cut)


# Kubernetes tells each container of a namespace's Services: for one named `crashy-app` that makes
# CRASHY_APP_SERVICE_HOST, CRASHY_APP_PORT=tcp://... and CRASHY_APP_PORT_80_TCP_ADDR.
_SERVICE_LINK = ("tcp://", "udp://", "sctp://")
_SERVICE_VARIABLE = r"\w+_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_\w+)?)"


def _unknown(environ: Mapping[str, str]) -> list[str]:
    names = [setting.name for setting in SETTINGS]
    found = []
    for variable in sorted(environ):
        if not variable.startswith("CRASHY_") or re.fullmatch(_SERVICE_VARIABLE, variable):
            continue
        if environ[variable].lower().startswith(_SERVICE_LINK):
            continue
        import difflib  # noqa: PLC0415 - for mistakes alone

        near = difflib.get_close_matches(variable.removeprefix("CRASHY_"), names, 1)
        found.append(f"{variable}: is no setting" + (f"; did you mean {near[0]}?" if near else ""))
    return found


assert {*Settings._fields} - {"warnings"} == {s.name.lower() for s in SETTINGS}  # noqa: S101 - one table

"""The patient's settings: each is declared once, and flags, help, errors and the README's table come from that."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from crashy.errors import BadInput
from crashy.faults.base import Fault, FaultError
from crashy.fields import Declared, param
from crashy.fields.values import Integer, OneOf
from crashy.patient import ADMIN_PORT, APP_PORT, TERMINATION_MESSAGE_PATH, values
from crashy.patient.personas import GREETINGS
from crashy.patient.shutdown import SHUTDOWNS

if TYPE_CHECKING:
    from crashy.patient.dependencies import Dependency
    from crashy.patient.probe_settings import ProbeSettings

_SECRET = frozenset({"ADMIN_TOKEN", "DEPENDENCIES"})
"""The settings whose bad values are not shown: there may be a password in them."""

PERSONAS = tuple(GREETINGS)

_NAME = values.Matching(
    r"([0-9A-Za-z]([0-9A-Za-z._-]{0,251}[0-9A-Za-z])?)?", "a Kubernetes name: letters, digits, '-', '.', at most 253"
)
_SECONDS = values.Seconds()


def _jitter(of: str) -> Any:
    return param(_SECONDS, f"add a random part of this to {of}", default=0.0)


class Settings(Declared):
    """The patient's settings, one field for each: `crash_after` is CRASH_AFTER and --crash-after.

    Durations are in seconds; None means off. `warnings` lists what looks wrong, but isn't an error.
    """

    host: str = param(
        values.Matching(
            r"[0-9A-Za-z][0-9A-Za-z._-]*|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(%\w+)?", "an address or a name of this machine"
        ),
        "listen on this address",
        default="127.0.0.1",
    )
    port: tuple[int, ...] = param(
        values.Ports(),
        "listen on these ports; one that can't be bound is skipped while another can",
        default=(APP_PORT,),
    )
    admin_port: int | None = param(
        values.Port(" that is not in PORT, or empty for none"),
        "serve the admin API here too, on its own thread, which no freeze of the app blocks; empty: off",
        default=ADMIN_PORT,
    )
    grpc_port: int | None = param(
        values.Port(" that is neither in PORT nor ADMIN_PORT, or empty for none"),
        "serve grpc.health.v1.Health here: service `liveness`, `startup`, or `readiness`, which is the default; "
        "needs the extra `grpc`; empty: off",
    )
    admin_token: str = param(
        values.Matching(r"[!-~]{0,1024}", "printable ASCII without spaces, at most 1024 characters"),
        "require `Authorization: Bearer TOKEN` to inject a fault; empty: anyone may inject",
        default="",
    )
    metrics: bool = param(
        values.Switch(), "serve `/metrics`, in Prometheus' text format, on PORT and ADMIN_PORT", default=False
    )
    state_dir: str = param(
        values.Matching(r"[^\0]*", "a folder's path"),
        "keep the files is_started, is_ready and is_healthy here while these succeed, for exec probes, and the record "
        "of the app's lives; empty: none",
        default="",
    )
    termination_message_path: str = param(
        values.Matching(r"[^\0]*", "a file's path"),
        "write this life's last words here, which `kubectl describe` shows; the default is written only where there is "
        "such a file, as in a container of Kubernetes",
        default=TERMINATION_MESSAGE_PATH,
    )
    log_format: str = param(OneOf("text", "json"), "log format", default="text")
    access_log: bool = param(
        values.Switch(), "log one line for each request, except healthy kubelet probes", default=True
    )
    drain_seconds: float = param(
        _SECONDS,
        "after SIGTERM, wait at most this long for requests in flight (it ends half a second after the last one; the "
        "default is well within Kubernetes' grace period of 30 s)",
        default=5.0,
    )
    shutdown: str = param(
        OneOf(*SHUTDOWNS),
        "at SIGTERM: readiness-first is unready and listens until no more requests come; listener-first refuses "
        "connections and finishes what is in flight; instant exits and drops it; ignore goes on, and slow drains, "
        "both until SIGKILL",
        default="readiness-first",
    )
    persona: str = param(
        OneOf(*PERSONAS),
        "answer as this app does: / in its words, and the routes that are its alone",
        default="crashy-app",
    )
    rng_mode: str = param(
        OneOf("async", "blocking"),
        "how GET /N waits its 0.1 s; blocking serves one request at a time, as the original rng",
        default="async",
    )
    exit_code: int = param(Integer(0, 255), "exit with this after KILL_IN_SECONDS and GET /crash", default=1)
    faults: tuple[Fault, ...] = param(
        values.Faults(),
        "inject these at start, as `freeze mode=loop after=30s for=10s; error code=503 p=0.3`",
        default=(),
    )
    crash_after: float | None = param(_SECONDS, "answer every request with 500 from then on; the process keeps running")
    crash_after_jitter: float = _jitter("CRASH_AFTER")
    freeze_after: float | None = param(_SECONDS, "block the event loop from then on")
    freeze_after_jitter: float = _jitter("FREEZE_AFTER")
    kill_in_seconds: float | None = param(_SECONDS, "serve until then, then exit with EXIT_CODE")
    kill_in_seconds_jitter: float = _jitter("KILL_IN_SECONDS")
    app_start_delay: float | None = param(_SECONDS, "warm up for this long; the port is bound only afterwards")
    app_start_delay_jitter: float = _jitter("APP_START_DELAY")
    ready_after: float | None = param(_SECONDS, "listen at once, but be ready only after this")
    ready_after_jitter: float = _jitter("READY_AFTER")
    readiness_latency: float | None = param(_SECONDS, "delay answers on the readiness routes by this")
    readiness_latency_jitter: float = _jitter("READINESS_LATENCY")
    liveness_latency: float | None = param(_SECONDS, "delay answers on the liveness routes by this")
    liveness_latency_jitter: float = _jitter("LIVENESS_LATENCY")
    pod_name: str = param(_NAME, "the pod's name; else HOSTNAME, else the host's name", default="")
    pod_namespace: str = param(_NAME, "the pod's namespace", default="")
    pod_ip: str = param(values.Address(), "the pod's address", default="")
    node_name: str = param(_NAME, "the node's name", default="")
    peers: tuple[str, ...] = param(
        values.Peers(),
        "look these names up and ask each for its name at GET /peers, as `db-0.db,db-1.db:8080`; POST /admin/fleet "
        "injects faults into their pods, of a headless Service's name all",
        default=(),
    )
    names_file: str = param(
        values.Matching(r"[^\0]*", "a file's path"),
        "look PEERS and DEPENDENCIES up here first; `crashy lab` writes it",
        default="",
    )
    dependencies: tuple[Dependency, ...] = param(
        values.Dependencies(),
        "look at these every second and show them at GET /dependencies: "
        "`redis://cache,mysql://db,tcp://queue:5672,http://auth/healthz`",
        default=(),
    )
    readiness_checks_dependencies: bool = param(
        values.Switch(), "be ready only while all DEPENDENCIES are up", default=False
    )
    liveness_checks_dependencies: bool = param(
        values.Switch(), "be alive only while all DEPENDENCIES are up, which is a mistake to learn from", default=False
    )
    probes: tuple[ProbeSettings, ...] = param(
        values.Probes(),
        'what probes this container has, as JSON: `{"livenessProbe": {…}}`, so that `/admin/probes` knows their '
        "thresholds; `crashy lab` sets it",
        default=(),
    )
    app_version: str = param(
        values.Matching(r"[ -~]{1,63}", "1 to 63 printable ASCII characters"),
        "the version that /info shows",
        default="v1",
    )
    app_color: str = param(
        values.Matching(r"([A-Za-z][0-9A-Za-z]{0,31}|#[0-9A-Fa-f]{3}|#[0-9A-Fa-f]{6})?", "a colour's name or #rrggbb"),
        "the colour that /info shows; by default v1 is blue, v2 green, v3 red",
        default="",
    )

    warnings: tuple[str, ...]

    def __init__(self, warnings: tuple[str, ...] = (), **settings: Any) -> None:
        super().__init__(**settings)
        vars(self)["warnings"] = warnings

    def __post_init__(self) -> None:
        """Reject a port that is used twice."""
        admin, grpc = self.admin_port, self.grpc_port
        if admin and admin in self.port:
            raise BadInput(f"ADMIN_PORT: {admin}: must be a port that is not in PORT")
        if grpc and grpc in (*self.port, admin):
            raise BadInput(f"GRPC_PORT: {grpc}: must be a port that is neither in PORT nor ADMIN_PORT")

    def __repr__(self) -> str:
        shown = (f"{name}={value!r}" for name, value in vars(self).items() if name != "admin_token")
        return f"Settings({', '.join(shown)})"


SETTINGS = {name.upper(): key for name, key in Settings.keys.items()}
"""Every setting, by the name of its variable."""

IMAGE = {"HOST": "0.0.0.0", "PORT": f"80,5000,{APP_PORT}", "STATE_DIR": "/app"}
"""The variables that the container image sets."""


def flag_of(variable: str) -> str:
    """Return the flag of a setting: CRASH_AFTER is --crash-after."""
    return "--" + variable.lower().replace("_", "-")


class _Parser(argparse.ArgumentParser):
    """An argument parser whose error is one line."""

    def error(self, message: str) -> NoReturn:
        raise BadInput(message)


def parser() -> argparse.ArgumentParser:
    """Return the parser of `crashy serve`'s flags, one for each setting."""
    made = _Parser(
        prog="crashy serve",
        description="Run the patient: the server that fails on purpose. Each flag can also be given as the "
        "environment variable in brackets; the flag wins.",
        allow_abbrev=False,
    )
    for name, key in SETTINGS.items():
        default = f"; default {key.default_text}" if key.default_text else ""
        text = f"{key.help} [{name}{default}]".replace("%", "%%")
        made.add_argument(flag_of(name), metavar="VALUE", help=text)
    return made


def load(argv: Sequence[str], environ: Mapping[str, str], warned: Sequence[str] = ()) -> Settings:
    """Read the settings from flags, then variables, then defaults.

    An empty variable counts as not set, except ADMIN_PORT, where it means off. Raises BadInput with a line
    for each bad value; what only looks wrong is in `warnings`, after those that were `warned` of before.
    """
    flags: dict[str, str | None] = vars(parser().parse_args(argv)) if argv else {}
    warnings = [*warned, *_unknown(environ)]
    given: dict[str, object] = {}
    errors = []
    for name, key in SETTINGS.items():
        variable, where = environ.get(name, ""), name
        raw = flags.get(key.name)
        if raw is not None:
            where = f"{name} ({flag_of(name)})"
        elif name in {"ADMIN_PORT", "GRPC_PORT"} and variable.lower().startswith(_SERVICE_LINK):
            service = name.removesuffix("_PORT").lower()
            warnings.append(f"{name}: {variable}: set by Kubernetes for a Service named {service}; ignored")
        elif variable or (name == "ADMIN_PORT" and name in environ):
            raw = variable
        if raw is None:
            continue
        try:
            off = not raw and (key.default is None or name == "ADMIN_PORT")
            given[key.field] = None if off else key.kind.from_text(raw)
        except FaultError as error:
            errors.append(f"{where}: {shown(raw)}: {error}")
        except ValueError:
            value = "(not shown)" if name in _SECRET else shown(raw)
            errors.append(f"{where}: {value}: must be {key.kind.allowed}")
    if errors:
        raise BadInput(*errors)
    return Settings(tuple(warnings), **given)


def shown(value: str) -> str:
    """Return a bad value for a one-line message: quoted if it isn't plain, cut if it is long."""
    cut = value if len(value) <= 80 else value[:77] + "..."
    return cut if cut and cut.isprintable() and cut == cut.strip() else repr(cut)


# Kubernetes sets variables in each container for a namespace's Services: for one named `crashy-app`
# CRASHY_APP_SERVICE_HOST, CRASHY_APP_PORT=tcp://... and CRASHY_APP_PORT_80_TCP_ADDR.
_SERVICE_LINK = ("tcp://", "udp://", "sctp://")
_SERVICE_VARIABLE = r"\w+_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_\w+)?)"
_OF_COMMANDS = ("CRASHY_RUNTIME_DIR",)  # where crashy lab keeps its sockets: crashy.client


def _unknown(environ: Mapping[str, str]) -> list[str]:
    found = []
    for variable in sorted(name for name in environ if name.startswith("CRASHY_")):
        if (
            variable in _OF_COMMANDS
            or re.fullmatch(_SERVICE_VARIABLE, variable)
            or environ[variable].lower().startswith(_SERVICE_LINK)
        ):
            continue
        import difflib  # noqa: PLC0415 - for mistakes alone

        near = difflib.get_close_matches(variable.removeprefix("CRASHY_"), SETTINGS, 1)
        found.append(f"{variable}: is not a setting" + (f"; did you mean {near[0]}?" if near else ""))
    return found

"""What a patient's environment variables configure: when it fails, and how slowly it starts and answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from crashy.check.commands import seconds_before_app
from crashy.errors import BadInput
from crashy.fields.units import parse_duration
from crashy.kubelet.detection import Bounds
from crashy.kubelet.handlers.exec import expand
from crashy.objects import images
from crashy.objects.config import ConfigMap
from crashy.objects.pod import Container, ProbeType
from crashy.objects.standin import ANNOTATION, parse_model

if TYPE_CHECKING:
    from crashy.patient.settings import Settings


@dataclass(frozen=True, slots=True)
class PatientEnv:
    """What the variables set; the defaults mean that nothing is known.

    `starts` are the seconds until the app listens, `readies` those until it reports ready, both from its container's
    start; `sleeps` are those of them that pass before its command begins the app;
    `latency` is the delay of its probes' responses; `failures` are the variables that make it fail, with their seconds;
    `serial`: it serves one request at a time, each of `life.RNG_SECONDS`. `obeys`: it is the patient, which ends at
    SIGTERM; `drains` bounds how long an app takes for that whose model is known. `exit_code` is what KILL_IN_SECONDS
    ends it with; `settings` are all of the patient's, unless something in them is unknown.
    """

    starts: float = 0.0
    readies: float = 0.0
    least_starts: float = 0.0
    least_readies: float = 0.0
    sleeps: float = 0.0
    latency: Mapping[ProbeType, float] = field(default_factory=dict)
    failures: Mapping[str, float] = field(default_factory=dict)
    serial: bool = False
    obeys: bool = False
    exit_code: int = 1
    settings: Settings | None = None
    drains: Bounds | None = None
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def knows_start(self) -> bool:
        """Return whether it is known how long the app itself takes to start."""
        return self.starts > self.sleeps


# What the labs' original images do by default.
_ORIGINALS: dict[str, dict[str, str]] = {
    "flask-healthcheck": {"READINESS_LATENCY": "2"},
    "rng": {"RNG_MODE": "blocking"},
}
FAILURES = ("CRASH_AFTER", "FREEZE_AFTER", "KILL_IN_SECONDS")


def is_known(container: Container) -> bool:
    """Return whether its image is the patient, or a lab's image that it stands in for."""
    known = images.is_patient(container.image) or images.name(container.image) in images.KNOWN
    return known or bool(_plays(container))


def _plays(container: Container) -> tuple[str, ...]:
    return images.played(container.image, container.command, container.args)


def patient_env(
    container: Container, maps: Mapping[str, ConfigMap], annotations: Mapping[str, str] | None = None
) -> PatientEnv:
    """Return what is known of a container's app, and of the simple commands before it; see `_app_env`."""
    env, sleeps = _app_env(container, maps, annotations), seconds_before_app(container)
    return replace(
        env,
        starts=env.starts + sleeps,
        readies=env.readies + sleeps,
        least_starts=env.least_starts + sleeps,
        least_readies=env.least_readies + sleeps,
        sleeps=sleeps,
    )


def _app_env(container: Container, maps: Mapping[str, ConfigMap], annotations: Mapping[str, str] | None) -> PatientEnv:
    """Read the variables of the patient, or of a lab's image that it stands in for.

    `maps` are the ConfigMaps of its namespace; one of its pod's `annotations` is the model of any other app.
    A value that is not a duration is ignored: the patient refuses it.
    """
    persona = images.KNOWN.get(images.name(container.image))
    patient, app = images.is_patient(container.image), _plays(container)
    if not patient and not app and persona is None:
        return _modelled(annotations or {})
    variables = {**_ORIGINALS.get(persona or "", {}), **_variables(container, maps)}
    seconds, obeys = _Seconds(variables), patient and container.command[:2] in {(), ("crashy", "serve")}
    obeys |= bool(app)
    settings = _settings(container, maps, variables) if obeys else None
    starts = seconds("APP_START_DELAY")
    latency = {kind: seconds(f"{kind.upper()}_LATENCY") for kind in (ProbeType.READINESS, ProbeType.LIVENESS)}
    return PatientEnv(
        starts=starts,
        readies=max(starts, seconds("READY_AFTER")),
        least_starts=seconds.least("APP_START_DELAY"),
        least_readies=max(seconds.least("APP_START_DELAY"), seconds.least("READY_AFTER")),
        latency={kind: late for kind, late in latency.items() if late},
        failures={name: seconds(name) for name in FAILURES if variables.get(name)},
        serial=variables.get("RNG_MODE") == "blocking",
        exit_code=int(code) if (code := variables.get("EXIT_CODE", "")).isdecimal() else 1,
        obeys=obeys and (settings is None or settings.shutdown not in {"ignore", "slow"}),
        settings=settings,
        variables=variables,
    )


def _settings(container: Container, maps: Mapping[str, ConfigMap], variables: Mapping[str, str]) -> Settings | None:
    """Return the patient's settings; None if some come from what isn't known, or are refused."""
    from crashy.patient.flags import play  # noqa: PLC0415 - few containers are the patient
    from crashy.patient.settings import IMAGE, SETTINGS, load  # noqa: PLC0415

    if any((source.get("configMapRef") or {}).get("name") not in maps for source in container.env_from):
        return None
    known = {name: text for name, text in variables.items() if name in SETTINGS}
    unknown = {one.name for one in container.env if one.value_from and not known.get(one.name)}
    if unknown & {"PORT", "ADMIN_PORT", "GRPC_PORT", "METRICS"}:
        return None
    if app := _plays(container):
        try:
            chosen = play([expand(word, dict(variables)) for word in app], variables).variables
            return load((), {**IMAGE, **known, **chosen})
        except BadInput:
            return None
    words = (*container.command, *container.args)
    flags = words[words.index("serve") + 1 :] if "serve" in words else ()
    try:
        return load([expand(word, dict(variables)) for word in flags], IMAGE | known)
    except BadInput:
        return None


def _modelled(annotations: Mapping[str, str]) -> PatientEnv:
    try:
        model = parse_model(annotations[ANNOTATION])
    except (KeyError, ValueError):
        return PatientEnv()
    least, most = model.start.shortest, model.start.longest
    drains = Bounds(model.drain.shortest, model.drain.longest)
    return PatientEnv(starts=most, readies=most, least_starts=least, least_readies=least, drains=drains)


class _Seconds:
    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables

    def __call__(self, name: str) -> float:
        """Return a variable's seconds with all of its jitter; 0 if it is not set or not a duration."""
        return self._one(name) and self._one(name) + self._one(f"{name}_JITTER")

    def least(self, name: str) -> float:
        """Return a variable's seconds without its jitter."""
        return self._one(name)

    def _one(self, name: str) -> float:
        try:
            return parse_duration(self._variables.get(name) or 0)
        except ValueError:
            return 0.0


def _variables(container: Container, maps: Mapping[str, ConfigMap]) -> dict[str, str]:
    found: dict[str, str] = {}
    for source in container.env_from:
        held = maps.get((source.get("configMapRef") or {}).get("name", ""))
        found |= {f"{source.get('prefix') or ''}{key}": value for key, value in held.data.items()} if held else {}
    for variable in container.env:
        found[variable.name] = variable.value
        match variable.value_from:
            case {"configMapKeyRef": {"name": name, "key": key}} if name in maps:
                found[variable.name] = maps[name].data.get(key, "")
    return found


def by_name(maps: Sequence[ConfigMap], namespace: str) -> dict[str, ConfigMap]:
    """Return a namespace's ConfigMaps by their names."""
    return {one.name: one for one in maps if one.namespace == namespace}

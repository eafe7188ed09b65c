"""What is known of a container beyond its probes: the patient's own variables say when it falls ill, and how slowly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from crashy.fields.units import parse_duration
from crashy.objects import images
from crashy.objects.config import ConfigMap
from crashy.objects.pod import Container, ProbeType


@dataclass(frozen=True, slots=True)
class PatientEnv:
    """What is known; the defaults stand for nothing.

    `starts` are the seconds until the app listens, `readies` those until it says that it is ready, both from its start;
    `latency` is how late it answers a probe; `illnesses` are the variables that make it fall ill, with their seconds;
    `serial` says that it serves one request at a time, each of `life.RNG_SECONDS`.
    """

    starts: float = 0.0
    readies: float = 0.0
    latency: Mapping[ProbeType, float] = field(default_factory=dict)
    illnesses: Mapping[str, float] = field(default_factory=dict)
    serial: bool = False
    reaped: bool = False
    variables: Mapping[str, str] = field(default_factory=dict)


# What the originals of the labs do without being told.
_ORIGINALS: dict[str, dict[str, str]] = {
    "flask-healthcheck": {"READINESS_LATENCY": "2"},
    "rng": {"RNG_MODE": "blocking"},
}
ILLNESSES = ("CRASH_AFTER", "FREEZE_AFTER", "KILL_IN_SECONDS")


def patient_env(container: Container, maps: Mapping[str, ConfigMap]) -> PatientEnv:
    """Return what the variables of the patient (or of a lab's image that it stands in for) tell of it.

    `maps` are the ConfigMaps of its namespace. A value that is no duration says nothing: the patient refuses it.
    """
    persona = images.KNOWN.get(images.name(container.image))
    patient = images.is_patient(container.image)
    if not patient and persona is None:
        return PatientEnv()
    variables = {**_ORIGINALS.get(persona or "", {}), **_variables(container, maps)}
    seconds = _Seconds(variables)
    starts = seconds("APP_START_DELAY")
    latency = {kind: seconds(f"{kind.upper()}_LATENCY") for kind in (ProbeType.READINESS, ProbeType.LIVENESS)}
    return PatientEnv(
        starts=starts,
        readies=max(starts, seconds("READY_AFTER")),
        latency={kind: late for kind, late in latency.items() if late},
        illnesses={name: seconds(name) for name in ILLNESSES if variables.get(name)},
        serial=variables.get("RNG_MODE") == "blocking",
        reaped=patient and not container.command,
        variables=variables,
    )


class _Seconds:
    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables

    def __call__(self, name: str) -> float:
        """Return a variable's seconds with all of its jitter; 0 if it is not set or no duration."""
        return self._one(name) and self._one(name) + self._one(f"{name}_JITTER")

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

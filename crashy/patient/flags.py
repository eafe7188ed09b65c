"""The flags of other programs, as Go's pflag reads them, and what becomes of them: the patient's settings."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import NamedTuple

from crashy.errors import BadInput
from crashy.fields.units import parse_duration
from crashy.patient import ADMIN_PORT

PROGRAMS = {
    **{name: name for name in ("podinfo", "kuard", "kubia", "agnhost")},
    **dict.fromkeys(("netexec", "liveness"), "agnhost"),
}
"""The programs that the patient can run as, each with its app's file: apps, and the sub-commands of agnhost."""


class FlagKind(NamedTuple):
    """What a flag's value must look like; `bare` is its value where it has none."""

    pattern: str
    allowed: str
    bare: str | None = None


BOOL = FlagKind(r"1|t|T|true|TRUE|True|0|f|F|false|FALSE|False", "true or false", "true")
INT = FlagKind(r"-?[0-9]{1,9}", "a whole number")
TEXT = FlagKind(r"(?s:.*)", "text")
DURATION = FlagKind(r"0|([0-9]{1,9}(\.[0-9]{1,9})?(h|m|s|ms|us))+", "a duration such as 5s or 1m30s")
Flags = Mapping[str, FlagKind]


class Played(NamedTuple):
    """The patient's settings for another program's command line, by variable; what it ignores, in one line."""

    variables: Mapping[str, str]
    ignored: str = ""


class Given:
    """The flags that were given to a program; those that nobody takes are ignored."""

    def __init__(self, program: str, values: Mapping[str, str]) -> None:
        self._program = program
        self._values = dict(values)

    def take(self, name: str, default: str = "") -> str:
        """Return a flag's value, which is not ignored then."""
        return self._values.pop(name, default)

    def on(self, name: str) -> bool:
        """Return whether a switch is on."""
        return self.take(name, "false")[:1] in "1tT"

    def played(self, persona: str, **variables: str) -> Played:
        """Return the settings: those of these that are not empty."""
        chosen = {"PERSONA": persona, **{name: text for name, text in variables.items() if text}}
        rest = " ".join(f"--{name}={text}" for name, text in self._values.items())
        return Played(
            chosen, f"{self._program}: ignored, since this patient has no use for them: {rest}" if rest else ""
        )


def play(words: Sequence[str], environ: Mapping[str, str]) -> Played:
    """Return the settings for the command line of one of these programs; raises BadInput.

    FAULTS of `environ` stay; its ADMIN_PORT is off where the app itself wants that port.
    """
    played: Played = import_module(f"crashy.patient.personas.{PROGRAMS[words[0]]}").played(words, environ)
    variables = dict(played.variables)
    if "FAULTS" in variables and environ.get("FAULTS"):
        variables["FAULTS"] += f"; {environ['FAULTS']}"
    used = [*variables.get("PORT", "").split(","), variables.get("GRPC_PORT", "")]
    if "ADMIN_PORT" not in environ and str(ADMIN_PORT) in used:
        variables["ADMIN_PORT"] = ""
    return Played(variables, played.ignored)


def read(program: str, words: Sequence[str], flags: Flags) -> Given:
    """Read `--name=value`, `--name value` and `--switch` after the program's name; raises BadInput."""
    values: dict[str, str] = {}
    rest = list(words[1:])
    while rest:
        word = rest.pop(0)
        name, equals, text = word.removeprefix("--").partition("=")
        if not word.startswith("--") or name not in flags:
            raise BadInput(
                f"{word[:80]}: is no flag of {program}'s: {', '.join(f'--{flag}' for flag in flags) or 'it has none'}"
            )
        kind = flags[name]
        if not equals:
            if kind.bare is None and not rest:
                raise BadInput(f"--{name}: needs a value: {kind.allowed}")
            text = kind.bare if kind.bare is not None else rest.pop(0)
        if not re.fullmatch(kind.pattern, text):
            raise refuse(name, text, kind.allowed)
        values[name] = text
    return Given(program, values)


def refuse(flag: str, text: str, allowed: str) -> BadInput:
    """Return the error for a flag's value."""
    return BadInput(f"--{flag}: {text[:80]!r}: must be {allowed}")


def seconds(text: str) -> float | None:
    """Return the seconds of a duration as Go writes it; None for another text.

    >>> seconds("1m30s"), seconds("0"), seconds("5")
    (90.0, 0.0, None)
    """
    return parse_duration(text) if re.fullmatch(DURATION.pattern, text) else None

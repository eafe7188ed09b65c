"""The catalogue of faults: what each does, in which ways, with which parameters."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from crashy.faults.base import FAULTS, Fault, FaultError, parse_spec
from crashy.faults.probed import Probed
from crashy.faults.scope import WAYS, Scope, Way

_ONLY: dict[Way, str] = {"inside": "inside the patient only", "outside": "from outside only, on any container"}


def catalogue() -> list[dict[str, Any]]:
    """Describe every fault: name, summary, target, ways, modes with theirs, params (see `Key.describe`), examples."""
    return [_describe(name, fault) for name, fault in sorted(FAULTS.items())]


def scope_catalogue() -> list[dict[str, Any]]:
    """Describe the parameters that every fault has, as `catalogue` does."""
    return [key.describe() for key in Scope.keys.values()]


def ways_in_words(described: Mapping[str, Any]) -> str:
    """Return a sentence on the ways of a fault in the catalogue, and which of its modes have them."""
    if described["ways"] != [*WAYS]:
        return f"It acts {_ONLY[described['ways'][0]]}."
    outside = [mode for mode, ways in described["modes"].items() if "outside" in ways]
    if len(outside) == len(described["modes"]):
        return "It acts inside the patient, or from outside on any container."
    return f"It acts inside the patient; by mode={', '.join(outside)} also from outside, on any container."


def rows_outside(fault: type[Fault]) -> dict[str, Probed]:
    """Return what probes make of a fault from outside, by spec."""
    rows = {}
    for spec, probed in (*fault.probed.items(), *fault.probed_outside.items()):
        with suppress(FaultError):
            parse_spec(spec).taken("outside")
            rows[spec] = probed
    return rows


def _describe(name: str, fault: type[Fault]) -> dict[str, Any]:
    modes = _modes(fault)
    return {
        "name": name,
        "summary": (fault.__doc__ or "").partition("\n")[0],
        "target": fault.target,
        "ways": [way for way in WAYS if any(way in ways for ways in modes.values())],
        "modes": {mode: list(ways) for mode, ways in modes.items() if mode},
        "params": [key.describe() for key in fault.keys.values()],
        "examples": list(fault.examples),
    }


def _modes(fault: type[Fault]) -> dict[str, tuple[Way, ...]]:
    """Return the ways of each mode, as the specs in its file have them; without modes those under an empty text."""
    return {getattr(one, "mode", ""): one.ways for one in map(parse_spec, (*fault.probed, *fault.probed_outside))}

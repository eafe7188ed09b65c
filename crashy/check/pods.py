"""Traps in what a pod is for others, and in what is known of its illnesses."""

from __future__ import annotations

from collections.abc import Iterator

from crashy.check.model import Hit
from crashy.check.numbers import Illness, numbers, waits
from crashy.check.targets import CheckTarget

# What the patient's variables bring about.
_IMPACTS = {"CRASH_AFTER": Illness.ERRORS, "FREEZE_AFTER": Illness.HANG, "KILL_IN_SECONDS": Illness.EXIT}
_WORDS = {
    Illness.ERRORS: "it answers with errors",
    Illness.HANG: "it freezes",
    Illness.EXIT: "its process ends",
}


def readiness_alone(target: CheckTarget) -> Iterator[Hit]:
    """Find a readiness probe of the only pod behind a Service."""
    if target.container.readiness_probe and target.routes and target.pods == 1:
        names = ", ".join(f"Service/{route.service.name}" for route in target.routes)
        text = f"the only pod of {names}: while it is not ready, connections are refused"
        yield Hit(target.field("readinessProbe"), text)


def readiness_ignored(target: CheckTarget) -> Iterator[Hit]:
    """Find Services that publish pods which are not ready, in front of a readiness probe."""
    if target.container.readiness_probe is None:
        return
    for route in target.routes:
        if route.service.publish_not_ready_addresses:
            text = f"Service/{route.service.name} sends users to {target.title} when it is not ready"
            yield Hit("spec.publishNotReadyAddresses", text, document=route.document)


def never_healed(target: CheckTarget) -> Iterator[Hit]:
    """Find illnesses that are known to come and that nothing ends."""
    impacts = numbers(target).impacts
    for name, seconds in target.patient_env.illnesses.items():
        if impacts[_IMPACTS[name]].detected is None:
            yield Hit(_variable(target, name), f"{name}: {_WORDS[_IMPACTS[name]]} after {seconds:g} s, for good")


def ill_again(target: CheckTarget) -> Iterator[Hit]:
    """Find illnesses that are known to come back after each restart."""
    impacts = numbers(target).impacts
    for name, seconds in target.patient_env.illnesses.items():
        impact = impacts[_IMPACTS[name]]
        if impact.back is None or impact.detected is None:
            continue
        life = seconds + impact.detected.worst
        longest = max(waits(life, killed=_IMPACTS[name] is not Illness.EXIT))
        text = f"{name}: {_WORDS[_IMPACTS[name]]} {seconds:g} s after each start; "
        wait = f"before its restarts it waits ever longer, up to {longest:g} s" if longest else "it never has to wait"
        yield Hit(_variable(target, name), text + wait)


def _variable(target: CheckTarget, name: str) -> str:
    """Return where a variable is set, as far as that is in the container."""
    indices = [index for index, variable in enumerate(target.container.env) if variable.name == name]
    return target.field(f"env[{indices[-1]}]" if indices else "envFrom")

"""Traps in what a pod is for others, and in what is known of its illnesses."""

from __future__ import annotations

from collections.abc import Iterator

from crashy.check.model import Hit
from crashy.check.numbers import Illness, numbers, waits
from crashy.check.subjects import Subject

# What the patient's variables bring about.
_COURSES = {"CRASH_AFTER": Illness.ERRORS, "FREEZE_AFTER": Illness.HANG, "KILL_IN_SECONDS": Illness.EXIT}
_WORDS = {
    Illness.ERRORS: "it answers with errors",
    Illness.HANG: "it freezes",
    Illness.EXIT: "its process ends",
}


def readiness_alone(subject: Subject) -> Iterator[Hit]:
    """Find a readiness probe of the only pod behind a Service."""
    if subject.container.readiness_probe and subject.routes and subject.pods == 1:
        names = ", ".join(f"Service/{route.service.name}" for route in subject.routes)
        text = f"the only pod of {names}: while it is not ready, connections are refused"
        yield Hit(subject.field("readinessProbe"), text)


def readiness_ignored(subject: Subject) -> Iterator[Hit]:
    """Find Services that publish pods which are not ready, in front of a readiness probe."""
    if subject.container.readiness_probe is None:
        return
    for route in subject.routes:
        if route.service.publish_not_ready_addresses:
            text = f"Service/{route.service.name} sends users to {subject.title} when it is not ready"
            yield Hit("spec.publishNotReadyAddresses", text, document=route.document)


def never_healed(subject: Subject) -> Iterator[Hit]:
    """Find illnesses that are known to come and that nothing ends."""
    courses = numbers(subject).courses
    for name, seconds in subject.facts.illnesses.items():
        if courses[_COURSES[name]].detected is None:
            yield Hit(_variable(subject, name), f"{name}: {_WORDS[_COURSES[name]]} after {seconds:g} s, for good")


def ill_again(subject: Subject) -> Iterator[Hit]:
    """Find illnesses that are known to come back after each restart."""
    courses = numbers(subject).courses
    for name, seconds in subject.facts.illnesses.items():
        course = courses[_COURSES[name]]
        if course.back is None or course.detected is None:
            continue
        life = seconds + course.detected.worst
        longest = max(waits(life, killed=_COURSES[name] is not Illness.EXIT))
        text = f"{name}: {_WORDS[_COURSES[name]]} {seconds:g} s after each start; "
        wait = f"before its restarts it waits ever longer, up to {longest:g} s" if longest else "it never has to wait"
        yield Hit(_variable(subject, name), text + wait)


def _variable(subject: Subject, name: str) -> str:
    """Return where a variable is set, as far as that is in the container."""
    indices = [index for index, variable in enumerate(subject.container.env) if variable.name == name]
    return subject.field(f"env[{indices[-1]}]" if indices else "envFrom")

"""kubia of "Kubernetes in Action" (luksa/kubia-unhealthy): well for five requests of anybody, probes too, then 500.

luksa/kubernetes-in-action: Chapter04/kubia-unhealthy/app.js
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from crashy.faults.kinds.crash import Crash
from crashy.patient.answers import Answer
from crashy.patient.flags import Played, read
from crashy.patient.personas import GREETINGS
from crashy.patient.personas.routes import EVERYTHING, PersonaReply, PersonaRequest, PersonaRoute

WELL = 5
"""Requests that it answers well, at first and after each recovery."""


def _hit(asked: PersonaRequest) -> PersonaReply:
    last = asked.answered % WELL == WELL - 1
    answer = Answer(body=GREETINGS["kubia"].format(pod=asked.who.pod))
    return PersonaReply(answer, inject=(Crash(mode="errors"),) if last else ())


_ALL = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

ROUTES = {"kubia": (PersonaRoute(_ALL, EVERYTHING, _hit),)}


def played(words: Sequence[str], _environ: Mapping[str, str]) -> Played:
    """Return the patient's settings for kubia, which has no flags."""
    return read("kubia", words, {}).played("kubia", PORT="8080")

"""The admin API alone, on a patient without a body: nothing that is injected does anything."""

from __future__ import annotations

from aiohttp import web

from crashy.patient.identity import Identity
from crashy.patient.settings import load
from crashy.server.admin import mount
from crashy.server.metrics import Meter
from crashy.server.patient import Patient


def make_patient(*, token: str = "", pid: int = 7) -> Patient:
    return Patient(load([], {"ADMIN_TOKEN": token} if token else {}), Identity("web-1"), pid=pid)


def make_app(patient: Patient, meter: Meter | None = None) -> web.Application:
    app = web.Application()
    mount(app, patient, meter=meter)
    return app

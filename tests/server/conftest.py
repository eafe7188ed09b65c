from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from crashy.patient.identity import identify
from crashy.patient.settings import load
from crashy.server.patient import Patient
from tests.server.running import Running


@pytest.fixture
def serve() -> Iterator[Callable[..., Running]]:
    """Start real patients; their settings are keyword arguments, what else they need positional flags."""
    started: list[Running] = []

    def start(*flags: str, **settings: str) -> Running:
        started.append(Running.start(settings, *flags))
        return started[-1]

    yield start
    for running in started:
        running.end()


@pytest.fixture
def make_patient() -> Callable[..., Patient]:
    """Make a patient without a process: keyword arguments in capitals are its settings."""

    def make(**arguments: Any) -> Patient:
        environ = {"POD_NAME": "webapp-1", **{key: value for key, value in arguments.items() if key.isupper()}}
        settings = load([], environ)
        return Patient(
            settings,
            identify(settings, environ, lambda: "the-host"),
            **{k: v for k, v in arguments.items() if not k.isupper()},
        )

    return make

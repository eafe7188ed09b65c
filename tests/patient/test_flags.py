"""The command lines of other programs, read as they read them, and the patient's settings for them."""

from __future__ import annotations

import re
from typing import Any

import pytest

from crashy.commands import APPS as NAMES
from crashy.errors import BadInput
from crashy.objects.images import APPS
from crashy.patient.flags import PROGRAMS, play
from crashy.patient.settings import IMAGE, PERSONAS, load

PLAYED: list[tuple[str, dict[str, str]]] = [
    ("kuard", {"PERSONA": "kuard", "PORT": "8080"}),
    ("kuard --address=:9090 --debug", {"PERSONA": "kuard", "PORT": "9090"}),
    (
        "kuard --readiness-fail-next 3 --liveness-fail-next=-1",
        {"PERSONA": "kuard", "PORT": "8080", "FAULTS": "unlive; unready times=3"},
    ),
    ("liveness", {"PERSONA": "agnhost-liveness", "PORT": "8080", "FAULTS": "unlive after=10s"}),
    ("agnhost liveness", {"PERSONA": "agnhost-liveness", "PORT": "8080", "FAULTS": "unlive after=10s"}),
    ("netexec", {"PERSONA": "agnhost", "PORT": "8080", "DRAIN_SECONDS": "0"}),
    (
        "agnhost netexec --http-port 80 --udp-port=-1 --delay-shutdown=15",
        {"PERSONA": "agnhost", "PORT": "80", "DRAIN_SECONDS": "15"},
    ),
    ("kubia", {"PERSONA": "kubia", "PORT": "8080"}),
    ("podinfo", {"PERSONA": "podinfo", "PORT": "9898", "METRICS": "1", "DRAIN_SECONDS": "5"}),
    (
        "podinfo --port=9898 --port-metrics=9797 --grpc-port=9999 --ui-color=#34577c --server-shutdown-timeout=1m30s",
        {
            "PERSONA": "podinfo",
            "PORT": "9898,9797",
            "GRPC_PORT": "9999",
            "METRICS": "1",
            "DRAIN_SECONDS": "90",
            "APP_COLOR": "#34577c",
        },
    ),
    (
        "podinfo --unready --unhealthy=false --random-error --random-delay --random-delay-min 5 --random-delay-unit ms",
        {
            "PERSONA": "podinfo",
            "PORT": "9898",
            "METRICS": "1",
            "DRAIN_SECONDS": "5",
            "FAULTS": "latency delay=5ms..5ms; error code=500:1,400:1,409:1 p=0.3333; unready",
        },
    ),
    ("podinfo --stress-cpu=1 --stress-memory=100", {"FAULTS": "cpu cores=1; memory to=124M"}),
]


@pytest.mark.parametrize(("line", "settings"), PLAYED)
def test_flags_become_settings_that_the_patient_takes(line: str, settings: dict[str, str]) -> None:
    played = play(line.split(), {})

    assert settings.items() <= played.variables.items()
    assert load((), {**IMAGE, **played.variables}).persona == played.variables["PERSONA"]


@pytest.mark.parametrize(
    ("line", "ignored"),
    [
        (
            "podinfo --level=info --cache-server=tcp://cache:6379 --random-error=false",
            "podinfo: ignored, since this patient has no use for them: --level=info --cache-server=tcp://cache:6379",
        ),
        ("kuard --debug", "kuard: ignored, since this patient has no use for them: --debug=true"),
        ("netexec", ""),
    ],
)
def test_what_it_can_do_nothing_about_is_one_line(line: str, ignored: str) -> None:
    assert play(line.split(), {}).ignored == ignored


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("podinfo --porr=1", "--porr=1: is no flag of podinfo's: --port, "),
        ("podinfo port", "port: is no flag of podinfo's"),
        ("podinfo --port", "--port: needs a value: a whole number"),
        ("podinfo --port=x", "--port: 'x': must be a whole number"),
        ("podinfo --h2c=perhaps", "--h2c: 'perhaps': must be true or false"),
        ("podinfo --server-shutdown-timeout=5", "--server-shutdown-timeout: '5': must be a duration such as 5s"),
        ("podinfo --random-delay-min=9", "--random-delay-min: '9': must be from 0 to random-delay-max, which is 5"),
        ("podinfo --random-delay-unit=h", "--random-delay-unit: 'h': must be s or ms"),
        ("kuard --address=nowhere", "--address: 'nowhere': must be an address such as :8080"),
        ("liveness --x", "--x: is no flag of agnhost liveness's: it has none"),
        ("agnhost pause", "pause: this patient can be liveness or netexec"),
        ("agnhost", "without a sub-command: this patient can be liveness or netexec"),
    ],
)
def test_a_bad_flag_is_named(line: str, message: str) -> None:
    with pytest.raises(BadInput, match=re.escape(message)):
        play(line.split(), {})


def test_podinfo_reads_its_variables_and_flags_win() -> None:
    environ = {"PODINFO_PORT": "1234", "PODINFO_UI_COLOR": "cyan", "PORT": "80"}

    assert play(["podinfo"], environ).variables["PORT"] == "1234"
    flag = play(["podinfo", "--port=5678"], environ).variables
    assert (flag["PORT"], flag["APP_COLOR"]) == ("5678", "cyan")


@pytest.mark.parametrize(
    ("line", "environ", "settings"),
    [
        (
            "kuard --readiness-fail-next=1",
            {"FAULTS": "latency delay=1s"},
            {"FAULTS": "unready times=1; latency delay=1s"},
        ),
        ("netexec --http-port=8081", {}, {"PORT": "8081", "ADMIN_PORT": ""}),
        ("netexec --http-port=8081", {"ADMIN_PORT": "9000"}, {"PORT": "8081"}),
    ],
)
def test_what_the_patient_itself_is_set_to_stays(line: str, environ: dict[str, str], settings: dict[str, Any]) -> None:
    played = play(line.split(), environ).variables

    assert settings.items() <= played.items()
    assert ("ADMIN_PORT" in played) == ("ADMIN_PORT" in settings)


def test_the_names_are_the_same_everywhere() -> None:
    assert set(PROGRAMS) == APPS == {*NAMES, "kubia"}
    assert {play([name, *words], {}).variables["PERSONA"] for name, words in _LINES} <= set(PERSONAS)


_LINES: list[tuple[str, list[str]]] = [(name, ["netexec"] if name == "agnhost" else []) for name in PROGRAMS]

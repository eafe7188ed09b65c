"""What can't be is refused at once, in one line that names the argument, its value and what is expected."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from crashy import Lab, Patient, load_experiment
from crashy.library.experiment import Experiment
from crashy.timeline import Event
from tests.library.test_lab import READY, pod

FINE = {"pod": "web", "spec": "unready", "reason": "Killing", "count": 1}
"""What is given to the other parameters that must have something."""
PUBLIC = [
    pytest.param(of, name, parameter, id=f"{of.__name__}.{name}-{parameter.name}")
    for of in (Lab, Patient, Experiment)
    for name, method in vars(of).items()
    if inspect.isfunction(method) and not name.startswith("_") and name != "story"
    for parameter in list(inspect.signature(method).parameters.values())[1:]
]


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab(pod("web", readinessProbe=READY)) as lab:
        yield lab


@pytest.fixture(scope="module")
def patient() -> Iterator[Patient]:
    with Patient() as patient:
        yield patient


@pytest.fixture(scope="module")
def these(lab: Lab, patient: Patient) -> dict[type, object]:
    return {Lab: lab, Patient: patient, Experiment: load_experiment("07-freeze-with-both")}


def refused(kind: type[Exception], name: str, call: Callable[[], object]) -> str:
    with pytest.raises(kind) as reported:
        call()
    line = str(reported.value)
    assert line.startswith(f"{name}: "), line
    assert "\n" not in line
    assert "--" not in line, "it doesn't speak the command line's words"
    return line


@pytest.mark.parametrize(("of", "method", "parameter"), PUBLIC)
@pytest.mark.parametrize("wrong", [object, [], b"web", True, 1j, None], ids=repr)
def test_the_wrong_type_of_any_argument_is_a_type_error(
    these: dict[type, object], of: type, method: str, parameter: inspect.Parameter, wrong: object
) -> None:
    if wrong is None and parameter.default is None:
        return
    needed = [
        one
        for one, its in inspect.signature(getattr(of, method)).parameters.items()
        if its.default is its.empty and one not in ("self", parameter.name)
    ]
    given = {**{one: FINE[one] for one in needed}, parameter.name: wrong}

    line = refused(TypeError, parameter.name, lambda: getattr(these[of], method)(**given))

    assert "must be " in line


@pytest.mark.parametrize("wrong", [[], b"kind: Pod", 5, None, True], ids=repr)
@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("manifest 2", lambda wrong: Lab(pod("a"), wrong)),
        ("ready_within", lambda wrong: Lab(pod("a"), ready_within=[wrong])),
        ("seed", lambda wrong: Lab(pod("a"), seed=[wrong])),
        ("path", load_experiment),
        ("crash_after", lambda wrong: Patient(crash_after=[wrong])),
    ],
)
def test_and_of_what_makes_one(name: str, call: Callable[[object], object], wrong: object) -> None:
    refused(TypeError, name, lambda: call(wrong))


@pytest.mark.parametrize(
    ("call", "reported"),
    [
        (lambda lab, _: lab.wait_for("Killing", message="("), "message: '(': must be a regular expression: missing )"),
        (lambda lab, _: lab.wait_for(""), "reason: '': must be an event's reason, such as Killing"),
        (lambda lab, _: lab.wait_for("Killing", since=Event(1.0, "", "event", "pod/a", "Killing")), "since: 1.0s "),
        (lambda lab, _: lab.wait_for("Killing", timeout=-1), "timeout: -1: must be a number of seconds, 0 or more"),
        (lambda lab, _: lab.wait_for("Killing", timeout=math.nan), "timeout: nan: must be"),
        (lambda lab, _: lab.wait_for("Killing", timeout=10**400), "timeout: 1000"),
        (lambda lab, _: lab.wait_ready(timeout=-0.1), "timeout: -0.1: must be"),
        (lambda lab, _: lab.inject("", "unready"), "pod: '': must be a pod's name, the beginning of exactly one, or"),
        (lambda lab, _: lab.freeze(""), "pod: '': must be"),
        (lambda lab, _: lab.inject("web", ""), "spec: '': must be a fault"),
        (lambda lab, _: lab.delete("web", grace=-1), "grace: -1: must be a whole number, 0 or more"),
        (lambda lab, _: lab.url("shop"), "service: 'shop': no such Service; there are: none"),
        (lambda lab, _: lab.url(), "service: name one; there are: none"),
        (lambda _, patient: patient.inject(""), "spec: '': must be a fault"),
        (lambda _, patient: patient.recover(""), "fault: '': no such fault was injected; there are: none"),
        (lambda _, patient: patient.wait_for_requests(-1), "count: -1: must be a whole number, 0 or more"),
        (lambda _, patient: patient.wait_for_requests(1, math.nan), "timeout: nan: must be"),
        (lambda *_: Lab(pod("a"), ready_within=-1), "ready_within: -1: must be"),
        (lambda *_: Lab(""), "manifest 1: '': must be a file, a folder, YAML written out or an object"),
        (lambda *_: load_experiment(""), "path: '': must be an experiment's file or a lesson's name"),
        (lambda *_: load_experiment("07").run(on="kube"), "on: 'kube': must be sim or lab"),  # type: ignore[arg-type]
        (lambda *_: Patient(port=""), "PORT: '': must be a port from 0 to 65535"),
        (lambda *_: Patient(port=0, PORT=1), "PORT: is given twice"),
        (lambda *_: Patient(drain_seconds=math.nan), "DRAIN_SECONDS: nan: must be a duration"),
        (lambda *_: Patient(pod_name="a\0b"), r"POD_NAME: 'a\x00b': must be a Kubernetes name"),
        (lambda *_: Patient(state_dir="a\0b"), r"STATE_DIR: 'a\x00b': must be"),
        (lambda *_: Patient(admin_token="é"), "ADMIN_TOKEN: (not shown): must be printable ASCII"),
    ],
)
def test_the_wrong_value_is_a_value_error(
    lab: Lab, patient: Patient, call: Callable[[Lab, Patient], Any], reported: str
) -> None:
    line = refused(ValueError, reported.partition(":")[0], lambda: call(lab, patient))

    assert line.startswith(reported)


def test_an_event_of_another_lab_is_none_of_this_one(lab: Lab) -> None:
    with Lab(pod("web"), ready_within=None) as other:
        theirs = other.wait_for("Started")

    line = refused(ValueError, "since", lambda: lab.wait_for("Killing", since=theirs))

    assert line.endswith("must be an event of this lab")


@pytest.mark.parametrize("timeout", [0, 0.0, math.inf])
def test_no_time_and_all_of_it_are_times(lab: Lab, timeout: float) -> None:
    lab.wait_ready(timeout=timeout)

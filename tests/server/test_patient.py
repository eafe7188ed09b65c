"""The patient without sockets: countdowns, health, what it tells of itself."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from crashy.errors import BadInput
from crashy.faults.base import FaultError, parse_spec
from crashy.faults.effects import Begin, Block, End, Exit
from crashy.server.patient import Patient

Make = Callable[..., Patient]


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def commands(patient: Patient) -> list[Any]:
    found = []
    while not patient.command_queue.empty():
        queued = patient.command_queue.get()
        if queued is not None:
            found.append(queued.command)
    return found


@pytest.mark.parametrize(
    ("settings", "spec", "remaining"),
    [
        ({"CRASH_AFTER": "60"}, "crash mode=errors after=1m", 60.0),
        ({"FREEZE_AFTER": "30s"}, "freeze after=30s", 30.0),
        ({"KILL_IN_SECONDS": "60"}, "crash after=1m", 60.0),
        ({"KILL_IN_SECONDS": "5", "EXIT_CODE": "3"}, "crash code=3 after=5s", 5.0),
        ({"READY_AFTER": "20"}, "unready for=20s", 20.0),
        ({"READINESS_LATENCY": "2"}, "latency delay=2s routes=/readyz,/ready,/readiness,/api/ready", None),
        (
            {"LIVENESS_LATENCY": "2"},
            "latency delay=2s routes=/livez,/healthz,/health,/live,/liveness,/api/healthy,/healthy",
            None,
        ),
        (
            {"READINESS_LATENCY": "1", "READINESS_LATENCY_JITTER": "2"},
            "latency delay=1s..3s routes=/readyz,/ready,/readiness,/api/ready",
            None,
        ),
    ],
)
def test_a_countdown_is_a_fault_whose_remaining_time_can_be_read(
    make_patient: Make, settings: dict[str, str], spec: str, remaining: float | None
) -> None:
    patient = make_patient(**settings, now=Clock())
    (countdown,) = patient.status()["countdowns"]
    (active,) = patient.faults.list()

    assert active.fault.to_spec() == spec
    assert countdown["name"] == next(iter(settings))
    assert (countdown["fault"], countdown["remaining"]) == (active.id, remaining)


def test_a_countdown_runs_down_and_then_stands_at_zero(make_patient: Make) -> None:
    clock = Clock()
    patient = make_patient(KILL_IN_SECONDS="60", now=clock)
    clock.now += 45
    assert patient.countdowns()[0]["remaining"] == 15.0
    assert patient.next_change() == 15.0
    clock.now += 15
    patient.tick()

    assert commands(patient) == [Begin(Exit(1))]
    assert patient.countdowns()[0]["remaining"] == 0.0
    assert patient.countdowns()[0]["state"] == "ended"


@pytest.mark.parametrize("name", ["CRASH_AFTER", "FREEZE_AFTER", "KILL_IN_SECONDS", "READY_AFTER", "APP_START_DELAY"])
def test_jitter_adds_a_part_of_itself(make_patient: Make, name: str) -> None:
    left = [
        make_patient(**{name: "10", f"{name}_JITTER": "5"}, now=Clock(), rng=random.Random(seed)).countdowns()[0][
            "remaining"
        ]
        for seed in range(20)
    ]

    assert all(10 <= seconds <= 15 for seconds in left)
    assert len(set(left)) > 10


@pytest.mark.parametrize("name", ["READY_AFTER", "READINESS_LATENCY", "LIVENESS_LATENCY"])
def test_no_seconds_of_these_is_no_illness(make_patient: Make, name: str) -> None:
    assert make_patient(**{name: "0"}).faults.list() == []


def test_no_seconds_to_a_crash_is_a_crash_at_once(make_patient: Make) -> None:
    assert not make_patient(CRASH_AFTER="0").health().liveness


def test_health_is_three_answers_of_phase_and_faults(make_patient: Make) -> None:
    clock = Clock()
    patient = make_patient(APP_START_DELAY="5", now=clock)

    def health() -> tuple[bool, bool, bool]:
        found = patient.health()
        return found.startup, found.readiness, found.liveness

    assert health() == (False, False, True)
    patient.enter("serving")
    assert health() == (True, True, True)
    unready = patient.inject(parse_spec("unready"))
    assert health() == (True, False, True)
    patient.recover(unready.id)
    patient.inject(parse_spec("unlive for=10s"))
    assert health() == (True, True, False)
    clock.now += 10
    assert health() == (True, True, True)
    patient.enter("draining")
    assert health() == (True, False, True)


def test_what_faults_do_to_the_process_is_ordered_and_taken_back(make_patient: Make) -> None:
    patient = make_patient()
    active = patient.inject(parse_spec("freeze"))
    assert commands(patient) == [Begin(Block())]
    patient.recover(active.id)
    assert commands(patient) == [End(Block())]


def test_requests_are_looked_at_only_while_a_fault_may_meet_them(make_patient: Make) -> None:
    clock = Clock()
    patient = make_patient(CRASH_AFTER="60", now=clock)
    assert not patient.request_faults
    clock.now += 60
    patient.tick()
    assert patient.request_faults
    patient.recover()
    assert not patient.request_faults
    patient.inject(parse_spec("crash routes=/boom"))  # it waits for a matching request
    assert patient.request_faults


def test_waiting_for_a_fault_that_has_ended_is_over_at_once(make_patient: Make) -> None:
    patient = make_patient()
    active = patient.inject(parse_spec("freeze mode=hang"))
    patient.recover(active.id)

    assert patient.end_of(active).done()


def test_who_waits_no_more_is_not_reported(make_patient: Make) -> None:
    patient = make_patient()
    active = patient.inject(parse_spec("freeze mode=hang"))
    ended, other, cancelled = (patient.end_of(active) for _ in range(3))
    patient.forget(active, ended)
    cancelled.cancel()
    patient.recover()
    patient.forget(active, other)

    assert (ended.done(), other.done()) == (False, True)


def test_process_1_of_a_container_says_that_it_cannot_be_stopped(make_patient: Make) -> None:
    patient = make_patient(pid=1)
    with pytest.raises(FaultError, match="mode: 'stop': process 1 of a container can't be stopped from inside"):
        patient.inject(parse_spec("freeze mode=stop for=1s"))
    with pytest.raises(BadInput, match="FAULTS: freeze mode=stop for=1s: mode: 'stop'"):
        make_patient(pid=1, FAULTS="freeze mode=stop for=1s")

    assert patient.faults.list() == []


def test_the_status_says_who_it_is_and_how(make_patient: Make) -> None:
    clock = Clock()
    patient = make_patient(POD_NAMESPACE="lab", POD_IP="127.1.2.3", NODE_NAME="n", ADMIN_TOKEN="s3cret", now=clock)
    clock.now += 7
    status = patient.status()

    assert {key: status[key] for key in ("pod", "namespace", "ip", "node", "version", "color", "phase", "uptime")} == {
        "pod": "webapp-1",
        "namespace": "lab",
        "ip": "127.1.2.3",
        "node": "n",
        "version": "v1",
        "color": "blue",
        "phase": "serving",
        "uptime": 7.0,
    }
    assert status["health"] == {"startup": True, "readiness": True, "liveness": True}
    assert "s3cret" not in str(status)


def test_each_turn_of_a_fault_is_an_event_of_the_timeline(make_patient: Make) -> None:
    clock = Clock()
    patient = make_patient(now=clock)
    patient.inject(parse_spec("unready for=5s"))
    clock.now += 5
    patient.tick()
    patient.inject(parse_spec("unlive"))
    patient.recover()

    assert [(e.kind, e.object, e.reason, e.data["id"]) for e in patient.timeline.since()] == [
        ("fault", "pod/webapp-1", "Injected", "f1"),
        ("fault", "pod/webapp-1", "Started", "f1"),
        ("fault", "pod/webapp-1", "Ended", "f1"),
        ("fault", "pod/webapp-1", "Injected", "f2"),
        ("fault", "pod/webapp-1", "Started", "f2"),
        ("fault", "pod/webapp-1", "Recovered", "f2"),
    ]


@pytest.mark.parametrize(
    ("user_agent", "client", "requests"),
    [("curl/8.5", "users", 1), ("", "users", 1), ("kube-probe/1.36", "kubelet", 0)],
)
def test_a_request_is_in_flight_from_its_begin_to_its_end(
    make_patient: Callable[..., Patient], user_agent: str, client: str, requests: int
) -> None:
    patient = make_patient()

    sender = patient.begin_request(user_agent)
    assert (sender, patient.requests, patient.in_flight) == (client, requests, 1)
    patient.end_request("GET", "/ready", sender, 200, 0.25, "127.0.0.1")

    assert patient.in_flight == 0
    [event] = [event for event in patient.timeline.since() if event.kind == "request"]
    assert (event.message, event.data["client"]) == ("GET /ready 200 250ms 127.0.0.1", client)


def test_a_request_to_the_admin_api_is_reported_but_not_counted(make_patient: Callable[..., Patient]) -> None:
    patient = make_patient()

    sender = patient.begin_request("", counted=False)
    assert (patient.requests, patient.in_flight) == (0, 0)
    patient.end_request("GET", "/admin/status", sender, 200, 0.0, None, counted=False)

    assert patient.in_flight == 0
    assert [event.kind for event in patient.timeline.since()] == ["request"]

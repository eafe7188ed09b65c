"""A fault acts inside the patient or from outside, on any container: which ways it has, and what each makes of it."""

from __future__ import annotations

import random

import pytest

from crashy.faults.active import FaultSet
from crashy.faults.base import FAULTS, FaultError, parse_spec
from crashy.faults.catalogue import catalogue, rows_outside
from crashy.faults.effects import Block, Exit, ListenersClosed, ProcessEffect, Signal, Stop
from crashy.faults.scope import CONNECTION, Request, Way

BOTH = {
    *("abort", "blackhole", "corrupt", "cpu", "drip", "error", "flap", "latency", "memory", "rate-limit", "redirect"),
    *("reset", "slow-headers", "stall-body", "truncate", "unlive", "unready", "unstarted"),
    *("crash mode=exit", "crash mode=signal", "crash mode=errors"),
    *("freeze mode=loop", "freeze mode=stop", "freeze mode=hang", "freeze mode=deaf"),
}
INSIDE = {
    *("dependency-down", "dependency-slow", "dns-failure", "disk", "exception", "fds", "fork-zombies"),
    *("ignore-sigterm", "log-flood", "slow-drain", "tasks", "threads", "wrong-identity"),
    *("crash mode=overflow", "crash mode=abort", "freeze mode=gil", "freeze mode=threads", "freeze mode=deadlock"),
}
OUTSIDE = {"bandwidth", "slow-close"}


def faults(way: Way) -> FaultSet:
    return FaultSet(lambda: 0.0, random.Random(1), way=way)


def test_the_catalogue_says_which_ways_every_fault_and_every_mode_has() -> None:
    said: dict[tuple[str, ...], set[str]] = {}
    for fault in catalogue():
        if fault["name"] in {"crash", "freeze"}:
            for mode, ways in fault["modes"].items():
                said.setdefault(tuple(ways), set()).add(f"{fault['name']} mode={mode}")
            assert fault["ways"] == ["inside", "outside"]
        else:
            said.setdefault(tuple(fault["ways"]), set()).add(fault["name"])

    assert said == {("inside", "outside"): BOTH, ("inside",): INSIDE, ("outside",): OUTSIDE}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_says_what_probes_make_of_it_in_each_of_its_ways(name: str) -> None:
    fault = next(one for one in catalogue() if one["name"] == name)

    assert bool(FAULTS[name].probed) == ("inside" in fault["ways"])
    assert bool(rows_outside(FAULTS[name])) == ("outside" in fault["ways"])


@pytest.mark.parametrize(
    ("spec", "patient", "way"),
    [
        ("latency", True, "inside"),
        ("latency via=outside", True, "outside"),
        ("bandwidth", True, "outside"),
        ("exception", True, "inside"),
        ("latency", False, "outside"),
        ("exception", False, "outside"),
    ],
)
def test_by_default_a_patient_takes_it_inside_where_it_can_and_another_app_from_outside(
    spec: str, patient: bool, way: Way
) -> None:
    assert parse_spec(spec).way(patient=patient) == way


@pytest.mark.parametrize(
    ("spec", "way", "message"),
    [
        ("exception", "outside", "fault: exception acts inside a patient only; error would do"),
        (
            "wrong-identity",
            "outside",
            "fault: wrong-identity acts inside a patient only; a container that runs the patient would do",
        ),
        (
            "crash mode=overflow",
            "outside",
            "fault: crash mode=overflow acts inside a patient only; mode=exit, signal or errors would do",
        ),
        (
            "freeze mode=deadlock",
            "outside",
            "fault: freeze mode=deadlock acts inside a patient only; mode=stop, loop, hang or deaf would do",
        ),
        (
            "crash message=x",
            "outside",
            "message: a process that is killed from outside leaves none: leave it out",
        ),
        ("unready protocols=tcp", "outside", "protocols: tcp: from outside probes fail by http and grpc alone"),
        (
            "unlive protocols=http,exec",
            "outside",
            "protocols: http,exec: from outside probes fail by http and grpc alone",
        ),
        ("bandwidth", "inside", "fault: bandwidth acts from outside only; drip rate=1Mi would do"),
        ("slow-close", "inside", "fault: slow-close acts from outside only; stall-body or drip over=2s would do"),
        ("latency via=outside", "inside", "via: 'outside': a patient takes faults inside: leave via out"),
        ("latency via=inside", "outside", "via: 'inside': here faults act from outside: leave via out"),
    ],
)
def test_what_has_no_such_way_is_refused_with_what_would_do(spec: str, way: Way, message: str) -> None:
    with pytest.raises(FaultError) as raised:
        faults(way).inject(parse_spec(spec))

    assert str(raised.value) == message


@pytest.mark.parametrize("spec", ["exception via=outside", "bandwidth via=inside", "crash message=x via=outside"])
def test_a_way_that_it_never_has_is_refused_as_it_is_read(spec: str) -> None:
    with pytest.raises(FaultError, match=r"only|leave"):
        parse_spec(spec)


@pytest.mark.parametrize("spec", ["crash", "error p=0.5 seed=7", "flap period=10s", "freeze mode=hang", "bandwidth"])
def test_what_is_taken_from_outside_says_so(spec: str) -> None:
    taken = faults("outside").inject(parse_spec(spec)).fault

    assert taken.to_spec() == f"{spec} via=outside"
    assert parse_spec(taken.to_spec()) == taken


@pytest.mark.parametrize(
    ("spec", "inside", "outside"),
    [
        ("crash", Exit(1), Signal("KILL")),
        ("crash mode=signal signal=BUS", Signal("BUS"), Signal("BUS")),
        ("freeze", Block(), Stop()),
        ("freeze mode=stop for=3s", Stop(), Stop()),
        ("freeze mode=deaf", ListenersClosed(), ListenersClosed(clients="users")),
        ("freeze mode=deaf clients=all", ListenersClosed(), ListenersClosed(clients="all")),
    ],
)
def test_from_outside_a_process_is_killed_stopped_or_cut_off(
    spec: str, inside: ProcessEffect, outside: ProcessEffect
) -> None:
    fault = parse_spec(spec)

    assert (fault.process_effect(), fault.taken("outside").process_effect()) == (inside, outside)


def test_from_outside_a_stop_needs_no_end_of_its_own_as_it_can_be_recovered() -> None:
    with pytest.raises(FaultError, match="needs it"):
        parse_spec("freeze mode=stop")

    assert parse_spec("freeze mode=stop via=outside").process_effect() == Stop()


@pytest.mark.parametrize(
    ("spec", "trap"),
    [
        ("freeze mode=deaf clients=all", False),
        ("freeze mode=deaf clients=kubelet for=3s", False),
        ("freeze mode=deaf times=1", True),
        ("freeze mode=deaf routes=/checkout clients=users", True),
        ("freeze mode=stop routes=/checkout for=3s", True),
    ],
)
def test_from_outside_clients_says_to_whom_an_app_is_deaf_and_waits_for_no_request(spec: str, trap: bool) -> None:
    assert faults("outside").inject(parse_spec(spec)).request_triggered is trap


@pytest.mark.parametrize(
    ("clients", "users", "kubelet"),
    [("", True, False), (" clients=kubelet", False, True), (" clients=all", True, True)],
)
def test_from_outside_a_hang_holds_users_alone_unless_clients_says_otherwise(
    clients: str, users: bool, kubelet: bool
) -> None:
    hang = parse_spec(f"freeze mode=hang{clients}").taken("outside")

    assert hang.matches(Request(CONNECTION, "", "users")) is users
    assert hang.matches(Request("GET", "/readyz", "kubelet", "readiness")) is kubelet


@pytest.mark.parametrize("example", [example for fault in FAULTS.values() for example in fault.examples])
def test_of_a_connection_only_what_can_act_on_it_counts(example: str) -> None:
    fault = parse_spec(example)
    acts = fault.name in {"abort", "bandwidth", "blackhole", "latency", "reset", "slow-close", "truncate"}
    acts |= (fault.name, getattr(fault, "mode", "")) in {("freeze", "hang"), ("freeze", "deaf")}
    acts |= example == "drip rate=1Ki routes=/download"
    client = "kubelet" if fault.scope.clients == "kubelet" else "users"
    chooses = fault.scope.routes or fault.scope.methods

    assert fault.on_connections is acts
    assert fault.matches(Request(CONNECTION, "", client)) is (acts and not chooses)


def test_a_connection_is_counted_once_as_a_request_is() -> None:
    patient = faults("outside")
    resets = patient.inject(parse_spec("reset times=1"))
    patient.inject(parse_spec("error"))
    patient.tick()

    effect = patient.on_request(Request(CONNECTION, ""))

    assert effect.by is resets
    assert patient.on_request(Request(CONNECTION, "")).response is None


@pytest.mark.parametrize(
    ("spec", "state"),
    [
        ("crash mode=errors", "ended"),
        ("freeze", "ended"),
        ("freeze mode=hang", "ended"),
        ("freeze mode=deaf", "ended"),
        ("memory to=1Mi", "ended"),
        ("freeze after=1m", "pending"),
        ("error", "active"),
        ("latency", "active"),
        ("unready", "active"),
    ],
)
def test_what_ailed_a_process_is_over_with_it_and_what_ails_its_connections_is_not(spec: str, state: str) -> None:
    patient = faults("outside")
    fault = patient.inject(parse_spec(spec))

    patient.process_ended()

    assert fault.state == state

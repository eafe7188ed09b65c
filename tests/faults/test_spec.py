import json
import subprocess
import sys

import pytest
from hypothesis import given

from crashy.errors import BadInput
from crashy.faults.base import FAULTS, Fault, FaultError, from_json, parse_spec, parse_specs
from crashy.faults.catalogue import catalogue, scope_catalogue
from crashy.faults.kinds.crash import Crash
from crashy.faults.kinds.error import Error, Statuses
from crashy.faults.kinds.freeze import Freeze
from crashy.faults.kinds.latency import Latency
from crashy.faults.kinds.unready import Unready
from crashy.faults.scope import Scope
from crashy.fields.units import Uniform
from tests.faults.strategies import FAULTS as ANY_FAULT

DURATION = "a duration such as 10s, 1m30s or 250ms"
DURATION_BOUND = f"{DURATION}, more than 0s and at most 24h"
SCOPE = "after, for, times, every, p, seed, routes, methods, headers, clients, jitter, via"
CRASH = f"mode, code, signal, message, {SCOPE}"
NAMES = ", ".join(FAULTS)
ROUTES = "paths that begin with /, * stands for anything, such as /,/api/* (at most 20)"


@pytest.mark.parametrize(
    ("spec", "fault"),
    [
        ("freeze mode=loop after=30s for=10s", Freeze(scope=Scope(after=30, for_=10))),
        ("unready times=3", Unready(scope=Scope(times=3))),
        (
            "error code=503 p=0.3 routes=/ clients=users seed=7",
            Error(code=Statuses(((503, 1.0),)), scope=Scope(p=0.3, routes=("/",), clients="users", seed=7)),
        ),
        (
            "error code=500:3,503:0.5 methods=get,POST",
            Error(code=Statuses(((500, 3), (503, 0.5))), scope=Scope(methods=("GET", "POST"))),
        ),
        ("error body='a b; \"c\"' every=2", Error(body='a b; "c"', scope=Scope(every=2))),
        ("error body=", Error(body="")),
        ("latency delay=100ms..2s jitter=1", Latency(delay=Uniform(0.1, 2), scope=Scope(jitter=1))),
        ("crash mode=signal signal=SIGABRT", Crash(mode="signal", signal="ABRT")),
        ("crash mode=signal signal=kill", Crash(mode="signal", signal="KILL")),
        ("crash code=0", Crash(code=0)),
        ("  crash\tcode=0\n", Crash(code=0)),
        ("error routes='/a*, /b,/a*' #", Error(scope=Scope(routes=("/a*", "/b")))),
    ],
)
def test_a_spec_is_read(spec: str, fault: Fault) -> None:
    assert parse_spec(spec.removesuffix(" #")) == fault


def test_specs_stand_apart_by_semicolons_outside_quotes() -> None:
    assert parse_specs("freeze;crash mode=errors ; ;error body=';'") == [
        Freeze(),
        Crash(mode="errors"),
        Error(body=";"),
    ]
    assert parse_specs(" ;") == []


@pytest.mark.parametrize(
    ("spec", "line"),
    [
        ("freze", f"fault: 'freze': unknown; did you mean freeze? one of {NAMES}"),
        ("sleep", f"fault: 'sleep': unknown; one of {NAMES}"),
        ("", "fault: '': one fault, such as 'freeze mode=loop for=10s'"),
        ("crash; crash", "fault: 'crash; crash': one fault, such as 'freeze mode=loop for=10s'"),
        ("freeze loop", "freeze: 'loop': parameters are given as key=value, such as mode=loop"),
        ("freeze 'mode=loop", 'fault: "freeze \'mode=loop": no closing quotation'),
        ("freeze mode=loop mode=hang", "mode: given twice"),
        ("freeze tims=3", f"tims: no parameter of freeze; did you mean times? one of mode, {SCOPE}"),
        ("unready mode=x", f"mode: no parameter of unready; one of protocols, {SCOPE}"),
        ("freeze mode=lop", "mode: 'lop': one of loop, hang, stop, gil, threads, deadlock, deaf"),
        ("freeze for=10x", f"for: '10x': {DURATION}"),
        ("freeze for=", f"for: '': {DURATION}"),
        ("freeze for=-1s", f"for: '-1s': {DURATION}"),
        ("freeze for=0s", f"for: '0s': {DURATION_BOUND}"),
        ("freeze for=25h", f"for: '25h': {DURATION_BOUND}"),
        ("freeze after=24h1s", f"after: '24h1s': {DURATION}, at most 24h"),
        ("freeze jitter=soon", f"jitter: 'soon': {DURATION}"),
        (
            "freeze mode=stop",
            "for: mode=stop needs it, at most 1h, or via=outside: a stopped process answers no requests",
        ),
        ("freeze mode=stop for=61m", "for: '1h1m': mode=stop lasts at most 1h"),
        ("unready times=0", "times: '0': a whole number from 1 to 1000000"),
        ("unready times=1.5", "times: '1.5': a whole number from 1 to 1000000"),
        ("unready times=1_0", "times: '1_0': a whole number from 1 to 1000000"),
        ("unready every=-1", "every: '-1': a whole number from 1 to 1000000"),
        ("unready p=1.1", "p: '1.1': a probability from 0 to 1, such as 0.3"),
        ("unready p=nan", "p: 'nan': a probability from 0 to 1, such as 0.3"),
        ("unready p=50%", "p: '50%': a probability from 0 to 1, such as 0.3"),
        ("unready seed=x", "seed: 'x': a whole number from 0 to 9007199254740991"),
        ("error routes=api", f"routes: 'api': {ROUTES}"),
        ("error routes=/a,,/b", f"routes: '/a,,/b': {ROUTES}"),
        ("error routes=", f"routes: '': {ROUTES}"),
        (f"error routes=/{'x' * 200}", f"routes: '/{'x' * 55}...: {ROUTES}"),
        (
            "error headers=x-user",
            "headers: 'x-user': headers as NAME=VALUE, * stands for anything, such as x-user=42,a=b* (at most 20)",
        ),
        ("error methods=G3T", "methods: 'G3T': HTTP methods, such as GET,POST (at most 20)"),
        ("error clients=bots", "clients: 'bots': one of users, kubelet, all"),
        ("error code=199", "code: '199': a status from 200 to 599 (503), or several with weights (500:3,503:1)"),
        ("error code=600:1", "code: '600:1': a status from 200 to 599 (503), or several with weights (500:3,503:1)"),
        ("error code=500:0", "code: '500:0': a status from 200 to 599 (503), or several with weights (500:3,503:1)"),
        (
            "error code=500:1,500:2",
            "code: '500:1,500:2': a status from 200 to 599 (503), or several with weights (500:3,503:1)",
        ),
        (f"error body={'x' * 8193}", f"body: '{'x' * 56}...: a text of at most 8192 characters"),
        ("crash code=256", "code: '256': an exit code from 0 to 255"),
        ("crash code=-1", "code: '-1': an exit code from 0 to 255"),
        ("crash mode=errors code=3", "code: is for mode=exit only"),
        ("crash signal=ABRT", "signal: is for mode=signal only"),
        (
            "crash mode=signal signal=STOP",
            "signal: 'STOP': one of ABRT, BUS, FPE, HUP, ILL, INT, KILL, QUIT, SEGV, SYS, TERM, TRAP",
        ),
        ("unready protocols=udp", "protocols: 'udp': one or more of http, grpc, exec and tcp, with commas between"),
        ("unready protocols=", "protocols: '': one or more of http, grpc, exec and tcp, with commas between"),
        (
            "unlive protocols=tcp times=3",
            "protocols: tcp can't be combined with routes, methods, headers, clients, times, every and p: where no "
            "connection is accepted, none can be told from another or counted",
        ),
        ("flap period=50ms", "period: '50ms': at least 100ms"),
        ("flap duty=0%", "duty: '0%': a share such as 50%, at most 100%"),
        ("flap probe=users", "probe: 'users': one of readiness, liveness, startup"),
        ("crash for=10s", "for: a process that has ended can't be brought back: only for mode=errors"),
        (
            "latency delay=61m",
            "delay: '61m': a duration (300ms), a range (100ms..2s) or percentiles "
            "(p50=20ms,p90=200ms,p99=2s), at most 1h",
        ),
        ("latency delay=2s..1s", "delay: '2s..1s': a range that begins with its shorter end, such as 100ms..2s"),
        ("x" * 16_385, "fault: a text of 16385 characters: at most 16384"),
    ],
)
def test_a_spec_that_is_wrong_is_answered_by_key_value_and_what_is_allowed(spec: str, line: str) -> None:
    with pytest.raises(FaultError) as caught:
        parse_spec(spec)

    assert str(caught.value) == line
    assert caught.value.field == line.partition(":")[0]
    assert isinstance(caught.value, BadInput)


def test_specs_are_bounded_in_number() -> None:
    assert len(parse_specs("crash;" * 100)) == 100
    with pytest.raises(FaultError, match="fault: 101 specs: at most 100"):
        parse_specs("crash;" * 101)


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ({"fault": "freeze", "mode": "loop", "after": "30s"}, Freeze(scope=Scope(after=30))),
        ({"fault": "freeze", "after": 30, "for": 1.5}, Freeze(scope=Scope(after=30, for_=1.5))),
        ({"fault": "error", "routes": ["/a", "/b"]}, Error(scope=Scope(routes=("/a", "/b")))),
        ({"fault": "error", "routes": "/a,/b", "times": 3.0}, Error(scope=Scope(routes=("/a", "/b"), times=3))),
        ({"fault": "error", "code": 404}, Error(code=Statuses(((404, 1.0),)))),
        ({"fault": "crash", "mode": "signal", "signal": "SIGBUS"}, Crash(mode="signal", signal="BUS")),
    ],
)
def test_json_is_read(value: object, fault: Fault) -> None:
    assert from_json(value) == fault


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ([], 'fault: a list: an object such as {"fault": "freeze", "mode": "loop"}'),
        (None, 'fault: null: an object such as {"fault": "freeze", "mode": "loop"}'),
        ({}, f"fault: missing; one of {NAMES}"),
        ({"fault": None}, f"fault: null: unknown; one of {NAMES}"),
        ({"fault": ["crash"]}, f"fault: a list: unknown; did you mean crash? one of {NAMES}"),
        ({"fault": "crash", "Code": 3}, f"Code: no parameter of crash; did you mean code? one of {CRASH}"),
        ({"fault": "crash", 3: 3}, f"3: no parameter of crash; one of {CRASH}"),
        ({"fault": "crash", "code": True}, "code: true: an exit code from 0 to 255"),
        ({"fault": "crash", "code": "3"}, "code: '3': an exit code from 0 to 255"),
        ({"fault": "crash", "code": float("inf")}, "code: Infinity: an exit code from 0 to 255"),
        ({"fault": "crash", "mode": {}}, "mode: an object: one of exit, signal, overflow, abort, errors"),
        ({"fault": "unready", "for": None}, f"for: null: {DURATION}"),
        ({"fault": "unready", "for": True}, f"for: true: {DURATION}"),
        ({"fault": "unready", "p": "0.3"}, "p: '0.3': a probability from 0 to 1, such as 0.3"),
        ({"fault": "unready", "p": True}, "p: true: a probability from 0 to 1, such as 0.3"),
        ({"fault": "error", "body": 3}, "body: 3: a text of at most 8192 characters"),
        ({"fault": "error", "body": "\ud800"}, "body: '\\ud800': a text of at most 8192 characters"),
        ({"fault": "error", "routes": []}, f"routes: a list: {ROUTES}"),
        ({"fault": "error", "routes": ["/", 3]}, f"routes: a list: {ROUTES}"),
        ({"fault": "error", "routes": ["/a,/b"]}, f"routes: a list: {ROUTES}"),
        ({"fault": "error", "routes": ["/a"] * 21}, f"routes: a list: {ROUTES}"),
    ],
)
def test_json_that_is_wrong_is_answered_by_key_value_and_what_is_allowed(value: object, line: str) -> None:
    with pytest.raises(FaultError) as caught:
        from_json(value)

    assert str(caught.value) == line


@given(ANY_FAULT)
def test_a_fault_written_as_a_spec_is_read_back(fault: Fault) -> None:
    assert parse_spec(fault.to_spec()) == fault


@given(ANY_FAULT)
def test_a_fault_written_as_json_is_read_back(fault: Fault) -> None:
    assert from_json(json.loads(json.dumps(fault.to_json()))) == fault


def test_a_negative_zero_is_written_as_none() -> None:
    fault = from_json({"fault": "latency", "delay": -0.0, "after": -0.0, "p": -0.0})

    assert fault.to_spec() == "latency delay=0s p=0.0"


@given(ANY_FAULT, ANY_FAULT)
def test_faults_written_as_specs_are_read_back_in_their_order(one: Fault, other: Fault) -> None:
    assert parse_specs(f"{one.to_spec()} ; {other.to_spec()}") == [one, other]


def test_what_is_as_by_default_is_not_written() -> None:
    fault = parse_spec("freeze mode=loop after=0s jitter=0s")

    assert fault.to_spec() == "freeze"
    assert fault.to_json() == {"fault": "freeze"}


def test_a_spec_is_quoted_as_for_a_shell() -> None:
    assert Error(body="it's a trap").to_spec() == """error body='it'"'"'s a trap'"""


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_called_as_its_file(name: str) -> None:
    assert FAULTS[name].__module__ == f"crashy.faults.kinds.{name.replace('-', '_')}"
    assert FAULTS[name].name == name


def test_a_fault_is_imported_when_it_is_used() -> None:
    code = "import sys; from crashy.faults.base import parse_spec; parse_spec('unready'); print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()

    assert [name for name in modules if name.startswith("crashy.faults.kinds.")] == ["crashy.faults.kinds.unready"]


@pytest.mark.parametrize("example", [example for fault in FAULTS.values() for example in fault.examples])
def test_examples_are_written_as_the_code_writes_them(example: str) -> None:
    assert parse_spec(parse_spec(example).to_spec()) == parse_spec(example)


def test_every_fault_can_be_injected_without_parameters() -> None:
    assert [parse_spec(name).to_spec() for name in FAULTS] == list(FAULTS)


def test_the_catalogue_describes_every_fault_with_its_own_parameters() -> None:
    described = {fault["name"]: fault for fault in catalogue()}

    assert list(described) == list(FAULTS) == sorted(FAULTS)
    assert described["crash"]["summary"].startswith("Crash the app: end the process")
    assert described["crash"]["target"] == "everything"
    assert described["crash"]["params"][1] == {
        "name": "code",
        "type": "integer",
        "default": 1,
        "allowed": "an exit code from 0 to 255",
        "help": "the exit code of the process; from outside it is killed, with 137",
        "mode": "exit",
        "schema": {"type": "integer", "minimum": 0, "maximum": 255},
    }
    for fault in described.values():
        assert fault["summary"].endswith(".")
        assert all(example.split()[0] == fault["name"] for example in fault["examples"])
    assert described["latency"]["params"][0]["default"] == "300ms"
    json.dumps(catalogue())


def test_the_catalogue_describes_the_scope_once() -> None:
    described = scope_catalogue()

    assert ", ".join(param["name"] for param in described) == SCOPE
    assert {param["name"]: param["default"] for param in described if param["default"] is not None} == {
        "after": "0s",
        "jitter": "0s",
    }
    assert all(param["help"] and param["allowed"] and param["schema"] for param in described)
    json.dumps(described)

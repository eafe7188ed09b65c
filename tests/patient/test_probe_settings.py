"""PROBES: a container's probes, read as its manifest has them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crashy.errors import BadInput
from crashy.patient.probe_settings import ProbeSettings, read
from crashy.patient.settings import load

GET = {"httpGet": {"path": "/livez", "port": 8080}}
BOUND = 2**31 - 1


@pytest.mark.parametrize(
    ("container", "probes"),
    [
        ({"livenessProbe": GET}, [ProbeSettings("liveness", "http", 8080, "/livez")]),
        (
            {"livenessProbe": {"httpGet": {"port": "web"}}, "ports": [{"name": "web", "containerPort": 80}, {}]},
            [ProbeSettings("liveness", "http", 80, "/")],
        ),
        (
            {"readinessProbe": {"grpc": {"port": 9000, "service": None}, "periodSeconds": 0, "timeoutSeconds": 2}},
            [ProbeSettings("readiness", "grpc", 9000, timeout=2)],
        ),
        (
            {"startupProbe": {"tcpSocket": {"port": 80}, "failureThreshold": 30, "initialDelaySeconds": 4}},
            [ProbeSettings("startup", "tcp", 80, initial_delay=4, failure_threshold=30)],
        ),
        ({"livenessProbe": {"exec": {"command": ["cat", "f"]}}}, [ProbeSettings("liveness", "exec", target="cat f")]),
        ({"livenessProbe": None, "readinessProbe": {}}, []),
    ],
)
def test_a_containers_probes_are_read_with_their_defaults(container: Any, probes: list[ProbeSettings]) -> None:
    assert read(json.dumps(container)) == tuple(probes)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("/livez", "JSON: can't be read: Expecting value: line 1 column 1 (char 0)"),
        ("[" * 100_000, "JSON: can't be read: maximum recursion depth exceeded"),
        ("[]", "the container: a list: must be an object"),
        ('{"livenesProbe": {}}', "the container: has no 'livenesProbe': it may have startupProbe, readinessProbe, "),
        ('{"livenessProbe": {"periodSeconds": 1}}', "livenessProbe: must have one of httpGet, grpc, tcpSocket, exec"),
        ('{"livenessProbe": {"tcpSocket": {"port": 0}}}', "livenessProbe.tcpSocket.port: 0: must be a whole number"),
        ('{"livenessProbe": {"httpGet": {"port": "web"}}}', "livenessProbe.httpGet.port: 'web': is not the name of"),
        ('{"livenessProbe": {"exec": {"command": "ls"}}}', "livenessProbe.exec.command: 'ls': must be a list of words"),
        ('{"livenessProbe": {"grpc": {"port": 1}, "periodSeconds": -1}}', "livenessProbe.periodSeconds: -1: must be"),
        ('{"livenessProbe": {"grpc": {"port": 1}, "period": 1}}', "livenessProbe: has no 'period': it may have"),
        ('{"ports": 80}', "ports: 80: must be a list of the container's ports"),
    ],
)
def test_a_mistake_is_named_where_it_is(text: str, error: str) -> None:
    with pytest.raises(BadInput) as caught:
        load([], {"PROBES": text})

    (line,) = str(caught.value).splitlines()
    assert line.startswith("PROBES: ")
    assert error in line


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["livenessProbe", "startupProbe", "ports", "httpGet", "exec", "command", "port", "path", "name"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_whatever_is_given_it_is_read_or_refused(value: Any) -> None:
    try:
        probes = read(json.dumps(value))
    except BadInput:
        return
    assert all(0 <= one.port < 65536 and 1 <= one.period <= BOUND for one in probes)

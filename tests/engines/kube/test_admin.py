"""A patient's admin API through the proxy to its pod: which port, and whose words they are."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from crashy.engines.admin import NeedsTokenError, NotDoneError
from crashy.engines.kube.admin import AdminProxy
from crashy.engines.kube.api import ApiError, Response
from crashy.kubelet.runtime import Pod
from crashy.objects.pod import Container, ContainerPort, EnvVar, PodTemplate
from tests.engines.kube.fakes import FakeApi, refused

PROXY = "/api/v1/namespaces/ns/pods/web-1"


def pod(*env: tuple[str, str], image: str = "crashy-app:1.0.0", port: int = 5000) -> Pod:
    variables = tuple(EnvVar(name, value) for name, value in env)
    container = Container("web", image, ports=(ContainerPort(port),), env=variables)
    return Pod("web-1", "ns", "u", "10.0.0.7", PodTemplate((Container("side", "redis"), container)))


def problem(code: int, detail: str) -> Response:
    return Response(code, {"X-Pod": "web-1"}, json.dumps({"detail": detail}).encode())


CONTAINER = pod().template.containers[1]
DEAD = refused(503, "error trying to reach service: connection refused")


@pytest.mark.parametrize(
    ("patient", "dead", "requested"),
    [
        (pod(), (), [8081]),
        (pod(("ADMIN_PORT", "9000")), (), [9000]),
        (pod(), (8081,), [8081, 5000]),
        (pod(("ADMIN_PORT", "")), (), [5000]),
        (pod(("ADMIN_PORT", "0")), (), [5000]),
        (pod(port=8081), (8081,), [8081, 8080]),
    ],
    ids=["admin port", "its own", "no admin port there", "switched off", "switched off by 0", "declared"],
)
def test_the_admin_port_is_asked_then_the_data_port(patient: Pod, dead: tuple[int, ...], requested: list[int]) -> None:
    def answers(method: str, path: str, body: Any) -> Any:
        del method, body
        return DEAD if any(f":{port}/" in path for port in dead) else {"id": "f1"}

    api = FakeApi(answers)
    asyncio.run(AdminProxy(api).inject(patient, patient.template.containers[1], "freeze"))  # type: ignore[arg-type]

    assert api.requested == [("POST", f"{PROXY}:{port}/proxy/admin/faults") for port in requested]


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        (problem(422, "freeze: no such mode"), NotDoneError, "422 freeze: no such mode"),
        (problem(401, "a token is needed"), NeedsTokenError, "401 a token is needed"),
        (Response(404, {}, b"<html>"), NotDoneError, "404 <html>"),
        (DEAD, NotDoneError, "port 8081: error trying to reach service"),
        (refused(400, "address not allowed"), NotDoneError, "the pod has no address yet"),
        (refused(403, 'pods "web-1" is forbidden: cannot create resource "pods/proxy"'), NotDoneError, "pods/proxy"),
        (ApiError(0, "https://api: no answer within 5 s"), NotDoneError, "no answer within 5 s"),
    ],
)
def test_what_was_not_done_says_why(answer: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said) as caught:
        asyncio.run(AdminProxy(FakeApi(lambda *_: answer)).inject(pod(), CONTAINER, "freeze"))  # type: ignore[arg-type]

    assert type(caught.value) is error


@pytest.mark.parametrize(("which", "sent"), [("all", {}), ("freeze", {"fault": "freeze"})])
def test_faults_are_taken_back_by_name(which: str, sent: dict[str, str]) -> None:
    bodies = []

    def answers(method: str, path: str, body: Any) -> Any:
        bodies.append((method, path, body))
        return {"recovered": []}

    asyncio.run(AdminProxy(FakeApi(answers)).recover(pod(), CONTAINER, which))  # type: ignore[arg-type]

    assert bodies == [("POST", f"{PROXY}:8081/proxy/admin/recover", sent)]

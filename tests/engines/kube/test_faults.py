"""Faults get into pods by their means, and what became of each is on the timeline."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from crashy.engines.images import SIDECAR
from crashy.engines.kube.api import ApiError
from crashy.engines.kube.faults import Faults
from crashy.errors import BadInput
from crashy.faults.base import parse_spec
from crashy.kubelet.runtime import Pod
from crashy.objects.pod import Container, EnvVar, PodTemplate
from crashy.timeline import Timeline
from tests.engines.kube.fakes import Answers, FakeApi, exited, refused

APP = Container("web", "node:22")
PROXY = Container(SIDECAR, "crashy-app:1.0.0", args=("proxy",), env=(EnvVar("ADMIN_PORT", "20000"),))
POD = "/api/v1/namespaces/shop/pods/web-1"
KILLED, IGNORED = exited(137), exited(0)
NO_SHELL = ApiError(500, 'OCI runtime exec failed: exec: "sh": executable file not found in $PATH: unknown')


def pod(*containers: Container, **spec: Any) -> Pod:
    return Pod("web-1", "shop", "uid", "10.0.0.7", PodTemplate(containers or (APP,), raw={"spec": spec}))


def injected(
    answers: Answers,
    one: Pod,
    spec: str,
    *,
    guest: bool = False,
    then: Callable[[Faults, Pod], Any] | None = None,
) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Return what was requested of the API server, and the events."""
    api = FakeApi(answers)

    async def run() -> list[tuple[str, str]]:
        timeline = Timeline(asyncio.get_running_loop().time)
        async with asyncio.TaskGroup() as tasks:
            faults = Faults(api, timeline, tasks, guest=guest)  # type: ignore[arg-type]
            await faults.inject(one, spec)
            if then:
                await then(faults, one)
        return [(event.reason, event.message) for event in timeline.since()]

    events = asyncio.run(run())
    return [(method, urlsplit(path).path) for method, path in api.requested], events


def test_a_container_whose_first_process_ends() -> None:
    commands: list[list[str]] = []

    def answers(method: str, path: str, body: Any) -> Any:
        assert (method, body) == ("EXEC", None)
        query = parse_qs(urlsplit(path).query)
        commands.append(query["command"])
        assert query["container"] == ["web"]
        return KILLED

    requested, events = injected(answers, pod(), "crash mode=signal signal=INT")

    assert requested == [("EXEC", f"{POD}/exec")]
    assert commands == [["sh", "-c", "kill -s INT 1 || exit 1; sleep 3"]]
    spec = "crash mode=signal signal=INT"
    assert events == [("Injected", spec), ("ContainerEnded", f"{spec}: kill -s INT 1 in container web")]


@pytest.mark.parametrize(
    ("ended", "why"),
    [
        (IGNORED, "kill 1 was ignored for 3 s"),
        (exited(1, b"sh: 1: kill: Operation not permitted\n"), "kill 1: sh: 1: kill: Operation not permitted"),
        (NO_SHELL, f"kill 1: {NO_SHELL}"),
    ],
    ids=["ignored", "not permitted", "no shell"],
)
def test_a_container_that_cannot_be_ended_loses_its_pod(ended: Any, why: str) -> None:
    bodies = []

    def answers(method: str, path: str, body: Any) -> Any:
        bodies.append(body)
        return ended if method == "EXEC" else {}

    requested, events = injected(answers, pod(), "crash")

    assert requested == [("EXEC", f"{POD}/exec"), ("DELETE", POD)]
    assert bodies[-1] == {"preconditions": {"uid": "uid"}, "gracePeriodSeconds": 1}
    assert events[-1] == ("PodDeleted", f"crash: {why}")


@pytest.mark.parametrize("spec", [{"hostPID": True}, {"shareProcessNamespace": True}])
def test_process_1_of_somebody_else_is_left_alone(spec: dict[str, bool]) -> None:
    one = pod(**spec)
    shared = Pod(one.name, one.namespace, one.uid, one.ip, PodTemplate((APP,), share_process_namespace=True))
    requested, events = injected(lambda *_: {}, one if "hostPID" in spec else shared, "crash")

    assert requested == [("DELETE", POD)]
    assert events[-1] == ("PodDeleted", "crash: its process 1 is not its own")


def test_a_guest_evicts_so_that_a_budget_is_kept() -> None:
    def answers(method: str, path: str, body: Any) -> Any:
        if method == "EXEC":
            return IGNORED
        assert body["deleteOptions"] == {"gracePeriodSeconds": 1}
        return refused(429, "Cannot evict pod as it would violate the pod's disruption budget.")

    requested, events = injected(answers, pod(), "crash", guest=True)

    assert requested[-1] == ("POST", f"{POD}/eviction")
    assert [reason for reason, _ in events] == ["Injected", "NotInjected"]
    assert "disruption budget" in events[-1][1]


@pytest.mark.parametrize(
    "error", [ApiError(500, 'container not found ("web")'), ApiError(403, 'cannot create resource "pods/exec"')]
)
def test_a_container_that_does_not_run_is_not_crashed_and_its_pod_stays(error: ApiError) -> None:
    def answers(method: str, path: str, body: Any) -> Any:
        return error

    requested, events = injected(answers, pod(), "crash")

    assert requested == [("EXEC", f"{POD}/exec")]
    assert events[-1] == ("NotInjected", f"crash: {error}")


@pytest.mark.parametrize(("which", "crashed"), [("all", False), ("crash", False), ("latency", True)])
def test_a_crash_that_is_still_to_come_is_taken_back(which: str, crashed: bool) -> None:
    async def recover(faults: Faults, one: Pod) -> None:
        await asyncio.sleep(0)
        await faults.recover(one, which)

    requested, events = injected(lambda *_: KILLED, pod(), "crash after=20ms", then=recover)

    assert [reason for reason, _ in events] == ["Injected", "Recovered", *(["ContainerEnded"] if crashed else [])]
    assert len(requested) == crashed


def test_nothing_is_left_to_come_at_the_end() -> None:
    async def close(faults: Faults, _: Pod) -> None:
        await asyncio.sleep(0)
        faults.close()

    assert injected(lambda *_: KILLED, pod(), "crash after=1h", then=close)[0] == []


def test_network_faults_go_to_the_sidecar_alone() -> None:
    def answers(method: str, path: str, body: Any) -> Any:
        return {"id": "f1"}

    async def recover(faults: Faults, one: Pod) -> None:
        await faults.recover_injected([one])

    requested, events = injected(answers, pod(APP, PROXY), "latency delay=1s", then=recover)

    proxy = f"{POD}:20000/proxy/admin"
    assert requested == [("POST", f"{proxy}/faults"), ("POST", f"{proxy}/recover")]
    assert events == [("Injected", "latency delay=1s"), ("Recovered", "all")]


def test_a_sidecar_with_a_token_is_told_in_its_container() -> None:
    commands = []

    def answers(method: str, path: str, body: Any) -> Any:
        if method == "EXEC":
            query = parse_qs(urlsplit(path).query)
            commands.append((query["container"], query["command"]))
            return exited(0)
        return refused(401, "a token is needed", {"X-Pod": "web-1"})

    injected(answers, pod(APP, PROXY), "reset p=0.5")

    assert commands == [([SIDECAR], ["crashy", "inject", "reset p=0.5"])]


@pytest.mark.parametrize(
    ("spec", "container", "wanted"),
    [
        ("crash", "", ""),
        ("latency delay=1s", "", "latency: container web: it needs the sidecar crashy-proxy in its pod"),
        ("freeze mode=stop for=5s", "", "freeze mode=stop: container web: it must be done to its processes"),
        ("crash mode=overflow", "", "container web: fault: crash mode=overflow acts inside a patient only"),
        ("crash", "db", "crash mode=exit: no container is called db"),
    ],
)
def test_what_cannot_be_is_refused_with_its_reason(spec: str, container: str, wanted: str) -> None:
    faults = Faults(FakeApi(lambda *_: {}), Timeline(float), None, guest=False)  # type: ignore[arg-type]
    said = faults.refusal(pod().template, parse_spec(spec), container)

    assert said.startswith(wanted)
    assert bool(said) == bool(wanted)


@pytest.mark.parametrize(("spec", "asked"), [("latency delay=1s", 0), ("crash", 2)])
def test_only_for_what_will_be_done_rights_are_asked(spec: str, asked: int) -> None:
    api = FakeApi(lambda *_: {"status": {"allowed": False}})
    faults = Faults(api, Timeline(float), None, guest=False)  # type: ignore[arg-type]
    assert faults.refusal(pod(APP, PROXY).template, parse_spec(spec)) == ""

    try:
        asyncio.run(faults.check_rights("shop"))
        named = ""
    except BadInput as error:
        named = error.lines[0]

    assert len(api.requested) == asked
    assert named == ("kube: not allowed: get, create on pods/exec" if asked else "")

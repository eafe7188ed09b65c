"""One call of whichever handler a probe has. kubelet: pkg/kubelet/prober/prober_test.go TestProbe."""

from __future__ import annotations

from typing import Any, cast

import pytest

from crashy.kubelet.handlers.ask import ask
from crashy.kubelet.handlers.exec import ExecResult
from crashy.kubelet.outcome import Outcome, Result, Results, Stored
from crashy.kubelet.pod import ContainerRecord, RecordState, compute_pod_actions
from crashy.kubelet.versions import PROFILES
from crashy.kubelet.worker import ContainerView, Worker
from crashy.objects.pod import (
    GRPC,
    Container,
    ContainerPort,
    EnvVar,
    Exec,
    Handler,
    HTTPGet,
    PodTemplate,
    Probe,
    ProbeType,
    TCPSocket,
)
from tests.kubelet.cases import Expect, Means, case
from tests.kubelet.http_servers import redirect, response, serving

HOST = "127.0.0.1"
APP = Container("app")
ATOI = 'strconv.Atoi: parsing "abc": invalid syntax'


async def outcome_of(handler: Handler | None, container: Container = APP) -> Outcome:
    """Ask with a runtime whose every command ends with 0 and says what was run."""

    async def run(command: tuple[str, ...], timeout: float) -> ExecResult:
        return ExecResult(0, f"{' '.join(command)} within {timeout}")

    probe = Probe(cast("Handler", handler), timeout_seconds=3)
    return await ask(probe, container, host=HOST, run=run)


@pytest.mark.case("prober.no-probe")
async def test_no_probe_is_a_success(expect: Expect) -> None:
    async def run(*_: object) -> ExecResult:
        raise AssertionError

    outcome = await ask(None, Container("app"), host=HOST, run=run)
    assert outcome == Outcome(Result.SUCCESS)
    expect(result=outcome.result, error=outcome.errored)


@pytest.mark.parametrize(
    ("handler", "error"),
    [
        case("prober.no-handler", None, "missing probe handler for app"),
        case("prober.http.unresolvable-port-name", HTTPGet("abc"), ATOI),
        case("prober.tcp.unresolvable-port-name", TCPSocket("abc"), ATOI),
        (HTTPGet(66666), "invalid port number: 66666"),
    ],
)
async def test_what_cannot_be_asked_is_an_error_and_no_failure(
    handler: Handler | None, error: str, expect: Expect
) -> None:
    outcome = await outcome_of(handler)
    assert outcome == Outcome(Result.UNKNOWN, error=error)
    assert outcome.errored
    expect(result="success" if outcome.healthy else "failure", error=outcome.errored)


@pytest.mark.case("prober.exec.args-passed", "prober.exec.static-env-expansion")
async def test_a_command_is_run_as_it_stands_but_for_its_variables(expect: Expect) -> None:
    container = Container("app", env=(EnvVar("A", "script"),))
    outcome = await outcome_of(Exec(("/bin/bash", "-c", "some $(A) $(B)")), container)
    assert outcome == Outcome(Result.SUCCESS, "/bin/bash -c some script $(B) within 3.0")
    expect(result=outcome.result, error=outcome.errored)


async def test_the_networks_probes_go_to_the_pod_and_its_named_ports() -> None:
    async with serving(response(200, b"ok")) as server:
        named = Container("app", ports=(ContainerPort(server.port, "web"),))
        assert await outcome_of(HTTPGet("web"), named) == Outcome(Result.SUCCESS, "ok")
        assert await outcome_of(TCPSocket("web"), named) == Outcome(Result.SUCCESS)
        assert await outcome_of(TCPSocket("web", "localhost"), named) == Outcome(Result.SUCCESS)
        assert (await outcome_of(GRPC(server.port))).result is Result.FAILURE
    assert server.heads[0].decode().startswith(f"GET / HTTP/1.1\r\nHost: {HOST}:{server.port}\r\n")


async def test_the_version_and_the_dial_are_handed_on() -> None:
    async with serving(response(300, b"moved")) as server:
        outcome = await ask(
            Probe(HTTPGet(80)),
            Container("app"),
            host="10.0.0.1",
            run=cast("Any", None),
            dial=lambda *_: (HOST, server.port),
            profile=PROFILES["1.20"],
        )
    assert outcome == Outcome(Result.WARNING, "moved")


@pytest.mark.case("prober.unsupported-probe-type")
def test_a_probe_of_another_type_is_refused_where_it_is_named(expect: Expect) -> None:
    with pytest.raises(ValueError, match="'other' is not a valid ProbeType") as refused:
        ProbeType("other")
    expect(result=Means("failure", refused.type is ValueError), error=isinstance(refused.value, Exception))


@pytest.mark.case("prober.unsupported-result-value")
def test_a_result_of_another_kind_counts_as_a_failure(expect: Expect) -> None:
    odd = Outcome(cast("Result", "CustomUnsupportedResult"))
    assert (odd.healthy, odd.errored) == (False, False)
    worker = Worker(ProbeType.LIVENESS, Probe(TCPSocket(80), failure_threshold=1))
    stored = worker.step(0.0, ContainerView("A", "running", started=True), odd).stored
    assert stored is Stored.FAILURE
    expect(result=stored, error=odd.errored)


@pytest.mark.case("e2e.local-redirect")
async def test_a_redirect_on_the_same_host_is_judged_by_its_target(expect: Expect) -> None:
    """test/e2e/common/node/container_probe.go: a local redirect leads to a page that fails after a while."""
    ill = False

    def answer(target: str, _: bytes) -> bytes:
        if target.startswith("/redirect"):
            return redirect("/healthz")
        return response(500 if ill else 200)

    worker = Worker(ProbeType.LIVENESS, Probe(HTTPGet(80), failure_threshold=1))
    view = ContainerView("A", "running", started=True)
    async with serving(answer) as server:
        probe = HTTPGet(server.port, "/redirect?loc=/healthz")
        assert worker.step(0.0, view, await outcome_of(probe)).stored is Stored.SUCCESS
        ill = True
        assert worker.step(10.0, view, await outcome_of(probe)).stored is Stored.FAILURE
    results = {ProbeType.LIVENESS: worker.results, ProbeType.STARTUP: Results()}
    actions = compute_pod_actions(
        PodTemplate((Container("app"),)), {"app": ContainerRecord("A", RecordState.RUNNING)}, results
    )
    assert (actions.start, actions.kill[0].message) == (
        ("app",),
        "Container app failed liveness probe, will be restarted",
    )
    expect(restarts_at_least=len(actions.start))

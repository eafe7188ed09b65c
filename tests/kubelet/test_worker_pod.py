"""Which workers a pod has, what opens their gate, what triggers them. kubelet: pkg/kubelet/prober."""

from __future__ import annotations

from dataclasses import replace

import pytest

from crashy.kubelet.outcome import Outcome, Result, Stored
from crashy.kubelet.pod import probe_workers
from crashy.kubelet.versions import PROFILES
from crashy.kubelet.worker import MAX_PROBE_RETRIES, ContainerView, Worker, is_started, retry, wants_trigger
from crashy.objects.pod import Container, Exec, PodTemplate, Probe, ProbeType
from tests.kubelet.cases import Each, Expect, case

PROBE = Probe(Exec(("true",)))


def container(name: str, *probes: str, restart_policy: str = "") -> Container:
    return Container(name, restart_policy=restart_policy, **{f"{kind}_probe": PROBE for kind in probes})


ALL = ("liveness", "readiness", "startup")


@pytest.mark.parametrize(
    ("origin", "containers", "init", "workers"),
    [
        case("manager.add.no-probes", "TestAddRemovePods", ["a", "b", "c"], [], ""),
        case(
            "manager.add.one-worker-per-probe",
            "TestAddRemovePods",
            ["a", ("b", "readiness"), "c", ("d", "liveness"), "e", ("f", "startup")],
            [],
            "b/readiness d/liveness f/startup",
        ),
        ("AddPod: the order of types", [("a", *ALL)], [], "a/startup a/readiness a/liveness"),
        case("manager.add.sidecar-none", "TestAddRemovePodsWithRestartableInitContainer", ["a"], [("i", *ALL)], ""),
        case(
            "manager.add.sidecar-always",
            "TestAddRemovePodsWithRestartableInitContainer",
            ["a"],
            [("i!", *ALL)],
            "i/startup i/readiness i/liveness",
        ),
        (
            "TestAddPodContinuesAfterExistingWorker",
            [("a", "readiness"), ("b", "readiness")],
            [],
            "a/readiness b/readiness",
        ),
    ],
)
def test_a_worker_for_each_probe(
    origin: str, containers: list[str | tuple[str, ...]], init: list[tuple[str, ...]], workers: str, expect: Expect
) -> None:
    template = PodTemplate(
        containers=tuple(container(c) if isinstance(c, str) else container(*c) for c in containers),
        init_containers=tuple(
            container(name.rstrip("!"), *probes, restart_policy="Always" if name.endswith("!") else "")
            for name, *probes in init
        ),
    )
    found = probe_workers(template)
    assert " ".join(f"{name}/{kind}" for name, kind in found) == workers, origin
    kinds = [kind for _, kind in found]
    expect(workers=kinds if containers != ["a"] else sorted(kinds, key=ALL.index))  # a set, of one container


def test_an_old_kubelet_knows_no_sidecars() -> None:
    template = PodTemplate((container("a"),), (container("i", "liveness", restart_policy="Always"),))
    assert probe_workers(template, PROFILES["1.20"]) == ()
    assert probe_workers(template, PROFILES["1.32"]) == (("i", ProbeType.LIVENESS),)


@pytest.mark.parametrize(
    ("origin", "running", "result", "has_worker", "started"),
    [
        ("TestUpdatePodStatus: unprobed", True, None, False, True),
        ("TestUpdatePodStatus: started", True, Stored.SUCCESS, True, True),
        ("TestUpdatePodStatus: probe pending", True, None, True, False),
        ("TestUpdatePodStatus: probe unknown", True, Stored.UNKNOWN, True, False),
        ("TestUpdatePodStatus: probe failed", True, Stored.FAILURE, True, False),
        ("TestUpdatePodStatus: terminated", False, Stored.SUCCESS, True, False),
        ("TestUpdatePodStatus: waiting", False, None, False, False),
        ("TestUpdatePodStatusWithInitContainers: a worker's result outlives it", True, Stored.SUCCESS, False, True),
        ("TestUpdatePodStatusWithInitContainers: a failure outlives it", True, Stored.FAILURE, False, False),
    ],
)
def test_started(origin: str, running: bool, result: Stored | None, has_worker: bool, started: bool) -> None:
    assert is_started(running=running, startup_result=result, has_startup_worker=has_worker) is started, origin


@pytest.mark.parametrize(
    ("version", "running", "started", "readiness", "wanted"),
    [
        case("manager.trigger-when-unready", "1.36", True, True, None, True),
        case("manager.trigger-when-unready", "1.36", True, True, Stored.FAILURE, True),
        case("manager.trigger-when-unready", "1.36", True, True, Stored.SUCCESS, False),
        ("1.36", True, False, Stored.FAILURE, False),
        ("1.36", False, True, Stored.FAILURE, False),
        ("1.20", True, True, Stored.FAILURE, False),
    ],
)
def test_a_sync_triggers_the_readiness_probe_of_what_is_not_ready(
    version: str, running: bool, started: bool, readiness: Stored | None, wanted: bool, expect: Expect
) -> None:
    """kubelet: prober/prober_manager.go UpdatePodStatus; 1.20.2 never did."""
    triggered = wants_trigger(running=running, started=started, readiness_result=readiness, profile=PROFILES[version])
    assert triggered is wanted
    expect(manual_trigger_sent=Each(triggered, [None, Stored.FAILURE, Stored.SUCCESS].index(readiness)))


@pytest.mark.parametrize(
    ("result", "error", "healthy", "errored"),
    [
        case("prober.http.success prober.grpc.success", Result.SUCCESS, "", True, False),
        case("prober.exec.warning prober.http.warning prober.tcp.warning", Result.WARNING, "", True, False),
        case("prober.exec.failure prober.http.failure prober.tcp.failure", Result.FAILURE, "", False, False),
        case("prober.exec.unknown prober.http.unknown prober.tcp.unknown", Result.UNKNOWN, "", False, False),
        case("prober.exec.unknown-with-error", Result.UNKNOWN, "exec error", False, True),
        (Result.FAILURE, "unexpected EOF", False, True),
        (Result.SUCCESS, "odd", False, True),
    ],
)
def test_what_an_outcome_counts_as(result: Result, error: str, healthy: bool, errored: bool, expect: Expect) -> None:
    """kubelet: prober/prober_test.go TestProbe."""
    outcome = Outcome(result, "output", error)
    assert (outcome.healthy, outcome.errored) == (healthy, errored)
    worker = Worker(ProbeType.LIVENESS, replace(PROBE, failure_threshold=1))
    judged = worker.step(0.0, ContainerView("A", "running", started=True), outcome)
    expect(error=outcome.errored, result="success" if outcome.healthy else "failure")
    assert outcome.errored or judged.stored == ("success" if outcome.healthy else "failure")


def test_results_are_named_as_events_name_them() -> None:
    """kubelet: pkg/probe/probe.go."""
    assert [str(result) for result in Result] == ["success", "warning", "failure", "unknown"]
    assert Outcome(Result.SUCCESS) == Outcome(Result.SUCCESS, output="", error="")


@pytest.mark.parametrize(
    ("outcomes", "calls"),
    [
        case("prober.retry.max-three", "EEES", 3),
        case("prober.retry.not-on-failure", "F", 1),
        ("S", 1),
        ("EF", 2),
        ("EES", 3),
    ],
)
def test_an_error_is_tried_again_at_once_and_a_failure_is_not(outcomes: str, calls: int, expect: Expect) -> None:
    """kubelet: prober/prober.go runProbeWithRetries."""
    kinds = {
        "E": Outcome(Result.UNKNOWN, error="no"),
        "F": Outcome(Result.FAILURE),
        "S": Outcome(Result.SUCCESS),
    }
    made = 0
    for letter in outcomes:
        made += 1
        if not retry(kinds[letter], made):
            break
    assert made == calls
    assert MAX_PROBE_RETRIES == 3
    assert not retry(kinds["E"], 4)
    last = kinds[outcomes[made - 1]]
    expect(handler_calls=made, error=last.errored, result="success" if last.healthy else "failure")

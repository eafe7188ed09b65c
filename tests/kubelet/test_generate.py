"""A container's `started` and `ready` as published. kubelet: pkg/kubelet/prober/prober_manager_test.go."""

from __future__ import annotations

import pytest

from crashy.kubelet.generate import generate_status
from crashy.kubelet.history import Histories, Instance
from crashy.kubelet.outcome import Results, Stored
from crashy.objects.pod import Container, Exec, PodTemplate, Probe, ProbeType
from crashy.objects.status import ContainerStatus, PodStatus
from tests.kubelet.cases import Expect, case

PROBE = Probe(Exec(("true",)))
RUNNING = Instance("A", 0, 1.0)
EXITED = Instance("A", 0, 1.0, 2.0, 0)
FAILED = Instance("A", 0, 1.0, 2.0, 1)


def status_of(
    instance: Instance | None, probes: str = "", found: str = "", *, init: bool = False, restart_policy: str = ""
) -> ContainerStatus:
    """Return the status of a container with these probes (`startup readiness`) and results (`startup=success`)."""
    kinds = {f"{kind}_probe": PROBE for kind in probes.split()}
    container = Container("c", restart_policy=restart_policy, **kinds)  # type: ignore[arg-type]
    template = PodTemplate((Container("main"),), (container,)) if init else PodTemplate((container,))
    results = {kind: Results() for kind in ProbeType}
    for item in found.split():
        kind, _, value = item.partition("=")
        results[ProbeType(kind)].set("A", Stored(value))
    histories = Histories({"c": (instance,)} if instance else {})
    status = generate_status(template, histories, results, {}, PodStatus("Pending", ()), now=5.0).container("c")
    assert status is not None
    return status


@pytest.mark.parametrize(
    ("instance", "probes", "found", "started", "ready"),
    [
        # TestUpdatePodStatus
        case("manager.podstatus.unprobed", RUNNING, "liveness", "", True, True),
        case("manager.podstatus.probed-ready", RUNNING, "readiness", "readiness=success", True, True),
        case("manager.podstatus.started-no-readiness", RUNNING, "startup", "startup=success", True, True),
        (RUNNING, "readiness", "readiness=failure", True, False),
        (RUNNING, "readiness", "", True, False),
        (RUNNING, "startup", "startup=failure", False, False),
        (RUNNING, "startup", "", False, False),
        (RUNNING, "startup readiness", "startup=success readiness=success", True, True),
        (RUNNING, "startup readiness", "startup=unknown readiness=success", False, False),
        (EXITED, "readiness startup", "readiness=success startup=success", False, False),
        (None, "", "", False, False),
    ],
)
def test_a_container(
    instance: Instance | None, probes: str, found: str, started: bool, ready: bool, expect: Expect
) -> None:
    status = status_of(instance, probes, found)
    assert (status.started, status.ready) == (started, ready)
    expect(started=status.started, ready=status.ready)


@pytest.mark.parametrize(
    ("instance", "probes", "found", "restart_policy", "started", "ready"),
    [
        # TestUpdatePodStatusWithInitContainers
        case("manager.init-podstatus.plain.started", RUNNING, "startup", "startup=success", "", True, False),
        case("manager.init-podstatus.plain.terminated-exit0", EXITED, "", "", "", False, True),
        (FAILED, "", "", "", False, False),
        (RUNNING, "", "", "", True, False),
        (None, "", "", "", False, False),
        case("manager.init-podstatus.sidecar.not-started", RUNNING, "startup", "", "Always", False, False),
        case("manager.init-podstatus.sidecar.terminated-exit0", EXITED, "", "", "Always", False, False),
        (RUNNING, "startup", "startup=success", "Always", True, True),
        (RUNNING, "", "", "Always", True, True),
        (RUNNING, "readiness", "readiness=failure", "Always", True, False),
        (RUNNING, "readiness", "readiness=success", "Always", True, True),
    ],
)
def test_an_init_container(
    instance: Instance | None, probes: str, found: str, restart_policy: str, started: bool, ready: bool, expect: Expect
) -> None:
    status = status_of(instance, probes, found, init=True, restart_policy=restart_policy)
    assert (status.started, status.ready) == (started, ready)
    expect(started=status.started, ready=status.ready)


@pytest.mark.parametrize(("init", "reason"), [((), "ContainerCreating"), ((Container("init"),), "PodInitializing")])
def test_what_is_not_yet_created_waits_for_the_pods_init_containers_also_when_they_are_done(
    init: tuple[Container, ...], reason: str
) -> None:
    """kubelet: pkg/kubelet/kubelet_pods.go convertToAPIContainerStatuses."""
    results = {kind: Results() for kind in ProbeType}
    histories = Histories({one.name: (EXITED,) for one in init})
    template = PodTemplate((Container("app"),), init)
    status = generate_status(template, histories, results, {}, PodStatus("Pending", ()), now=5.0)

    assert status.containers[0].reason == reason


@pytest.mark.parametrize(
    ("exit_code", "reason", "shown"),
    [
        (0, "", "Completed"),
        (1, "", "Error"),
        (137, "OOMKilled", "OOMKilled"),
        (3, "OOMKilled", "OOMKilled"),  # a child of its first process was killed (workloads-1.36: 15-oomkilled)
    ],
)
def test_the_runtimes_reason_goes_before_the_exit_codes(exit_code: int, reason: str, shown: str) -> None:
    histories = Histories({"c": (RUNNING,)})

    histories = histories.ended("c", "A", exit_code=exit_code, finished_at=2.0, message="", reason=reason)

    ended = histories.of("c")[0].terminated()
    assert ended is not None
    assert (ended.exit_code, ended.reason) == (exit_code, shown)


@pytest.mark.parametrize(("containers", "kept"), [(1, 4096), (3, 4096), (4, 3072), (13, 945)])
def test_a_pods_termination_messages_share_12_kib(containers: int, kept: int) -> None:
    """Kubelet: pkg/kubelet/status/status_manager.go normalizeStatus."""
    template = PodTemplate(tuple(Container(f"c{number}") for number in range(containers)))
    before = Instance("A", 0, 1.0, 2.0, 1, message="x" * 4096)
    histories = Histories({"c0": (Instance("B", 1, 3.0, 4.0, 1, message="y" * 4096), before)})
    results = {kind: Results() for kind in ProbeType}
    status = generate_status(template, histories, results, {}, PodStatus("Pending", ()), now=5.0).container("c0")

    assert status is not None
    assert status.last_state is not None
    assert (status.message, status.last_state.message) == ("y" * kept, "x" * kept)

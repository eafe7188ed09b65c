"""`kubectl get pods`. kubernetes: pkg/printers/internalversion/printers_test.go TestPrintPod."""

from __future__ import annotations

from typing import Any

import pytest

from crashy.kubectl.columns import pod_columns
from crashy.objects.status import ContainerStatus, PodStatus, Terminated

NOW = 1000.0


def running(name: str = "app", **fields: Any) -> ContainerStatus:
    return ContainerStatus(name, **{"id": "1", "state": "running", "ready": True, "started": True, **fields})


def waiting(reason: str, **fields: Any) -> ContainerStatus:
    return ContainerStatus("app", state="waiting", reason=reason, **fields)


def ended(code: int, reason: str = "", **fields: Any) -> ContainerStatus:
    return ContainerStatus("app", state="terminated", exit_code=code, reason=reason, **fields)


def died(ago: float) -> Terminated:
    return Terminated(1, "Error", 0, NOW - ago)


@pytest.mark.parametrize(
    ("status", "sidecars", "expected"),
    [
        (PodStatus("Pending", ()), (), ("0/0", "Pending", "0")),
        (PodStatus("Pending", (waiting("ContainerCreating"),)), (), ("0/1", "ContainerCreating", "0")),
        (PodStatus("Running", (running(),), ready=True), (), ("1/1", "Running", "0")),
        (PodStatus("Running", (running(ready=False),)), (), ("0/1", "Running", "0")),
        (PodStatus("Running", (running(restart_count=3),)), (), ("1/1", "Running", "3")),
        (PodStatus("Running", (running(restart_count=3, last_state=died(12)),)), (), ("1/1", "Running", "3 (12s ago)")),
        (
            PodStatus("Running", (waiting("CrashLoopBackOff", restart_count=4, last_state=died(130)),)),
            (),
            ("0/1", "CrashLoopBackOff", "4 (2m10s ago)"),
        ),
        (PodStatus("Running", (ended(1, "Error"),)), (), ("0/1", "Error", "0")),
        (PodStatus("Running", (ended(137, "OOMKilled"),)), (), ("0/1", "OOMKilled", "0")),
        (PodStatus("Running", (ended(3),)), (), ("0/1", "ExitCode:3", "0")),
        (PodStatus("Succeeded", (ended(0, "Completed"),)), (), ("0/1", "Completed", "0")),
        # restarts add up; the youngest death is told
        (
            PodStatus(
                "Running",
                (
                    running("a", restart_count=1, last_state=died(50)),
                    running("b", restart_count=2, last_state=died(20)),
                ),
            ),
            (),
            ("2/2", "Running", "3 (20s ago)"),
        ),
        # the first container's trouble is told
        (PodStatus("Running", (ended(1, "Error"), waiting("CrashLoopBackOff"))), (), ("0/2", "Error", "0")),
        # one has completed, another runs on
        (PodStatus("Running", (ended(0, "Completed"), running("b")), ready=True), (), ("1/2", "Running", "0")),
        (PodStatus("Running", (ended(0, "Completed"), running("b"))), (), ("1/2", "NotReady", "0")),
        (PodStatus("Running", (ended(0, "Completed"), running("b", ready=False))), (), ("0/2", "Completed", "0")),
        # deletion
        (PodStatus("Running", (running(),), deleting=True), (), ("1/1", "Terminating", "0")),
        (PodStatus("Succeeded", (ended(0, "Completed"),), deleting=True), (), ("0/1", "Completed", "0")),
        # init containers
        (
            PodStatus("Pending", (waiting("PodInitializing"),), (running("init", ready=False),)),
            (),
            ("0/1", "Init:0/1", "0"),
        ),
        (
            PodStatus("Pending", (waiting("PodInitializing"),), (ended(0, "Completed"), waiting("PodInitializing"))),
            (),
            ("0/1", "Init:1/2", "0"),
        ),
        (
            PodStatus(
                "Pending", (waiting("PodInitializing"),), (ended(1, "Error", restart_count=2, last_state=died(5)),)
            ),
            (),
            ("0/1", "Init:Error", "2 (5s ago)"),
        ),
        (PodStatus("Pending", (waiting("PodInitializing"),), (ended(7),)), (), ("0/1", "Init:ExitCode:7", "0")),
        (
            PodStatus("Pending", (waiting("PodInitializing"),), (waiting("CrashLoopBackOff"),)),
            (),
            ("0/1", "Init:CrashLoopBackOff", "0"),
        ),
        (
            PodStatus("Running", (running(restart_count=1),), (ended(0, "Completed", restart_count=5),)),
            (),
            ("1/1", "Running", "1"),
        ),
        # sidecars count among the containers
        (
            PodStatus("Running", (running(),), (running("side", restart_count=2, last_state=died(3)),)),
            ("side",),
            ("2/2", "Running", "2 (3s ago)"),
        ),
        (
            PodStatus("Pending", (waiting("PodInitializing"),), (running("side", started=False, ready=False),)),
            ("side",),
            ("0/2", "Init:0/1", "0"),
        ),
    ],
)
def test_a_pods_line(status: PodStatus, sidecars: tuple[str, ...], expected: tuple[str, str, str]) -> None:
    assert pod_columns(status, NOW, sidecars) == expected

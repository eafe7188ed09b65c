"""What `kubectl describe pod` says of a pod, with its containers' last words."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from crashy.clock import run_virtual
from crashy.controllers.base import PodView
from crashy.engines.sim.patient import PatientPlan
from crashy.engines.sim.process import Plan
from crashy.kubectl.describe import aligned, describe_pod
from crashy.kubectl.tables import Snapshot
from crashy.kubelet.runtime import Pod
from crashy.objects.pod import Container
from crashy.objects.status import Terminated
from crashy.patient.settings import IMAGE, load
from tests.controllers.worlds import world

PROBED = {
    "name": "app",
    "image": "crashy-app",
    "args": ["serve"],
    "ports": [{"containerPort": 80}, {"containerPort": 8080, "hostPort": 1}],
    "livenessProbe": {"httpGet": {"path": "/livez", "port": 8080}},
    "readinessProbe": {"exec": {"command": ["cat", "/app/is_ready"]}, "periodSeconds": 5},
    "startupProbe": {"tcpSocket": {"port": 80}, "failureThreshold": 9},
    "resources": {"limits": {"memory": "64Mi", "cpu": "1"}},
}
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web", "labels": {"b": "2", "a": "1"}},
    "spec": {"containers": [PROBED]},
}
CRASHED = """\
Name:         web
Namespace:    default
Node:         crashy-lab
Start Time:   Thu, 01 Jan 1970 00:00:00 +0000
Labels:       a=1
              b=2
Annotations:  <none>
Status:       Running
IP:           10.0.0.1
Containers:
  app:
    Container ID:  sim://00000002
    Image:         crashy-app
    Ports:         80/TCP, 8080/TCP
    Host Ports:    0/TCP, 1/TCP
    Args:
      serve
    State:          Running
      Started:      DATE
    Last State:     Terminated
      Reason:       Error
      Message:      bye
      Exit Code:    3
      Started:      DATE
      Finished:     DATE
    Ready:          True
    Restart Count:  1
    Limits:
      cpu:      1
      memory:   64Mi
    Liveness:   http-get http://:8080/livez delay=0s timeout=1s period=10s #success=1 #failure=3
    Readiness:  exec [cat /app/is_ready] delay=0s timeout=1s period=5s #success=1 #failure=3
    Startup:    tcp-socket :80 delay=0s timeout=1s period=10s #success=1 #failure=9
Conditions:
  Type    Status
  Ready   True\x20
"""


def described(change: Callable[[PodView], PodView] = lambda view: view) -> str:
    """Describe a pod whose container has crashed once, a minute after its creation."""

    def plan(pod: Pod, _container: Container, attempt: int) -> Plan:
        faults = "" if attempt else "crash mode=exit code=3 after=20s message=bye"
        return PatientPlan(load([], IMAGE | {"FAULTS": faults}), pod.name, random.Random(1), lambda *_: None)

    async def main() -> str:
        async with world(POD, seconds=60, script=plan) as w:
            now = asyncio.get_running_loop().time()
            lab = Snapshot(w.cluster, w.timeline, now, {}, lambda *_: None, date=now)
            return describe_pod(change(w.cluster.pods()[0]), lab)

    return run_virtual(main())


def test_a_pod_whose_container_has_crashed() -> None:
    text = re.sub(r"(Started|Finished):( +)Thu, 01 Jan 1970 00:0\d:\d\d \+0000", r"\1:\2DATE", described())
    pod, _, events = text.partition("Events:\n")
    heads, _, *rows = events.splitlines()

    assert pod == CRASHED
    assert heads.split() == ["Type", "Reason", "Age", "From", "Message"]
    assert [row.split()[1] for row in rows][:4] == ["Scheduled", "Pulled", "Created", "Started"]
    assert {row.split()[0] for row in rows} == {"Normal"}


def test_hostile_last_words_move_no_cursor() -> None:
    def change(view: PodView) -> PodView:
        hostile = Terminated(1, "Error", 0.0, 0.0, "two\nlines \x1b[2J")
        (status,) = view.status.containers
        return replace(view, status=replace(view.status, containers=(replace(status, last_state=hostile),)))

    text = described(change)
    assert re.search(r"Message: +two\nlines  \[2J\n", text)
    assert "\x1b" not in text


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        (["a:\tb", "long:\tc"], "a:     b\nlong:  c\n"),
        (["a:\tb", "none", "long:\tc"], "a:  b\nnone\nlong:  c\n"),
        (["a\tb\tc", "dd\te\tf"], "a   b  c\ndd  e  f\n"),
        ([], ""),
    ],
)
def test_cells_are_aligned_in_blocks(lines: list[str], text: str) -> None:
    assert aligned(lines) == text

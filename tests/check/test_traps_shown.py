"""What the traps of Services, rollouts, starts and budgets come to: sim shows it, and that the remedy helps.

Each row is one experiment twice: with the trap, which `check` finds, and mended, where it finds it no more.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from crashy import cli
from crashy.check.files import read_sources
from crashy.check.model import findings
from crashy.check.traps import TRAPS
from crashy.manifest.walk import sources

Mapping = dict[str, Any]


def http(**settings: int) -> Mapping:
    return {"httpGet": {"path": "/healthz", "port": 80}, "periodSeconds": 1, **settings}


def pod_spec(container: Mapping, **spec: Any) -> Mapping:
    return {
        "containers": [{"name": "app", "image": "example/app:1", "ports": [{"containerPort": 80}], **container}],
        **spec,
    }


def template(container: Mapping, model: str = "start=500ms drain=100ms", **spec: Any) -> Mapping:
    metadata = {"labels": {"app": "web"}, "annotations": {"crashy/model": model}}
    return {"metadata": metadata, "spec": pod_spec(container, **spec)}


def deployment(pods: Mapping, replicas: int = 3, **spec: Any) -> Mapping:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": pods, **spec},
    }


def pod(policy: str) -> Mapping:
    """Return a Pod of the patient, which ends well at SIGTERM."""
    liveness = {"httpGet": {"path": "/livez", "port": 8080}, "periodSeconds": 1}
    spec = pod_spec({"image": "crashy-app:1.0.0", "livenessProbe": liveness}, restartPolicy=policy)
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": spec}


def service(selector: str = "web", port: int = 80) -> Mapping:
    spec = {"selector": {"app": selector}, "ports": [{"port": 80, "targetPort": port}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": spec}


def budget(**spec: Any) -> Mapping:
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "web"},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, **spec},
    }


@dataclass(frozen=True)
class Run:
    """What runs, what happens, what is expected, and what is to stand in the timeline."""

    manifests: list[Mapping]
    expect: Mapping
    steps: list[Mapping] = field(default_factory=list)
    traffic: bool = False
    duration: str = "60s"
    models: Mapping = field(default_factory=dict)
    reason: str = ""


SLEEP = {"preStop": {"sleep": {"seconds": 5}}}
LONG_SLEEP = {"preStop": {"sleep": {"seconds": 20}}}
READY = {"readinessProbe": http()}
SLOW = "start=28s drain=100ms"
KUARD = {
    "livenessProbe": http(initialDelaySeconds=5, periodSeconds=5, failureThreshold=3),
    "readinessProbe": http(initialDelaySeconds=30),
}
STARTUP = {"startupProbe": http(failureThreshold=60)}
LATE = {"readinessProbe": http(), "livenessProbe": http(initialDelaySeconds=5), "lifecycle": LONG_SLEEP}
OLD = deployment(template(READY))


def update(container: Mapping, model: str = "start=500ms drain=100ms", **spec: Any) -> list[Mapping]:
    env = {"env": [{"name": "VERSION", "value": "2"}]}
    return [{"at": "10s", "apply": [deployment(template(container | env, model), **spec)]}]


def rolled(container: Mapping, model: str = "start=500ms drain=100ms") -> tuple[list[Mapping], list[Mapping]]:
    """Return manifests, and the step that rolls out a new version of them."""
    return [deployment(template(container, "start=500ms drain=100ms")), service()], update(container, model)


def beside(container: Mapping) -> list[Mapping]:
    """Return a pod of two containers, of which the other one has a readiness probe."""
    pods = template(container)
    del pods["metadata"]["annotations"]
    asked = {"readinessProbe": {"httpGet": {"path": "/", "port": 9090}, "periodSeconds": 1}}
    other = {"name": "metrics", "image": "example/metrics:1", "ports": [{"containerPort": 9090}], **asked}
    pods["spec"]["containers"].append(other)
    return [deployment(pods), service()]


ASKED = {"availability": "== 1"}
LOST = {"availability": "== 0"}
FAULT = [{"at": "10s", "inject": "error clients=kubelet for=20s", "target": "web"}]
DELETE = [{"at": "10s", "delete": "pod", "target": "all"}]
EVICT = [{"at": "10s", "evict": "pod", "target": "any"}]
RESTARTED = {"restarts": {"total": "== 1"}}
NOT_RESTARTED = {"restarts": {"total": "== 0"}}

KILL = [{"at": "21s", "inject": "error clients=kubelet", "target": "any"}]


def again(period: int) -> Mapping:
    """Return a Deployment that starts within 8 s, of which the startup probe asks in this period."""
    startup = {"startupProbe": http(periodSeconds=period, failureThreshold=60)}
    return deployment(template(startup | READY | {"livenessProbe": http(failureThreshold=3)}, "start=8s"), replicas=1)


def depending(kind: str) -> list[Mapping]:
    """Return a Deployment of patients of which this probe checks a dependency."""
    env = {"DEPENDENCIES": "redis://cache", f"{kind.upper()}_CHECKS_DEPENDENCIES": "1"}
    asked = {"periodSeconds": 1, "failureThreshold": 3}
    container = {
        "image": "crashy-app:1.0.0",
        "env": [{"name": name, "value": value} for name, value in env.items()],
        "livenessProbe": {"httpGet": {"path": "/livez", "port": 8080}, **asked},
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": 8080}, **asked},
        "lifecycle": SLEEP,
    }
    return [deployment(template(container))]


DOWN = [{"at": "10s", "inject": "dependency-down for=20s", "target": "all"}]

SHOWN = {
    "liveness-on-dependency": (
        # The fault ends with each life that it kills; what is down stays so for the others: all are restarted.
        Run(
            depending("liveness"),
            {"restarts": {"total": "== 3"}},
            DOWN,
            reason="HTTP probe failed with statuscode: 500",
        ),
        Run(depending("readiness"), NOT_RESTARTED, DOWN, reason="HTTP probe failed with statuscode: 503"),
    ),
    "liveness-before-readiness": (
        Run([deployment(template(KUARD, SLOW), replicas=1)], {"restarts": {"total": ">= 2"}}, duration="120s"),
        Run([deployment(template(KUARD | STARTUP, SLOW), replicas=1)], NOT_RESTARTED, duration="120s"),
    ),
    "liveness-before-startup": (
        # Both are killed once; the second start of 8 s is killed again where its startup probe is asked every 10 s.
        Run([again(10)], {"restarts": {"total": ">= 2"}}, KILL),
        Run([again(1)], RESTARTED, KILL),
    ),
    "service-selects-nothing": (
        Run([OLD, service()], {"errors": ">= 1000"}, [{"at": "10s", "apply": [service("wbe")]}], traffic=True),
        Run([OLD, service()], ASKED, traffic=True),
    ),
    "undeclared-target-port": (
        Run([OLD, service(port=8080)], LOST, traffic=True),
        Run([OLD, service()], ASKED, traffic=True),
    ),
    "no-pre-stop-wait": (
        # While no pod is ready, those that are ending get the requests (proxy terminating endpoints).
        Run([OLD, service()], {"errors": ">= 20"}, DELETE, traffic=True),
        Run([deployment(template(READY | {"lifecycle": SLEEP})), service()], {"errors": "== 0"}, DELETE, traffic=True),
    ),
    "ready-while-stopping": (
        Run(
            *(rolled(LATE)[0], {"errors": ">= 20", "restarts": {"total": ">= 1"}}, rolled(LATE, "start=15s")[1]),
            traffic=True,
            duration="120s",
        ),
        Run(
            *(rolled(LATE | STARTUP)[0], {"errors": "== 0"} | NOT_RESTARTED, rolled(LATE | STARTUP, "start=15s")[1]),
            traffic=True,
            duration="120s",
        ),
    ),
    "rollout-stands-still": (
        Run(
            [deployment(template({"readinessProbe": http(initialDelaySeconds=30)}), progressDeadlineSeconds=20)],
            NOT_RESTARTED,
            reason="ProgressDeadlineExceeded",
        ),
        Run(
            [deployment(template({"readinessProbe": http(initialDelaySeconds=30)}), progressDeadlineSeconds=60)],
            NOT_RESTARTED,
            reason="NewReplicaSetAvailable",
        ),
    ),
    "unprobed-target": (
        Run(beside({}), {"errors": ">= 1"}, traffic=True, models={"example/app": "start=10s"}),
        Run(beside(READY), {"errors": "== 0"}, traffic=True, models={"example/app": "start=10s"}),
    ),
    "budget-allows-nothing": (
        Run([OLD, budget(minAvailable=3)], {"events": ["Refused"]}, EVICT),
        Run([OLD, budget(maxUnavailable=1)], {"events": ["Performed", "Killing"]}, EVICT),
    ),
    "liveness-without-restart": (
        Run([pod("Never")], NOT_RESTARTED, FAULT, reason="Killing"),
        Run([pod("Always")], RESTARTED, FAULT, reason="Killing"),
    ),
}


def found(path: Path) -> set[str]:
    checked = read_sources(sources([str(path)]))
    return {one.trap.id for one in [*checked.findings, *findings(TRAPS, checked.targets)] if one.matters}


@pytest.mark.parametrize("mended", [False, True], ids=["trap", "mended"])
@pytest.mark.parametrize("trap", SHOWN)
def test_sim_shows_what_the_trap_does(
    trap: str, mended: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = SHOWN[trap][mended]
    experiment: Mapping = {
        "name": trap,
        "lesson": trap,
        "manifests": run.manifests,
        "steps": run.steps,
        "duration": run.duration,
        "expect": run.expect,
        "models": run.models,
    }
    if run.traffic:
        experiment["traffic"] = {"service": "web", "path": "/", "rate": 50, "timeout": "1s"}
    manifests, file, timeline = tmp_path / "m.yaml", tmp_path / "e.yaml", tmp_path / "t.jsonl"
    applied = [one for step in run.steps for one in step.get("apply", ())]
    manifests.write_text(yaml.safe_dump_all([*run.manifests, *applied]))
    file.write_text(yaml.safe_dump(experiment))

    code = cli.main(["run", str(file), "--on", "sim", "--seed", "1", "--quiet", "--timeline", str(timeline)])

    assert code == 0, "".join(capsys.readouterr())
    assert run.reason in timeline.read_text()
    assert (trap in found(manifests)) is not mended

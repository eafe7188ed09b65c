"""Restart policies and rules of containers, by version, on both engines (recorded as 18a of workloads-1.36)."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.commands.labs import crashy

RULE = {"action": "Restart", "exitCodes": {"operator": "In", "values": [42]}}


def ends(name: str, code: int, **more: Any) -> dict[str, Any]:
    """Return a container whose process ends by itself with this code, a moment after its start."""
    env = [{"name": "KILL_IN_SECONDS", "value": "0.3"}, {"name": "EXIT_CODE", "value": str(code)}]
    return {"name": name, "image": "crashy-app:1.0.0", "env": env, **more}


def pod(name: str, policy: str, *containers: dict[str, Any], init: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    spec = {"restartPolicy": policy, "initContainers": [*init], "containers": [*containers]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


PODS = (
    pod("rule", "Never", ends("app", 42, restartPolicy="Never", restartPolicyRules=[RULE])),
    pod("own", "Always", ends("app", 1, restartPolicy="Never")),
    pod("init", "Never", ends("app", 0), init=(ends("init", 1, restartPolicy="OnFailure"),)),
)
NEW = {"rule": (True, "Running"), "own": (False, "Failed"), "init": (True, "Pending")}
OLD = {"rule": (False, "Failed"), "own": (True, "Running"), "init": (False, "Failed")}


VERSIONS = {"1.20": OLD, "1.32": OLD, "1.34": OLD, "1.35": NEW, "1.36": NEW}


@pytest.mark.parametrize("engine", ["lab", "sim"])
def test_a_containers_own_policy_and_rules(engine: str, tmp_path: Path) -> None:
    """Each is started again, or not, and its pod comes to this phase; an init container may have OnFailure."""
    file = tmp_path / "rules.json"
    file.write_text(json.dumps({"name": "rules", "lesson": "l", "manifests": PODS, "duration": "8s"}))

    def found(version: str) -> dict[str, tuple[bool, str]]:
        timeline = tmp_path / f"{version}.jsonl"
        ran = crashy("run", str(file), "--on", engine, "--kubernetes", version, "--timeline", str(timeline))
        assert ran.returncode == 0, ran.stderr
        events = [json.loads(line) for line in timeline.read_text().splitlines()]
        return {name: restarted(events, name) for name in NEW}

    with ThreadPoolExecutor() as pool:
        assert dict(zip(VERSIONS, pool.map(found, VERSIONS), strict=True)) == VERSIONS


def restarted(events: list[dict[str, Any]], name: str) -> tuple[bool, str]:
    """Return whether a container of a pod was started again, and the pod's last phase."""
    mine = [one for one in events if one["object"] == f"pod/{name}"]
    starts = [one["data"]["container"] for one in mine if one["kind"] == "process" and one["reason"] == "Started"]
    phases = [one["data"]["phase"] for one in mine if one["kind"] == "pod" and not one["data"]["deleting"]]
    return len(starts) > len(set(starts)), phases[-1]


@pytest.mark.parametrize(
    ("container", "said"),
    [
        (ends("app", 1, restartPolicy="OnFailure"), ""),
        (ends("app", 1, restartPolicyRules=[RULE]), "must specify restartPolicy when restart rules are used"),
    ],
)
@pytest.mark.parametrize("field", ["containers", "initContainers"])
def test_rules_need_a_policy_and_an_init_container_may_have_any(
    field: str, container: dict[str, Any], said: str, tmp_path: Path
) -> None:
    manifest = pod("rules", "Never", ends("main", 0))
    manifest["spec"][field].append(container)
    file = tmp_path / "pod.json"
    file.write_text(json.dumps(manifest))

    checked = crashy("check", str(file))

    assert checked.returncode == (2 if said else 0), checked.stdout + checked.stderr
    assert said in checked.stdout + checked.stderr

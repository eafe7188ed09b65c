"""What a version is said to do, the cluster of that version does; and lab and sim do it with its profile."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from crashy.kubelet.versions import Profile, of_cluster
from tests.kube.cluster import Cluster

FOLDER = Path(__file__).with_name("workloads")
LAG = 2.0  # seconds within which a node's proxy knows a change of endpoints

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]


@dataclass(frozen=True)
class Seen:
    """A run's timeline, and what the command said."""

    events: list[dict[str, Any]]
    said: str

    def of(self, kind: str, reason: str = "", after: float = 0.0) -> list[dict[str, Any]]:
        return [e for e in self.events if e["kind"] == kind and reason in {"", e["reason"]} and e["t"] >= after]


def profile_of(cluster: Cluster) -> Profile:
    return of_cluster(json.loads(cluster.raw("/version"))["gitVersion"])


def run(name: str, engine: str, profile: Profile, folder: Path) -> Seen:
    timeline = folder / f"{name}-{engine}.jsonl"
    rules = "auto" if engine == "kube" else profile.version
    command = ["run", FOLDER / f"{name}.yaml", "--on", engine, "--kubernetes", rules, "--timeline", timeline, "--quiet"]
    ran = subprocess.run(
        [sys.executable, "-m", "crashy", *map(str, command)], capture_output=True, text=True, timeout=150, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return Seen([json.loads(line) for line in timeline.read_text().splitlines()], ran.stderr)


@pytest.mark.parametrize("engine", ["kube", "lab", "sim"])
def test_a_pod_that_ends_stays_an_endpoint_or_not(engine: str, cluster: Cluster, tmp_path: Path) -> None:
    """KEP-1672 from 1.22, KEP-1669 from 1.26; before, its users are refused while it still serves."""
    profile = profile_of(cluster)
    seen = run("terminating", engine, profile, tmp_path)

    if engine == "kube":
        assert f", predicted as {profile.version})" in seen.said
    deleted = next(e["t"] for e in seen.of("pod") if e["data"]["deleting"])
    first = seen.of("endpoints", after=deleted - 0.05)[0]["data"]
    assert first["ready"] == []
    assert first["not_ready"] == (["only"] if profile.keeps_terminating_endpoints else [])
    assert first["serving"] == (["only"] if profile.proxies_terminating_endpoints else [])
    asked = [e for e in seen.of("request", after=deleted + LAG) if e["t"] < deleted + 7]
    assert len(asked) > 30
    assert {e["reason"] == "200" for e in asked} == {profile.proxies_terminating_endpoints}, asked[0]


@pytest.mark.parametrize("engine", ["kube", "lab", "sim"])
def test_readiness_goes_on_while_a_container_is_stopped(engine: str, cluster: Cluster, tmp_path: Path) -> None:
    """kubernetes#123027, kubernetes#124791: its pod may be ready, and an endpoint, until its process has ended."""
    seen = run("readiness-in-pre-stop", engine, profile_of(cluster), tmp_path)

    killing = seen.of("event", "Killing")[0]["t"]
    again = seen.of("event", "Started", after=killing)[0]["t"]
    ready = [e["t"] for e in seen.of("pod", after=killing) if e["data"]["ready"]]
    assert killing < ready[0] < again
    assert again - killing > 11
    served = [e["t"] for e in seen.of("endpoints", after=killing) if e["data"]["serving"]]
    assert killing < served[0] < again
    assert not [
        e for e in seen.of("event", "Unhealthy", after=killing + 1.5) if "Liveness" in e["message"] and e["t"] < again
    ]

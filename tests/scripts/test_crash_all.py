"""`crash-app.sh --all`: the pods of a lab crash, but for as many as are to stay ready."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.commands.labs import Lab, eventually, get, lab
from tests.elsewhere import needs_addresses
from tests.needs import needs

SCRIPT = Path(__file__).parent.parent.parent / "scripts/crash-app.sh"
TOKEN = "s3cret"
REPLICAS = 3
LABELS = {"app": "web"}
CONTAINER = {
    "name": "web",
    "image": "crashy-app",
    "env": [{"name": "PEERS", "value": "web-pods"}, {"name": "ADMIN_TOKEN", "value": TOKEN}],
    "readinessProbe": {"httpGet": {"path": "/readyz", "port": 8080}, "periodSeconds": 1},
}
SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web-pods"},
    "spec": {
        "clusterIP": "None",
        "publishNotReadyAddresses": True,
        "selector": LABELS,
        "ports": [{"name": "http", "port": 8080}],
    },
}
DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web"},
    "spec": {
        "replicas": REPLICAS,
        "selector": {"matchLabels": LABELS},
        "template": {"metadata": {"labels": LABELS}, "spec": {"containers": [CONTAINER]}},
    },
}

pytestmark = [needs("curl", "wget"), needs_addresses]


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Lab]:
    manifest = tmp_path / "web.yaml"
    manifest.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": [SERVICE, DEPLOYMENT]}))
    with lab(str(manifest), environ={"CRASHY_RUNTIME_DIR": str(tmp_path)}) as one:
        one.ready(REPLICAS)
        eventually(lambda: ready(one) == REPLICAS)
        yield one


def ready(running: Lab) -> int:
    """Return how many pods of the fleet say themselves that they count as ready."""
    ips = {e["data"]["ip"] for e in running.events if e["kind"] == "pod"}
    return sum(json.loads(get(f"http://{ip}:8081/admin/fleet")[1])["ready"] for ip in ips if ip)


def crash(*args: str, token: str = TOKEN) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environ = {**os.environ, "ADMIN_TOKEN": token, "PATH": path}
    return subprocess.run([SCRIPT, *args], capture_output=True, text=True, timeout=90, env=environ, check=False)


def restarted(event: dict[str, Any]) -> bool:
    return bool(event["kind"] == "pod" and event["data"]["restarts"] == 1 and event["data"]["ready"])


def test_all_but_one_crash_and_come_back(running: Lab) -> None:
    url = f"http://{running.ip()}:8081"
    refused = crash(url, "--all", token="wrong")
    seen = len(running.events)
    ended = crash(url, "--all", "--keep-ready", "1")

    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith(f"Failed: {url}/admin/fleet has no fleet")
    assert ended.returncode == 0
    became = [row["status"] for row in json.loads(ended.stdout)["pods"]]
    assert sorted(became) == ["injected"] * (REPLICAS - 1) + ["spared"]
    for _ in range(REPLICAS - 1):
        seen = running.wait(restarted, after=seen)
    restarts = [e["data"]["restarts"] for e in running.events if e["kind"] == "pod"]
    assert max(restarts) == 1
    assert len({e["object"] for e in running.events if restarted(e)}) == REPLICAS - 1


@pytest.mark.parametrize("value", ["-1", "one", ""])
def test_a_wrong_number_is_one_line_and_exit_2(value: str) -> None:
    ended = crash("--all", "--keep-ready", value)

    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == f"crash-app.sh: --keep-ready: '{value}': must be a whole number of pods\n"

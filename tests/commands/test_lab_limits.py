"""`crashy lab` and the limits of containers: enforced where control groups can be written, and else said once."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from crashy.client import ask_lab
from crashy.engines.lab import proc, reaper
from tests.commands.labs import Lab, crashy, eventually, lab
from tests.elsewhere import Elsewhere, lab_groups, needs_cgroups, why_not

SPINS = ["sh", "-c", "while :; do :; done"]
EATS = ["python", "-c", "b = []\nwhile True: b.append(bytearray(4 << 20))"]
CRASHY = (sys.executable, "-m", "crashy")
NOT_ENFORCED = "limits are shown and not enforced: "


def pod(name: str, command: list[str] | None = None, namespace: str = "default", **limits: str) -> dict[str, object]:
    container: dict[str, object] = {"name": "app", "image": "crashy-app", "resources": {"limits": limits}}
    if command:
        container |= {"image": "busybox", "command": command}
    else:
        container["readinessProbe"] = {"httpGet": {"path": "/readyz", "port": 8080}, "periodSeconds": 1}
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [container]}}


@pytest.fixture
def folder() -> Iterator[Path]:
    """Make a folder with a short name, as that of a socket in it may not be long."""
    with tempfile.TemporaryDirectory(prefix="crashy-") as name:
        yield Path(name)


def write(folder: Path, *objects: object) -> str:
    file = folder / "app.yaml"
    file.write_text(yaml.safe_dump_all(objects))
    return str(file)


def groups(running: Lab) -> list[Path]:
    return lab_groups(running.process.pid)


@needs_cgroups
def test_a_container_that_wants_too_much_memory_is_oomkilled_and_says_so_in_kubectls_table(folder: Path) -> None:
    environ = {"CRASHY_RUNTIME_DIR": str(folder)}
    with lab(write(folder, pod("eats", EATS, memory="64Mi")), environ=environ) as running:
        running.wait(lambda e: e["kind"] == "event" and e["reason"] == "BackOff")
        table = crashy("lab", "ctl", "get", "pods", environ=environ).stdout

    statuses = [e for e in running.events if e["kind"] == "process" and e["reason"] == "Exited"]
    assert statuses[0]["data"]["exit_code"] == 137
    assert re.search(r"eats +0/1 +(OOMKilled|CrashLoopBackOff) +1 ", table)
    assert groups(running) == []


@needs_cgroups
def test_top_shows_what_pods_use(folder: Path) -> None:
    environ = {"CRASHY_RUNTIME_DIR": str(folder)}
    manifest = write(folder, pod("spins", SPINS, cpu="200m"), pod("waits", ["sleep", "600"]), pod("web"))

    def top(*args: str, code: int = 0) -> str:
        done = crashy("lab", "ctl", "top", *args, environ=environ)
        assert done.returncode == code, done.stderr
        return done.stderr if code else done.stdout

    with lab(manifest, environ=environ) as running:
        running.ready(3)
        assert re.fullmatch(
            r"NAME    CPU\(cores\)   MEMORY\(bytes\)   \n"
            r"spins   (1[5-9]\d|2[0-4]\d)m         \dMi             \n"
            r"waits   0m           \dMi             \n"
            r"web     \d+m +\d\dMi            \n",
            top("pods"),
        )
        assert [line.split()[0] for line in top("po", "--sort-by", "memory").splitlines()[1:2]] == ["web"]
        assert [line.split()[:2] for line in top("pods", "waits", "--containers").splitlines()] == [
            ["POD", "NAME"],
            ["waits", "app"],
        ]
        assert top("pods", "none", code=1) == 'Error from server (NotFound): pods "none" not found\n'
        assert "invalid choice: 'name'" in top("pods", "--sort-by", "name", code=2)
        (socket,) = folder.glob("labs/*.sock")
        assert "sort_by: 'name': must be one of cpu, memory" in str(ask_lab(socket, {"op": "top", "sort_by": "name"}))


@needs_cgroups
def test_top_has_no_pod_that_does_not_run(folder: Path) -> None:
    environ = {"CRASHY_RUNTIME_DIR": str(folder)}
    ended = pod("ended", ["true"])
    ended["spec"]["restartPolicy"] = "Never"  # type: ignore[index]
    with lab(write(folder, ended), environ=environ) as running:
        running.wait(lambda e: e["kind"] == "process" and e["reason"] == "Exited")
        all_pods = crashy("lab", "ctl", "top", "pods", environ=environ)
        one = crashy("lab", "ctl", "top", "pods", "ended", environ=environ)

    assert (all_pods.returncode, all_pods.stdout, all_pods.stderr) == (0, "", "No resources found\n")
    missing = 'Error from server (NotFound): podmetrics.metrics.k8s.io "default/ended" not found\n'
    assert (one.returncode, one.stderr) == (1, missing)


@needs_cgroups
def test_nothing_is_left_of_a_killed_lab(folder: Path) -> None:
    environ = {"CRASHY_RUNTIME_DIR": str(folder)}
    manifest = write(folder, pod("web"), pod("spins", SPINS, cpu="50m"))
    with lab(manifest, environ=environ) as running:
        running.ready(2)
        crashy("inject", "freeze mode=stop for=1h", "--pod", "web", environ=environ)
        freezers = [folder / file for folder in groups(running) for file in ("freezer.state", "cgroup.freeze")]
        frozen = [file for file in freezers if file.exists()]
        eventually(lambda: any(file.read_text().strip() in {"FROZEN", "1"} for file in frozen))
        processes = {pid for folder in groups(running) for pid in reaper.members(folder)}
        running.end(signal.SIGKILL)

    assert len(processes) >= 2
    eventually(lambda: groups(running) == [])
    assert [pid for pid in processes if (proc.state(pid) or "Z")[0] != "Z"] == []


@needs_cgroups
def test_two_labs_have_groups_of_their_own(folder: Path) -> None:
    manifest = write(folder, pod("spins", SPINS, cpu="50m"))
    with lab(manifest) as one, lab(manifest) as other:
        one.ready()
        other.ready()
        assert groups(one)
        one.end()

        assert groups(one) == []
        assert groups(other)


def test_an_ordinary_user_is_told_once_that_limits_are_not_enforced(folder: Path) -> None:
    machine = Elsewhere(root=False)
    if reason := why_not():
        pytest.skip(reason)
    manifest = write(folder, pod("one", ["sleep", "9"], cpu="1"), pod("two", ["sleep", "9"], memory="64Mi"))
    environ = {**machine.environ(folder), "CRASHY_RUNTIME_DIR": str(folder / "run")}
    with lab(manifest, environ=environ, within=machine.within()) as running:
        running.ready(2)
        top = subprocess.run(
            [*machine.beside(running.process.pid), *CRASHY, "lab", "ctl", "top", "pods"],
            env={**os.environ, **environ},
            capture_output=True,
            text=True,
            check=False,
        )
        running.end()
        assert running.process.stderr
        said = running.process.stderr.read()

    assert said.count(NOT_ENFORCED) == 1
    assert re.search(rf"note: {NOT_ENFORCED}/sys/fs/cgroup\S*: (Permission denied|Read-only file system) ", said)
    assert top.stderr.startswith("error: Metrics API not available: ")
    assert top.returncode == 1


def test_who_has_no_limits_is_told_nothing(folder: Path) -> None:
    machine = Elsewhere(root=False)
    if reason := why_not():
        pytest.skip(reason)
    manifest, environ = write(folder, pod("one", ["sleep", "9"])), machine.environ(folder)
    with lab(manifest, environ=environ, within=machine.within()) as running:
        running.ready()
        running.end()
        assert running.process.stderr
        assert NOT_ENFORCED not in running.process.stderr.read()

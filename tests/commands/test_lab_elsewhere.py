"""`crashy lab` on machines that lack something: an ordinary user's, and what comes nearest to macOS on a Linux."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import yaml

from tests.commands.labs import Lab, eventually, lab, lab_processes
from tests.elsewhere import Elsewhere, needs_proc, why_not

ROOT = Path(__file__).parent.parent.parent
NO_PROC = "note: this machine has no /proc: "
ONE_ADDRESS = "note: this machine has no loopback address but 127.0.0.1: "
LOW_PORT = "can't be bound here (Permission denied)"

MACHINES = {
    "no /proc": (Elsewhere(proc=False), [NO_PROC]),
    "one address": (Elsewhere(addresses=False), [ONE_ADDRESS]),
    "no fork": (Elsewhere(linux=False), []),
    "no root": (Elsewhere(root=False), [LOW_PORT]),
    "all together": (Elsewhere(proc=False, addresses=False, linux=False, root=False), [NO_PROC, ONE_ADDRESS]),
}
ALL = MACHINES["all together"][0]
NOTES = (NO_PROC, ONE_ADDRESS, LOW_PORT)
CRASHY = (sys.executable, "-m", "crashy")
HANDLED = 7  # the exit code of a program that handles SIGTERM


@pytest.fixture(scope="module", autouse=True)
def possible() -> None:
    if reason := why_not():
        pytest.skip(reason)


@pytest.fixture
def folder() -> Iterator[Path]:
    """Make a folder with a short name, as that of a socket in it may not be long."""
    with tempfile.TemporaryDirectory(prefix="crashy-") as name:
        yield Path(name)


@pytest.fixture
def marker() -> str:
    return f"MARKER={uuid.uuid4().hex}"


def probe(path: str, **fields: object) -> dict[str, object]:
    return {"httpGet": {"path": path, "port": 8080}, "periodSeconds": 1, "failureThreshold": 1, **fields}


def manifest(folder: Path, marker: str) -> str:
    """Write two patients behind a Service, and a program of another's that binds its pod's address."""
    name, value = marker.split("=")
    env = [{"name": name, "value": value}, {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}]
    web = {
        "name": "web",
        "image": "crashy-app:1.0.0",
        "env": env,
        "ports": [{"containerPort": 8080}],
        "startupProbe": probe("/startupz", failureThreshold=30),
        "readinessProbe": probe("/readyz"),
        "livenessProbe": probe("/livez", terminationGracePeriodSeconds=1),
    }
    serve = f'ulimit -n; trap "exit {HANDLED}" TERM; "$0" -m http.server 9090 --bind "$IP" & wait'
    files = {
        "name": "files",
        "image": "busybox",
        "env": env,
        "command": ["sh", "-c", serve, sys.executable],
        "readinessProbe": {"tcpSocket": {"port": 9090}, "periodSeconds": 1},
        "livenessProbe": {"exec": {"command": ["sh", "-c", 'test -n "$IP"']}, "periodSeconds": 1},
    }
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [web]}}
    deployment = {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}, "template": template}
    objects = [
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": deployment},
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "files"}, "spec": {"containers": [files]}},
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "web"},
            "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]},
        },
    ]
    path = folder / "manifest.yaml"
    path.write_text(yaml.safe_dump_all(objects))
    return str(path)


def pods(running: Lab) -> list[str]:
    """Wait until everything is ready and return the patients' names."""
    running.ready(3)
    running.wait(lambda e: e["kind"] == "endpoints" and len(e["data"]["serving"]) == 2)
    return sorted({e["object"].removeprefix("pod/") for e in running.events if e["object"].startswith("pod/web-")})


def beside(machine: Elsewhere, running: Lab, environ: dict[str, str], *command: str) -> str:
    """Run a command on the lab's machine and return what it prints."""
    done = subprocess.run(
        [*machine.beside(running.process.pid), *command],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize(("machine", "notes"), MACHINES.values(), ids=MACHINES)
def test_a_lab_does_its_work_there_and_says_what_is_missing(
    machine: Elsewhere, notes: list[str], folder: Path, marker: str
) -> None:
    environ = machine.environ(folder)
    path = manifest(folder, marker)
    with lab(path, "--traffic", "web", environ=environ, within=machine.within()) as running:
        tell = partial(beside, machine, running, environ)
        crashed, frozen = pods(running)
        at = len(running.events)
        tell(*CRASHY, "inject", "crash mode=errors", "--pod", crashed)
        assert tell(str(ROOT / "scripts/freeze-app.sh"), "--pod", frozen) == f"Frozen: {frozen} does not answer\n"
        assert "files " in tell(*CRASHY, "lab", "ctl", "get", "pods")
        assert tell(*CRASHY, "lab", "ctl", "delete", "pod", "files") == 'pod "files" deleted\n'

        for pod in (crashed, frozen):
            name = f"pod/{pod}"
            running.wait(lambda e, name=name: e["object"] == name and e["reason"] == "Killing", after=at)
            running.wait(
                lambda e, name=name: e["object"] == name and e["kind"] == "pod" and e["data"]["restarts"] == 1, after=at
            )
        running.wait(lambda e: e["kind"] == "process" and e["data"].get("exit_code") == HANDLED, after=at)
        running.wait(lambda e: e["kind"] == "endpoints" and len(e["data"]["serving"]) == 2, after=at)
        running.wait(lambda e: e["kind"] == "request" and e["data"]["ok"], after=len(running.events))
        assert running.end(signal.SIGINT) == 0
        assert running.process.stderr
        reported = running.process.stderr.read().splitlines()

    assert [note for line in reported for note in NOTES if note in line] == notes
    assert len(reported) == len(notes)
    limits = [e["message"] for e in running.events if e["kind"] == "log" and e["object"] == "pod/files"][:1]
    assert machine.linux or limits == [str(open_files())]
    assert lab_processes(marker) == []
    assert not list(folder.glob("crashy-lab-*"))


def open_files() -> int:
    """Return how many files a lab may open on macOS, or as many as this machine allows."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return 10_240 if hard == resource.RLIM_INFINITY else min(hard, 10_240)


@needs_proc
def test_a_killed_lab_leaves_nothing_there(folder: Path, marker: str) -> None:
    environ = ALL.environ(folder)
    with lab(manifest(folder, marker), environ=environ, within=ALL.within()) as running:
        frozen, stopped = pods(running)
        beside(ALL, running, environ, *CRASHY, "inject", "freeze mode=loop", "--pod", frozen)
        beside(ALL, running, environ, *CRASHY, "inject", "freeze mode=stop for=60s", "--pod", stopped)
        assert len(lab_processes(marker)) >= 4
        running.end(signal.SIGKILL)

    eventually(lambda: not lab_processes(marker) and not list(folder.glob("crashy-lab-*")))

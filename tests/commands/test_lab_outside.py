"""Faults on other people's programs, by the commands of a running lab; and nothing of them is left at its end."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from crashy.engines.lab import proc, reaper
from tests.commands.labs import Lab, crashy, eventually, lab, lab_processes
from tests.elsewhere import has_cgroups, lab_groups, needs_addresses, needs_proc
from tests.engines.lab.outside.labs import app

pytestmark = [needs_proc, needs_addresses]

SERVED = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web"},
    "spec": {
        "terminationGracePeriodSeconds": 0,
        "containers": [
            app(readinessProbe={"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 1}),
            {**app("sleep", "600"), "name": "beside"},
        ],
    },
}


@pytest.fixture
def folder() -> Iterator[Path]:
    """Make a folder with a short name, as that of a socket in it may not be long."""
    with tempfile.TemporaryDirectory(prefix="crashy-") as name:
        yield Path(name)


@pytest.fixture
def manifest(folder: Path) -> str:
    file = folder / "app.yaml"
    file.write_text(yaml.safe_dump(SERVED))
    return str(file)


def test_a_fault_that_no_pod_could_take_is_refused_before_anything_starts(manifest: str) -> None:
    done = crashy("lab", "--plain", manifest, "--at", "1s any exception", "--for", "5s")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1] == (
        "crashy lab: inject exception at 1s, target any: container app runs a program of its own: "
        "exception acts inside a patient only; error would do"
    )


def test_a_program_is_made_ill_and_well_again_by_commands(folder: Path, manifest: str) -> None:
    environ = {"CRASHY_RUNTIME_DIR": str(folder)}

    def say(*args: str, code: int = 0) -> str:
        done = crashy(*args, "--pod", "web", environ=environ)
        assert done.returncode == code, done.stderr
        return done.stdout or done.stderr

    with lab(manifest, environ=environ) as running:
        running.ready()
        assert (
            say("inject", "freeze", "unready for=1h")
            == "web: f1 freeze via=outside\nweb: f2 unready for=1h via=outside\n"
        )
        assert say("inject", "crash", "--container", "beside") == "web: f1 crash via=outside\n"
        assert say("inject", "gil", code=2).startswith("crashy inject: web: 'gil': fault: ")
        assert say("inject", "exception", code=2) == (
            "crashy inject: web: pod/web: exception: container app runs a program of its own: "
            "exception acts inside a patient only; error would do\n"
        )
        assert say("inject", "crash", "--container", "none", code=2) == (
            "crashy inject: web: pod/web: crash: no container 'none'; there are: app, beside\n"
        )
        status = say("status").splitlines()
        assert status[0].startswith("web: Running for ")
        assert status[1] == "  f1 active: freeze via=outside"
        assert status[2].startswith("  f2 active: unready for=1h via=outside, ends in ")
        assert say("status", "--where", "admin", code=2) == (
            "crashy status: --where: web runs a program of its own, which has no admin API\n"
        )
        assert say("recover", "f2") == "web: recovered f2 unready for=1h via=outside\n"
        assert say("recover") == "web: recovered f1 freeze via=outside\n"


def warden(running: Lab) -> int:
    (found,) = [
        pid for pid in proc.children(running.process.pid) or () if reaper.__file__.encode() in proc.arguments(pid)
    ]
    return found


@pytest.mark.parametrize("end", ["SIGKILL", "SIGTERM after the warden's SIGKILL"])
def test_nothing_is_left_of_a_lab_with_faults(end: str, folder: Path, manifest: str) -> None:
    """No process is stopped or frozen, no burner runs, and nothing listens."""
    environ = {"CRASHY_RUNTIME_DIR": str(folder)}
    faults = ["freeze", "latency delay=10s clients=all", *(["cpu share=10%"] if has_cgroups() else [])]
    with lab(manifest, environ=environ) as running:
        running.ready()
        mark = next(
            variable
            for pid in proc.children(running.process.pid) or ()
            for variable in proc.environ(pid)
            if variable.startswith(b"_CRASHY_LAB=")
        ).decode()
        injected = crashy("inject", *faults, "--pod", "web", environ=environ)
        assert injected.returncode == 0, injected.stderr
        eventually(lambda: len(lab_processes(mark)) >= 3 + len(faults) - 1)
        if "warden" in end:
            os.kill(warden(running), signal.SIGKILL)
        running.end(signal.SIGKILL if end == "SIGKILL" else signal.SIGTERM)
        eventually(lambda: not lab_processes(mark))
        if "warden" not in end:
            eventually(lambda: lab_groups(running.process.pid) == [])

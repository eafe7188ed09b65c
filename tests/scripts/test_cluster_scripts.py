"""The scripts and make targets for a cluster: what they say where a tool is missing, and what they tell kubectl."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
TOOLS = ("sh", "make", "dirname", "basename", "sed", "grep", "tail", "tr", "mkdir", "rm", "git", "env", "cat")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a folder that is the whole PATH: the plain tools, and no kind, kubectl, docker or podman."""
    for tool in TOOLS:
        (tmp_path / tool).symlink_to(str(shutil.which(tool)))
    return tmp_path


def put(path: Path, tool: str, does: str) -> None:
    """Put a stand-in for a tool on the PATH."""
    (path / tool).write_text(f"#!/bin/sh\n{does}\n")
    (path / tool).chmod(0o755)


def run(path: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    environ["PATH"] = str(path)
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.parametrize(
    ("docker", "podman", "reported"),
    [
        ("exit 0", "exit 0", "docker"),
        ("exit 1", "exit 0", "podman"),
        (None, "exit 0", "podman"),
        ("exit 1", None, "docker is here, but its daemon does not answer: start it, or install podman"),
        (None, None, "this needs docker or podman, which is not on PATH: install it and try again"),
    ],
)
def test_whichever_of_docker_and_podman_answers_is_used(
    path: Path, docker: str | None, podman: str | None, reported: str
) -> None:
    for tool, does in (("docker", docker), ("podman", podman)):
        if does:
            put(path, tool, does)
    ended = run(path, "scripts/containers.sh")

    assert (ended.stdout + ended.stderr).strip() == reported
    assert ended.returncode == (0 if reported in {"docker", "podman"} else 1)


@pytest.mark.parametrize(
    ("target", "tool"),
    [
        ("kind-up", "kind"),
        ("kind-load", "kind"),
        ("kind-down", "kind"),
        ("image", "docker or podman"),
        ("deploy", "kubectl"),
    ],
)
def test_a_target_says_which_tool_it_lacks(path: Path, target: str, tool: str) -> None:
    ended = run(path, "make", target)

    assert ended.returncode == 2
    assert f"this needs {tool}, which is not on PATH: install it and try again\n" in ended.stderr
    assert "not found" not in ended.stderr


def test_an_image_is_built_by_podman_as_by_docker(path: Path) -> None:
    put(path, "podman", 'test "$1" = version || echo "$0" "$@"')
    reported = run(path, "make", "--silent", "image").stdout

    assert "/podman build --format docker" in reported
    assert "--build-arg PYTHON_IMAGE=docker.io/library/python:3.13-slim" in reported
    assert "-t docker.io/library/crashy-app:1.0.0 ." in reported


@pytest.mark.parametrize(
    ("name", "minor", "requested"),
    [
        ("webapp", "34", "apply -f manifests/webapp"),
        ("redis", "34+", "apply -k manifests/redis"),
        ("07-freeze-with-both", "34", "apply -k manifests/lessons/07-freeze-with-both"),
        ("demo", "20", "apply -f manifests/demo --validate=false"),
    ],
)
def test_a_lab_is_applied_as_what_it_is(path: Path, name: str, minor: str, requested: str) -> None:
    put(path, "kubectl", f"""case "$*" in *version) echo '{{"minor": "{minor}"}}' ;; *) echo "asked: $*" ;; esac""")
    ended = run(path, "make", "--silent", "lab", f"NAME={name}")

    assert ended.returncode == 0, ended.stderr
    assert f"\nkubectl {requested}\nasked: {requested}\n" in f"\n{ended.stdout}"
    assert ended.stdout.splitlines()[-1].startswith("See it: kubectl get pods -w    Take it away: kubectl delete -")
    assert ("will ignore it" in ended.stdout) is (minor == "20")


@pytest.mark.parametrize("name", ["", "..", "lessons", "webapp/../demo", "."])
def test_without_a_name_the_names_are_listed(path: Path, name: str) -> None:
    ended = run(path, "scripts/deploy.sh", name)

    assert ended.returncode == 2
    assert {"  webapp", "  07-freeze-with-both"} <= set(ended.stderr.splitlines())


def test_a_name_that_is_none_is_said(path: Path) -> None:
    ended = run(path, "scripts/deploy.sh", "wepapp")

    assert ended.returncode == 2
    assert ended.stderr == "deploy.sh: 'wepapp': no such lab or lesson; make lab lists them\n"


def test_a_cluster_that_does_not_answer_is_said(path: Path) -> None:
    put(path, "kubectl", "echo 'Unable to connect to the server: EOF' >&2; exit 1")
    ended = run(path, "scripts/deploy.sh", "webapp")

    assert ended.returncode == 1
    reported = "deploy.sh: kubectl reaches no cluster: Unable to connect to the server: EOF; make kind-up makes one\n"
    assert ended.stderr == reported


def test_a_bill_of_materials_is_syfts_where_syft_is_there(path: Path) -> None:
    put(path, "syft", 'echo "asked: $*"')
    ended = run(path, "make", "--silent", "sbom", "IMAGE=crashy-app:1.0.0")

    assert ended.returncode == 0, ended.stderr
    requested = "asked: scan crashy-app:1.0.0 --quiet --output cyclonedx-json=build/sbom.cdx.json"
    assert ended.stdout.splitlines()[1:] == [requested, "wrote build/sbom.cdx.json"]

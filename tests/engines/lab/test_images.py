"""What a container runs on this machine: its own command, the one that its image is, or its image's stand-in."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from crashy.engines.lab.images import command, stands_in
from crashy.objects.images import ImageCommand
from crashy.objects.pod import parse_pod_template

MINE = "registry.example/app"
VOLUMES = [{"name": "mine", "emptyDir": {}}, {"name": "theirs", "configMap": {"name": "scripts"}}]
MOUNTS = [{"name": "mine", "mountPath": "/mine"}, {"name": "theirs", "mountPath": "/theirs"}]
OTHER = "nginx:1"


def runs(**container: Any) -> tuple[str, ...] | None:
    """Return what a container runs where MINE is a command of this machine; None for its stand-in."""
    given = {"name": "app", "image": f"{MINE}:1.2", **container}
    template = parse_pod_template({"spec": {"containers": [given], "volumes": VOLUMES}})
    found = command(template, template.containers[0], {MINE: ImageCommand(("./serve", "--all"), "/here")})
    return found.words if found else None


@pytest.mark.parametrize(
    "words",
    [
        [sys.executable, "-m", "http.server"],
        ["sleep", "5"],
        ["sh", "-c", "cd /tmp && exec python -m http.server"],
        ["sh", "-c", "for i in 1 2 3; do echo $i; done | cat"],
        ["sh", "-c", "stop() { echo bye; }; trap stop TERM; while :; do sleep 1; done"],
        ["sh", "-c", 'ulimit -n; trap "exit 7" TERM; "$0" -m http.server & wait', sys.executable],
        ["sh", "/mine/made-by-another-container.sh"],
        ["sh", "-c", "exec python -m http.server $(PORT) --bind $(POD_IP)"],
    ],
)
def test_a_command_whose_programs_are_here_runs(words: list[str]) -> None:
    assert runs(image=OTHER, command=words, volumeMounts=MOUNTS) == tuple(words)


@pytest.mark.parametrize(
    "words",
    [
        ["no-such-program"],
        ["/no/such/program", "--all"],
        ["python", "/srv/no-such-app.py"],
        ["sh", "-c", "sleep 1; no-such-program"],
        ["sh", "-c", "cd /no/such/folder && python -m http.server"],
        ["sh", "-c", "set -e; for i in 1 2; do no-such-program; done"],
        ["sh", "/theirs/script.sh"],
        ["sh", "-c", "cp /theirs/config /etc/config"],
    ],
)
def test_the_image_stands_for_a_command_that_names_what_is_not_here(words: list[str]) -> None:
    assert runs(image=OTHER, command=words, volumeMounts=MOUNTS) is None


def test_a_base_image_has_no_app_that_could_stand_for_a_command() -> None:
    assert runs(image="busybox:1", command=["no-such-program"]) == ("no-such-program",)
    assert runs(image="busybox:1", command=["sh", "-c", "until no-such-program; do sleep 1; done"]) is None


def test_args_that_are_a_shells_are_a_command() -> None:
    assert runs(image=OTHER, args=["sh", "-c", "sleep 1"]) == ("sh", "-c", "sleep 1")
    assert runs(image=OTHER, args=["--port=80"]) is None


def test_an_image_that_is_a_command_gets_its_containers_args() -> None:
    assert runs() == ("./serve", "--all")
    assert runs(args=["--port=80"]) == ("./serve", "--all", "--port=80")


def test_a_containers_own_command_comes_first_where_it_is_here() -> None:
    assert runs(command=["sleep", "9"]) == ("sleep", "9")
    assert runs(command=["no-such-program"], args=["--its", "args"]) == ("./serve", "--all")


def test_the_patient_needs_none() -> None:
    template = parse_pod_template({"spec": {"containers": [{"name": "app", "image": "crashy-app"}]}})

    assert not stands_in(template, template.containers[0], {})

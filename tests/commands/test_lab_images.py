"""`crashy lab` and `crashy run` with other people's images: what they are on this machine, and what is told of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands.labs import crashy, get, lab
from tests.docs_tables import ROOT

MANIFEST = (
    (ROOT / "tests/nginx.yaml").read_text()
    + """\
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
"""
)
SKIPPED = "note: skipped: 1 Ingress (the lab doesn't run them)\n"
STAND_INS = "note: stand-ins, healthy apps that answer on the ports that are declared or probed"
UNLIMITED = f"{STAND_INS}, without their manifests' limits: nginx:1.27\n"
EXPERIMENT = """
name: images
lesson: An image is a command of this machine.
manifests: [web.yaml]
duration: 5s
traffic: {service: web, path: /hello.txt, rate: 5}
images: {nginx: python3 -m http.server 8000}
expect: {restarts: {web: '== 0'}, availability: '>= 0.99'}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "web.yaml").write_text(MANIFEST)
    (tmp_path / "hello.txt").write_text("hello\n")
    return tmp_path


def test_an_image_is_the_command_of_a_line_in_a_file(folder: Path) -> None:
    (folder / "images").write_text("# the course's own\nnginx=python3 -m http.server 8000\n")
    with lab("--image-commands", str(folder / "images"), str(folder / "web.yaml")) as running:
        running.ready(2)

        assert get(f"{running.url('web')}/hello.txt") == (200, "hello\n")


def test_its_stand_in_runs_without_and_the_notes_say_so(folder: Path) -> None:
    ended = crashy("lab", "--plain", "--for", "8s", "--at", "5s any crash", str(folder / "web.yaml"))

    assert ended.returncode == 0
    assert all(f"crashy lab: {note}" in ended.stderr for note in (SKIPPED, UNLIMITED))
    assert "pod        1/1 Running" in ended.stdout
    assert "restarts: 1" in ended.stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--image-command", "nginx"), "--image-command: 'nginx': must be IMAGE=COMMAND"),
        (("--image-commands", "images"), "images:2: 'nginx': must be IMAGE=COMMAND"),
        (("--image-commands", "none"), "--image-commands: none: No such file or directory"),
    ],
)
def test_a_mistake_is_named_before_anything_starts(
    folder: Path, options: tuple[str, str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    (folder / "images").write_text("\nnginx\n")
    ended = crashy("lab", *options, "web.yaml")

    assert ended.returncode == 2
    assert message in ended.stderr
    assert not ended.stdout


def test_a_command_for_no_containers_image_is_a_note(folder: Path) -> None:
    commands = ("--image-command", "ngnix=true", "--image-command", "nginx:1.27=true", "--image-command", "httpd=true")
    ended = crashy("lab", "--on", "sim", "--for", "1s", *commands, str(folder / "web.yaml"))

    assert "note: no container has the image ngnix or httpd: its command or model is not used\n" in ended.stderr


@pytest.mark.parametrize(("engine", "notes"), [("lab", [SKIPPED]), ("sim", [SKIPPED, f"{STAND_INS}: nginx:1.27\n"])])
def test_run_tells_what_lab_does(folder: Path, engine: str, notes: list[str]) -> None:
    (folder / "images.yaml").write_text(EXPERIMENT)
    ended = crashy("run", "--on", engine, str(folder / "images.yaml"))

    assert ended.returncode == 0, ended.stderr
    assert all(note in ended.stderr for note in notes)
    assert (STAND_INS in ended.stderr) is (engine == "sim")

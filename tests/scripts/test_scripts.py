"""The lab's scripts, as a learner runs them: against a real lab with the two webapp pods."""

from __future__ import annotations

import os
import random
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands.labs import Lab, lab
from tests.needs import needs

ROOT = Path(__file__).parent.parent.parent
SCRIPTS = ROOT / "scripts"

pytestmark = needs("curl", "wget")


def free_node_port() -> int:
    """Return a NodePort that nobody has on this machine; by chance, since other tests look for one at the same time."""
    for port in random.sample(range(31000, 32767), 100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise AssertionError("every NodePort is taken")


class Webapp:
    """The running lab, its Service's URL and the folder in which `--pod` finds it."""

    def __init__(self, running: Lab, url: str, environ: dict[str, str]) -> None:
        self.lab = running
        self.url = url
        self.environ = environ

    def run(self, script: str, *args: str) -> subprocess.CompletedProcess[str]:
        """Run a script to its end."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        command = [str(SCRIPTS / f"{script}.sh"), *args]
        environ = {**os.environ, **self.environ, "PATH": path}
        return subprocess.run(command, capture_output=True, text=True, timeout=90, env=environ, check=False)


@pytest.fixture
def webapp(tmp_path: Path) -> Iterator[Webapp]:
    text = "---\n".join(path.read_text() for path in sorted((ROOT / "manifests/webapp").glob("*.yaml")))
    port = free_node_port()
    manifest = tmp_path / "webapp.yaml"
    manifest.write_text(text.replace("30080", str(port)))
    environ = {"CRASHY_RUNTIME_DIR": str(tmp_path)}
    with lab(str(manifest), environ=environ) as running:
        running.ready(2)
        running.wait(lambda e: e["kind"] == "endpoints" and len(e["data"]["ready"]) == 2)
        yield Webapp(running, f"http://127.0.0.1:{port}", environ)


@pytest.mark.parametrize("script", ["curl-test", "crash-app", "freeze-app", "recover-app"])
def test_help_lists_the_options(script: str) -> None:
    reported = subprocess.run([SCRIPTS / f"{script}.sh", "--help"], capture_output=True, text=True, check=True).stdout

    assert reported.startswith(f"usage: {script}.sh [URL]")
    assert {"--path", "--pod", "--token"} <= set(reported.split())


@pytest.mark.parametrize(
    ("script", "args", "line"),
    [
        ("curl-test", ["--count", "0"], "curl-test.sh: --count: '0': must be a whole number from 1"),
        ("curl-test", ["--interval", "x"], "curl-test.sh: --interval: 'x': must be a number of seconds"),
        ("curl-test", ["--timeout", "0.5"], "curl-test.sh: --timeout: '0.5': must be a whole number of seconds from 1"),
        ("crash-app", ["--path", "crash"], "crash-app.sh: --path: 'crash': must begin with /"),
        ("crash-app", ["--pod"], "crash-app.sh: --pod: needs a value"),
        ("freeze-app", ["--count", "3"], "freeze-app.sh: --count: unknown option (--help lists them)"),
        ("recover-app", ["ftp://x"], "recover-app.sh: ftp://x: must be a URL such as http://127.0.0.1:30080, or an"),
    ],
)
def test_a_bad_option_is_one_line_and_exit_2(script: str, args: list[str], line: str) -> None:
    ended = subprocess.run([SCRIPTS / f"{script}.sh", *args], capture_output=True, text=True, check=False)

    assert ended.returncode == 2
    assert ended.stdout == ""
    assert ended.stderr.startswith(line)
    assert ended.stderr.count("\n") == 1


def test_the_two_pods_answer_in_the_labs_words(webapp: Webapp) -> None:
    ended = webapp.run("curl-test", webapp.url, "--count", "10")

    assert ended.returncode == 0
    lines = ended.stdout.splitlines()
    assert lines[1::2] == [""] * 10
    assert set(lines[::2]) <= {f"Message from simple-webapp-{n} : I am ready! OK" for n in (1, 2)}


def test_a_crashed_pod_says_mayday_and_comes_back(webapp: Webapp) -> None:
    seen = len(webapp.lab.events)
    ended = webapp.run("crash-app", webapp.url)

    assert ended.stdout in {f"Message from simple-webapp-{n} : Mayday! Mayday! Going to crash!\n" for n in (1, 2)}
    webapp.lab.wait(lambda e: e["kind"] == "pod" and e["data"]["restarts"] == 1 and e["data"]["ready"], after=seen)


def test_users_are_spared_once_readiness_has_noticed_a_freeze_and_liveness_brings_the_pod_back(webapp: Webapp) -> None:
    seen = len(webapp.lab.events)
    frozen = webapp.run("freeze-app", webapp.url)

    assert frozen.stdout == f"Frozen: {webapp.url}/freeze does not answer\n"
    webapp.lab.wait(lambda e: e["kind"] == "endpoints" and len(e["data"]["ready"]) == 1, after=seen)
    assert "Failed" not in webapp.run("curl-test", webapp.url, "--count", "20").stdout
    webapp.lab.wait(lambda e: e["kind"] == "event" and e["reason"] == "Killing", after=seen)
    webapp.lab.wait(lambda e: e["kind"] == "pod" and e["data"]["restarts"] == 1 and e["data"]["ready"], after=seen)


def test_one_pod_is_asked_frozen_and_thawed_by_its_name(webapp: Webapp) -> None:
    assert "simple-webapp-2" in webapp.run("curl-test", "--pod", "simple-webapp-2", "--count", "1").stdout
    assert webapp.run("freeze-app", "--pod", "simple-webapp-2").stdout == "Frozen: simple-webapp-2 does not answer\n"
    thawed = webapp.run("recover-app", "--pod", "simple-webapp-2")

    assert thawed.returncode == 0
    assert "freeze" in thawed.stdout
    assert webapp.run("curl-test", "--pod", "simple-webapp-2", "--count", "1").stdout.endswith("I am ready! OK\n\n")


@pytest.mark.parametrize("script", ["crash-app", "freeze-app", "recover-app"])
def test_nobody_there_is_said_and_exit_1(script: str) -> None:
    ended = subprocess.run(
        [SCRIPTS / f"{script}.sh", "http://127.0.0.1:9"], capture_output=True, text=True, check=False
    )

    assert ended.returncode == 1
    assert ended.stderr.startswith("Failed: no answer from http://127.0.0.1:9")

"""`crashy lab --on sim`: a day of a lab in moments."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.commands.labs import crashy

DEMO = "manifests/demo"
ODD = """
apiVersion: v1
kind: Pod
metadata: {name: two, labels: {app: two}}
spec:
  initContainers: [{name: first, image: busybox, command: [sh, -c, "sleep 3"]}]
  containers:
    - {name: other, image: redis, command: [redis-server], livenessProbe: {tcpSocket: {port: 6379}, periodSeconds: 1}}
    - name: app
      image: crashy-app
      args: [serve, --crash-after, "$(WHEN)"]
      env: [{name: WHEN, valueFrom: {configMapKeyRef: {name: when, key: seconds}}}]
      livenessProbe: {httpGet: {port: 8080, path: /health}, periodSeconds: 1}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: when}
data: {seconds: "30"}
"""


def sim(*args: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return crashy("lab", "--on", "sim", *args, stdin=stdin)


def events(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_pods_crash_and_freeze_and_come_back() -> None:
    at = ("--at", "10s any crash mode=errors", "--at", "60s any freeze")
    done = sim(DEMO, "--for", "2m", "--traffic", "web", "--seed", "1", *at)

    assert done.returncode == 0
    table = done.stdout[done.stdout.index("\nAT ") :]
    crash, freeze = (line.split() for line in table.splitlines()[2:4])
    assert (crash[0], crash[2], freeze[0], freeze[2]) == ("10.0s", "crash", "60.0s", "freeze")
    assert "99." in table.splitlines()[-1]
    assert re.search(r"note: 0\.03 h passed in .* s: 0\.1 pod-hours, \d+\.\d for each second of CPU time", done.stderr)


@pytest.mark.slow
@pytest.mark.timeout(300)  # where coverage is measured and the machine is busy: a minute and more
def test_a_day_passes_in_moments() -> None:
    done = sim(DEMO, "--for", "24h", "--at", "12h any crash", "--at", "23h all freeze", "--seed", "1")

    assert done.returncode == 0
    table = done.stdout[done.stdout.index("\nAT ") :].splitlines()[2:6]
    assert [line.split()[0] for line in table] == ["43200.0s", *["82800.0s"] * 3]
    assert "24.00 h passed" in done.stderr
    assert "72.0 pod-hours" in done.stderr


def test_the_same_seed_gives_the_same_timeline() -> None:
    runs = [sim(DEMO, "--json", "--for", "90s", "--traffic", "web", "--at", "9s any crash", "--seed", s) for s in "112"]

    assert runs[0].stdout == runs[1].stdout != runs[2].stdout


def test_what_is_not_a_patient_is_reported_and_answers_as_a_healthy_app() -> None:
    done = sim("-", "--json", "--for", "1m", stdin=ODD)

    assert done.returncode == 0
    assert "note: stand-ins, healthy apps that answer on the ports that are declared or probed" in done.stderr
    assert "probed: redis\n" in done.stderr
    failed = [e["message"] for e in events(done) if e["reason"] == "Unhealthy"]
    assert not any(message.endswith(":6379: connect: connection refused") for message in failed[1:])


def test_settings_come_from_the_containers_variables_and_flags() -> None:
    done = sim("-", "--json", "--for", "1m", "--seed", "1", stdin=ODD)

    started = [e["t"] for e in events(done) if e["reason"] == "Started" and "Container" in e["message"]][2]
    failed = [
        e["t"] for e in events(done) if e["message"] == "Liveness probe failed: HTTP probe failed with statuscode: 500"
    ]
    assert 30 < failed[0] - started < 32.5


def test_a_fault_for_which_there_is_no_pod_is_reported() -> None:
    manifest = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: cache}
spec:
  replicas: 0
  selector: {matchLabels: {app: cache}}
  template: {metadata: {labels: {app: cache}}, spec: {containers: [{name: cache, image: redis}]}}
"""
    done = sim("-", "--for", "20s", "--at", "5s any freeze", stdin=manifest)

    assert "    5.0s  step       Skipped            pod/any  inject freeze: no such pod\n" in done.stdout


def test_any_image_takes_faults() -> None:
    manifest = """
apiVersion: v1
kind: Pod
metadata: {name: cache}
spec: {containers: [{name: cache, image: redis, livenessProbe: {tcpSocket: {port: 6379}}}]}
"""
    done = sim("-", "--for", "40s", "--at", "5s any crash", stdin=manifest)

    assert "1/1 Running        pod/cache  restarts: 1\n" in done.stdout


def test_settings_that_the_patient_refuses_end_it() -> None:
    manifest = """
apiVersion: v1
kind: Pod
metadata: {name: bad}
spec: {containers: [{name: app, image: crashy-app, env: [{name: PORT, value: nonsense}]}]}
"""
    done = sim("-", "--json", "--for", "20s", stdin=manifest)

    assert {e["data"]["exit_code"] for e in events(done) if e["reason"] == "Exited"} == {2}
    assert {e["message"].partition(":")[0] for e in events(done) if e["reason"] == "Refused"} == {"PORT"}
    assert "BackOff" in {e["reason"] for e in events(done)}


@pytest.mark.parametrize(
    ("args", "line"),
    [
        ((DEMO,), "--on sim: needs --for"),
        ((DEMO, "--for", "1m", "--watch"), "--watch: only with --on lab"),
        ((DEMO, "--for", "1m", "--traffic", "nobody"), "--traffic: 'nobody': no Service 'nobody'"),
    ],
)
def test_it_refuses(args: tuple[str, ...], line: str) -> None:
    done = sim(*args)

    assert done.returncode == 2
    assert line in done.stderr
    assert done.stdout == ""


def test_a_signal_ends_it_quickly() -> None:
    command = [sys.executable, "-m", "crashy", "lab", "--on", "sim", DEMO, "--for", "8760h", "--plain"]
    command += ["--at", "2s any crash"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        while "CRASH" not in (line := process.stdout.readline().upper()):
            assert line
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)

    assert process.returncode == 0
    assert "RECOVERED" in out
    assert "pod-hours" in err
    assert "Traceback" not in err


def test_no_file_is_written(tmp_path: Path) -> None:
    done = crashy("lab", "--on", "sim", DEMO, "--for", "10s", environ={"TMPDIR": str(tmp_path)})

    assert done.returncode == 0
    assert list(tmp_path.iterdir()) == []


def test_an_image_can_not_control_the_terminal() -> None:
    pod = r"""{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": {"containers": [
        {"name": "a", "image": "b\u001b[31m"}]}}"""
    done = sim("--for", "1s", "-", stdin=pod)

    assert done.returncode == 0
    assert r"probed: b\x1b[31m" in done.stderr

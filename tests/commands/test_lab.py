"""`crashy lab` as its users run it: real manifests, real processes, its own output."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.commands.labs import DEADLINE, Event, crashy, event, eventually, get, lab, lab_processes
from tests.elsewhere import needs_proc

Write = Callable[..., str]
WARMUP = {"periodSeconds": 1, "failureThreshold": 30}


def free_node_port() -> int:
    for port in range(30000 + os.getpid() % 2000, 32768):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port
    raise AssertionError("no free port")


@pytest.fixture
def manifest(tmp_path: Path) -> Write:
    """Write objects to a file and return its path."""

    def write(*objects: object) -> str:
        path = tmp_path / f"{uuid.uuid4().hex}.yaml"
        path.write_text(yaml.safe_dump_all(objects))
        return str(path)

    return write


def pod(name: str = "web", labels: dict[str, str] | None = None, **container: object) -> dict[str, object]:
    image = "busybox" if "command" in container else "crashy-app:1.0.0"
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": labels or {"app": "web"}},
        "spec": {"terminationGracePeriodSeconds": 1, "containers": [{"name": "web", "image": image, **container}]},
    }


def service(**port: object) -> dict[str, object]:
    spec = {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080, **port}]}
    if "nodePort" in port:
        spec["type"] = "NodePort"
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": spec}


def env(**values: object) -> list[dict[str, str]]:
    return [{"name": name, "value": str(value)} for name, value in values.items()]


def http(path: str, port: int = 8080, **probe: object) -> dict[str, object]:
    return {"httpGet": {"path": path, "port": port}, "periodSeconds": 1, **probe}


def test_a_soft_crash_is_healed_by_liveness(manifest: Write) -> None:
    port = free_node_port()
    liveness = http("/health", 80, failureThreshold=3, terminationGracePeriodSeconds=1)
    path = manifest(
        pod(livenessProbe=liveness, startupProbe=http("/startupz", 80, **WARMUP), env=env(CRASH_AFTER=2)),
        service(nodePort=port, targetPort=80),
    )
    with lab(path) as running:
        running.ready()
        url = running.url("web")
        assert url == f"http://127.0.0.1:{port}"
        assert get(url)[0] == 200
        eventually(lambda: get(url)[0] == 500)
        at = running.wait(event("Killing", "failed liveness probe, will be restarted"))
        unhealthy = [e for e in running.events[:at] if event("Unhealthy", "Liveness probe failed")(e)]
        restarted = running.wait(lambda e: e["kind"] == "pod" and e["data"]["restarts"] == 1, after=at)
        running.ready(after=restarted)

        assert [e["data"]["count"] for e in unhealthy] == [1, 2, 3]
        assert {e["message"] for e in unhealthy} == {"Liveness probe failed: HTTP probe failed with statuscode: 500"}
        assert get(url)[0] == 200


def test_exec_probes_find_the_patients_files(manifest: Write) -> None:
    probe = {"exec": {"command": ["cat", "/app/is_ready"]}, "periodSeconds": 1}
    with lab(manifest(pod(readinessProbe=probe))) as running:
        at = running.wait(event("Unhealthy", "No such file"))
        running.ready(after=at)

        assert "Readiness probe failed: cat:" in running.events[at - 1]["message"]


def test_a_command_of_ones_own_runs_in_its_environment(manifest: Write) -> None:
    script = 'echo "$WORD" "$HOSTNAME" "$0" "$1"; exec python -m http.server 8080 --bind $IP'
    command = ["sh", "-c", script, "$(NOT)", "$(WORD)"]
    variables = [*env(WORD="hello"), {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}]
    probe = {"tcpSocket": {"port": 8080}, "periodSeconds": 1}
    with lab(manifest(pod(command=command, env=variables, readinessProbe=probe), service())) as running:
        running.wait(lambda e: e["kind"] == "log" and e["message"] == "hello web $(NOT) hello")
        running.ready()

        assert get(running.url("web"))[0] == 200


def test_a_program_that_is_not_there_says_what_the_runtime_says(manifest: Write) -> None:
    with lab(manifest(pod(command=["no-such-program"]))) as running:
        at = running.wait(event("Failed", 'exec: "no-such-program": executable file not found in $PATH'))

        assert running.events[at - 1]["message"].startswith("Error: ")


@pytest.mark.parametrize(
    ("args", "text"), [((), "Container created"), (("--kubernetes", "1.20"), "Created container web")]
)
def test_the_kubelets_version_can_be_chosen(manifest: Write, args: tuple[str, ...], text: str) -> None:
    with lab(manifest(pod(command=["sleep", "600"])), *args) as running:
        at = running.wait(event("Created"))

        assert running.events[at - 1]["message"] == text


@needs_proc
def test_without_a_sigterm_handler_the_whole_grace_goes_by(manifest: Write) -> None:
    probe = {"exec": {"command": ["false"]}, "periodSeconds": 1, "failureThreshold": 1}
    with lab(manifest(pod(command=["sleep", "600"], livenessProbe=probe))) as running:
        at = running.wait(event("Killing"))
        exited = running.wait(lambda e: e["kind"] == "process" and e["reason"] == "Exited", after=at)

        assert running.events[exited - 1]["data"]["exit_code"] == 137
        assert running.events[exited - 1]["t"] - running.events[at - 1]["t"] >= 1.9  # the least that there is is 2


def crash_and_freeze(port: int) -> list[object]:
    template = pod(
        readinessProbe=http("/readyz", failureThreshold=1),
        livenessProbe=http("/livez", failureThreshold=2, terminationGracePeriodSeconds=1),
        startupProbe=http("/startupz", **WARMUP),
    )
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": template["spec"]},
        },
    }
    return [deployment, service(nodePort=port)]


def test_traffic_and_a_scripted_freeze_end_with_a_table(manifest: Write) -> None:
    path = manifest(*crash_and_freeze(free_node_port()))
    done = crashy("lab", path, "--for", "11s", "--traffic", "web/", "--at", "3s any freeze", "--seed", "1")
    lines = done.stdout.splitlines()

    assert done.returncode == 0, done.stderr
    assert any(re.search(r"fault +Injected +pod/web-\S+  freeze$", line) for line in lines)
    assert any("failed liveness probe, will be restarted" in line for line in lines)
    assert any(re.search(r"endpoints +service/web  web-\S+$", line) for line in lines)
    assert any(re.search(r"traffic +\d+ of \d+ failed +service/web  timeout \d+", line) for line in lines)
    assert any(line.startswith("AT ") for line in lines)
    assert any(re.match(r"users: \d+ requests", line) for line in lines)


def test_the_json_form_is_nothing_but_the_timeline(manifest: Write) -> None:
    path = manifest(*crash_and_freeze(free_node_port()))
    args = (
        "lab",
        "--json",
        path,
        "--for",
        "4s",
        "--traffic",
        "web:80/readyz",
        "--rate",
        "20",
        "--at",
        "3s all unready",
    )
    done = crashy(*args)
    events: list[Event] = [json.loads(line) for line in done.stdout.splitlines()]
    requests = [e for e in events if e["kind"] == "request"]

    assert done.returncode == 0
    assert {tuple(e) for e in events} == {("t", "source", "kind", "object", "reason", "message", "data")}
    assert [e["t"] for e in events] == sorted(e["t"] for e in events)
    assert len([e for e in events if e["kind"] == "fault" and e["reason"] == "Injected"]) == 2
    assert not [e for e in events if e["reason"] == "NotInjected"]
    assert requests
    assert {e["data"]["pod"] for e in requests if e["data"]["ok"]} <= {
        e["object"].removeprefix("pod/") for e in events if e["kind"] == "pod"
    }
    assert {"event", "pod", "endpoints", "probe", "process", "log", "service"} <= {e["kind"] for e in events}


def test_the_same_seed_names_the_same_pods(manifest: Write) -> None:
    path = manifest(*crash_and_freeze(free_node_port()))

    def names() -> list[str]:
        lines = crashy("lab", "--json", path, "--for", "300ms", "--seed", "5").stdout.splitlines()
        return [e["message"] for e in map(json.loads, lines) if e["reason"] == "SuccessfulCreate"]

    first = names()
    assert len(first) == 2
    assert first == names()


def test_two_labs_at_once_do_not_meet(manifest: Write) -> None:
    def path(word: str) -> str:
        return manifest(pod(readinessProbe=http("/readyz"), env=env(APP_VERSION=word)), service())

    with lab(path("one")) as one, lab(path("two")) as two:
        one.ready()
        two.ready()

        assert one.url("web") != two.url("web")
        assert "one" in get(f"{one.url('web')}/info")[1]
        assert "two" in get(f"{two.url('web')}/info")[1]


def test_other_commands_find_the_pods(manifest: Write) -> None:
    environ = {"CRASHY_RUNTIME_DIR": f"/tmp/crashy-test-{os.getpid()}"}
    with lab(manifest(pod(readinessProbe=http("/readyz", failureThreshold=1))), environ=environ) as running:
        at = running.ready()
        done = crashy("inject", "unready", "--pod", "we", environ=environ)
        assert done.returncode == 0, done.stderr
        running.wait(lambda e: e["kind"] == "pod" and not e["data"]["ready"], after=at)
    Path(environ["CRASHY_RUNTIME_DIR"], "labs").rmdir()
    Path(environ["CRASHY_RUNTIME_DIR"]).rmdir()


DAEMON = "setsid sleep 614 & sleep 615 & trap '' TERM; while :; do sleep 616; done"


@needs_proc
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL], ids=lambda s: s.name)
def test_nothing_is_left_after_any_kind_of_end(manifest: Write, signum: signal.Signals) -> None:
    marker = f"MARKER={uuid.uuid4().hex}"
    name, value = marker.split("=")
    patient = pod("patient", env=env(**{name: value, "FREEZE_AFTER": "1"}))
    stubborn = pod("stubborn", command=["sh", "-c", DAEMON], env=env(**{name: value}))
    folder = f"/tmp/crashy-test-{os.getpid()}"
    with lab(manifest(patient, stubborn), environ={"CRASHY_RUNTIME_DIR": folder}) as running:
        eventually(lambda: len(lab_processes(marker)) >= 5)
        assert len(list(Path(folder, "labs").iterdir())) == 1
        code = running.end(signum)

    assert code == (-9 if signum == signal.SIGKILL else 0)
    eventually(lambda: not lab_processes(marker))
    eventually(lambda: not list(Path(folder, "labs").iterdir()))
    Path(folder, "labs").rmdir()
    Path(folder).rmdir()


@needs_proc
def test_a_second_interrupt_ends_it_at_once(manifest: Write) -> None:
    marker = f"MARKER={uuid.uuid4().hex}"
    name, value = marker.split("=")
    with lab(manifest(pod(command=["sh", "-c", DAEMON], env=env(**{name: value})))) as running:
        eventually(lambda: len(lab_processes(marker)) >= 4)
        running.process.send_signal(signal.SIGINT)
        running.wait(lambda e: e["reason"] == "Ending")
        code = running.end(signal.SIGINT)

    assert code == 130
    eventually(lambda: not lab_processes(marker))


def test_a_reader_that_leaves_ends_the_lab(manifest: Write) -> None:
    probe = {"exec": {"command": ["true"]}, "periodSeconds": 1}
    path = manifest(pod(command=["sleep", "600"], readinessProbe=probe))
    with subprocess.Popen(
        [sys.executable, "-m", "crashy", "lab", "--json", path],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout
        assert running.stderr
        running.stdout.readline()
        running.stdout.close()

        assert running.wait(DEADLINE) == 141
        assert "Traceback" not in running.stderr.read()


def test_a_taken_node_port_is_said_before_anything_starts(manifest: Write) -> None:
    port = free_node_port()
    with socket.create_server(("127.0.0.1", port)):
        done = crashy("lab", manifest(pod(), service(nodePort=port)))

    assert done.returncode == 2
    assert done.stdout == ""
    assert f"Service/web: 127.0.0.1:{port}: another program listens there" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_terminal_sees_tables(manifest: Write) -> None:
    path = manifest(*crash_and_freeze(free_node_port()))
    ours, theirs = pty.openpty()
    running = subprocess.Popen(
        [sys.executable, "-m", "crashy", "lab", path, "--for", "3s", "--traffic", "web"],
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "160", "LINES": "50"},
    )
    os.close(theirs)
    screen = b""
    try:
        while chunk := os.read(ours, 65536):
            screen += chunk
    except OSError:
        pass  # the other side has closed
    os.close(ours)
    text = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", screen.decode())

    assert running.wait(DEADLINE) == 0
    assert re.search(r"NAME +READY +STATUS +RESTARTS +AGE", text)
    assert re.search(r"web-\w+-\w{5} +1/1 +Running +0 +\d+s", text)
    assert re.search(r"LAST SEEN +TYPE +REASON +OBJECT +MESSAGE", text)
    assert "users     ▇" in text
    assert "last 10s  web-" in text


GOOD = pod()
BAD = [
    ([], "the following arguments are required: MANIFEST"),
    (["GOOD", "--for", "soon"], "argument --for: 'soon': must be a duration such as 10s, 1m30s or 250ms"),
    (["GOOD", "--for", "0"], "argument --for: '0': must be more than 0"),
    (["GOOD", "--rate", "0"], "argument --rate: '0': must be a number above 0, at most 1000"),
    (["GOOD", "--rate", "much"], "argument --rate: 'much': must be a number above 0, at most 1000"),
    (["GOOD", "--kubernetes", "1.19"], "argument --kubernetes: '1.19': must be from 1.20 to 1.37, or fixed"),
    (["GOOD", "--rate", "nan"], "argument --rate: 'nan': must be a number above 0, at most 1000"),
    (["GOOD", "--seed", "x"], "argument --seed: invalid int value: 'x'"),
    (["GOOD", "--json", "--plain"], "argument --plain: not allowed with argument --json"),
    (["GOOD", "--at", "8s any"], "--at: '8s any': must be 'TIME TARGET FAULT', as '8s any freeze mode=loop for=10s'"),
    (["GOOD", "--at", "x any crash"], "--at: 'x any crash': 'x': must be a duration such as 10s, 1m30s or 250ms"),
    (["GOOD", "--at", "8s any explode"], "--at: '8s any explode': "),
    (["GOOD", "--at", "8s any crash mode=x"], "--at: '8s any crash mode=x': "),
    (
        ["GOOD", "--at", "8s db crash"],
        "--at: 'db': no pod's name begins with it; must be any, all, or the beginning of one of: web",
    ),
    (["GOOD", "--at", "8s 2 of app=web crash"], "--at: '2 of app=web': only 1 pod has these labels"),
    (["GOOD", "--traffic", "none"], "--traffic: 'none': no Service 'none' in the manifests; there are: none"),
    (["SERVED", "--traffic", "web:81"], "--traffic: 'web:81': Service web has no port '81'; there are: 80"),
    (["SERVED", "--traffic", "web/a b"], "--traffic: 'web/a b': "),
    (["/no/such.yaml"], "/no/such.yaml: "),
]


@pytest.mark.parametrize(("args", "line"), BAD, ids=lambda value: " ".join(value) if isinstance(value, list) else "")
def test_bad_input_is_one_line_and_nothing_starts(manifest: Write, args: list[str], line: str) -> None:
    files = {"GOOD": lambda: manifest(GOOD), "SERVED": lambda: manifest(GOOD, service())}
    done = crashy("lab", *[files[arg]() if arg in files else arg for arg in args])

    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(f"crashy lab: {line}")
    assert done.stderr.count("\n") == 1

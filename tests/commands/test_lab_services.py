"""A lab's ExternalName Services: who finds them, and faults on the way, at a time or by command."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from crashy import cli
from tests.commands.labs import Lab, crashy, lab
from tests.server.proxies import app
from tests.server.running import until

MANIFEST = """\
apiVersion: v1
kind: Service
metadata: {{name: user-auth}}
spec:
  type: ExternalName
  externalName: localhost
  ports: [{{port: 80, targetPort: {port}}}]
---
apiVersion: v1
kind: Service
metadata: {{name: web}}
spec:
  selector: {{app: web, tier: front}}
  ports: [{{port: 80}}]
---
apiVersion: v1
kind: Service
metadata: {{name: bare}}
spec: {{type: ExternalName, externalName: example.com}}
---
apiVersion: v1
kind: Pod
metadata: {{name: client}}
spec:
  restartPolicy: Never
  containers:
    - name: client
      image: python
      command: [python3, -c, "{program}"]
"""
PROGRAM = (
    "import os, urllib.request as u; e = os.environ; "
    "print('got', u.urlopen('http://%s:%s/x' % (e['USER_AUTH_SERVICE_HOST'], e['USER_AUTH_SERVICE_PORT'])).read())"
)


def manifest(folder: Path, port: int) -> str:
    file = folder / "app.yaml"
    file.write_text(MANIFEST.format(port=port, program=PROGRAM))
    return str(file)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("lab")
    fault = "0.5s service/user-auth error code=503 times=1 routes=/y"
    with pytest.MonkeyPatch.context() as environ, app() as port:
        environ.setenv("CRASHY_RUNTIME_DIR", str(folder / "run"))
        with lab("--at", fault, manifest(folder, port)) as one:
            yield one


def status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_programs_find_it_and_faults_come_by_time_and_by_command(
    running: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    url = running.url("user-auth")
    running.wait(lambda e: e["kind"] == "log" and e["message"] == "got b'GET /x\\n'")
    running.wait(lambda e: e["object"] == "service/user-auth" and e["message"] == "error code=503 times=1 routes=/y")
    assert [status(f"{url}/y"), status(f"{url}/y")] == [503, 200]
    running.wait(lambda e: (e["object"], e["reason"], e["kind"]) == ("service/user-auth", "Ended", "fault"))

    assert cli.main(["inject", "error", "code=418", "for=1h", "--service", "user-auth"]) == 0
    assert status(url) == 418
    assert cli.main(["status", "--service", "user-auth"]) == 0
    assert cli.main(["recover", "--service", "service/user-auth"]) == 0
    assert status(url) == 200
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "user-auth: f2 error code=418 for=1h via=outside"
    assert said[1].startswith("service/user-auth: serving for ")
    assert said[2].startswith("  from 127.")
    assert said[2].endswith(" open, 4 so far")
    assert said[3].startswith("  f2 active: error code=418 for=1h via=outside, ends in ")
    assert said[4] == "user-auth: recovered f2 error code=418 for=1h via=outside"

    assert cli.main(["lab", "ctl", "get", "services"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["user-auth", "ExternalName", "<none>", "localhost", "80/TCP"] in [row[:5] for row in rows]


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["latency", "--service", "db"], "--service: 'db': no running lab has an ExternalName Service of that name; "),
        (["crash", "--service", "user-auth"], "service/user-auth: crash: fault: crash mode=exit acts on the processes"),
        (["slow", "--service", "user-auth"], "service/user-auth: slow: fault: 'slow': unknown; one of"),
    ],
)
def test_what_can_not_be_is_one_line(
    argv: list[str], says: str, running: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    running.wait(lambda e: (e["object"], e["reason"]) == ("service/user-auth", "Listening"))
    until(lambda: cli.main(["status", "--service", "user-auth"]) == 0, "it is there")
    capsys.readouterr()

    assert cli.main(["inject", *argv]) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"crashy inject: {says}")
    assert err.count("\n") == 1


@pytest.mark.parametrize("engine", [(), ("--on", "sim")])
@pytest.mark.parametrize(
    ("at", "line"),
    [
        (
            "1s service/nobody latency",
            "--at: 'service/nobody': no such Service in the manifests; there are: user-auth, web, bare",
        ),
        (
            "1s service/web latency",
            "--at: 'service/web': has pods: faults act on those, as all or '1 of app=web,tier=front'; only an "
            "ExternalName Service has a proxy of its own",
        ),
        ("1s service/bare latency", "--at: 'service/bare': has no spec.ports, so that there is no proxy for it"),
        (
            "1s service/user-auth crash",
            "--at: 'service/user-auth': fault: crash mode=exit acts on the processes of an app, and a proxy has "
            "connections alone: freeze mode=hang, freeze mode=deaf or blackhole would do",
        ),
    ],
)
def test_a_step_that_can_not_be_is_refused_before_anything_starts(
    at: str, line: str, engine: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["lab", *engine, "--for", "2s", "--at", at, manifest(tmp_path, 1)]) == 2

    assert capsys.readouterr() == ("", f"crashy lab: {line}\n")


def test_a_note_says_how_apps_find_it(tmp_path: Path) -> None:
    ended = crashy("lab", "--for", "0.1s", manifest(tmp_path, 1))

    assert (
        "note: ExternalName Services are proxies, as no cluster has them; apps find service/user-auth by "
        "USER_AUTH_SERVICE_HOST and _PORT, patients by the name too\n"
    ) in ended.stderr
    assert "spec.ports: is empty: the lab has no proxy for this ExternalName Service" in ended.stderr

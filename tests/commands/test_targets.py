from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from crashy import cli
from crashy.client import choose, labs_folder, running_labs
from crashy.errors import BadInput
from tests.commands.patient_stub import running

PODS: list[dict[str, Any]] = [{"name": name} for name in ("webapp-1", "webapp-2", "webapp", "crashy-5d4f-x2")]


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    runtime = tmp_path_factory.mktemp("run")
    monkeypatch.setenv("CRASHY_RUNTIME_DIR", str(runtime))
    (runtime / "labs").mkdir()
    return runtime / "labs"


def serve(path: Path, *answers: tuple[dict[str, Any] | None, bytes]) -> threading.Thread:
    """Answer questions at a lab's socket, each on a connection of its own; None is any question."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen()

    def answer() -> None:
        with server:
            for question, text in answers:
                with server.accept()[0] as connection, connection.makefile("rwb") as lines:
                    asked = json.loads(lines.readline())
                    assert question in (None, asked)
                    lines.write(text)

    thread = threading.Thread(target=answer)
    thread.start()
    return thread


def serve_once(path: Path, answer: bytes) -> threading.Thread:
    """Answer one question at a lab's socket."""
    return serve(path, (None, answer))


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("webapp-1", ["webapp-1"]),
        ("webapp", ["webapp"]),
        ("crashy", ["crashy-5d4f-x2"]),
        ("all", ["webapp-1", "webapp-2", "webapp", "crashy-5d4f-x2"]),
    ],
)
def test_a_pod_is_named_by_its_name_or_its_beginning(wanted: str, found: list[str]) -> None:
    assert [pod["name"] for pod in choose(PODS, wanted)] == found


def test_any_is_one_of_them_a_ready_one_if_there_is_one() -> None:
    [pod] = choose(PODS, "any")
    assert pod in PODS
    assert [pod["name"] for pod in choose([*PODS, {"name": "ready", "ready": True}], "any")] == ["ready"]


def test_some_of_those_with_a_label() -> None:
    labelled = [{"name": name, "labels": {"app": app}} for name, app in (("a", "web"), ("b", "db"), ("c", "web"))]

    assert sorted(pod["name"] for pod in choose(labelled, "2 of app=web")) == ["a", "c"]
    with pytest.raises(BadInput, match="--pod: '2 of app=x': no such pod; there are: a, b, c"):
        choose(labelled, "2 of app=x")


@pytest.mark.parametrize(
    ("wanted", "line"),
    [
        ("web-", "--pod: 'web-': more than one name begins with it: web-0, web-1, web-2, web-3, web-4 and 995 more"),
        ("nginx", "--pod: 'nginx': no such pod; there are: web-0, web-1, web-2, web-3, web-4 and 995 more"),
    ],
)
def test_of_many_the_first_are_listed(wanted: str, line: str) -> None:
    with pytest.raises(BadInput) as refused:
        choose([{"name": f"web-{i}"} for i in range(1000)], wanted)
    assert refused.value.lines == (line,)


@pytest.mark.parametrize(
    ("wanted", "line"),
    [
        ("webapp-", "--pod: 'webapp-': more than one name begins with it: webapp-1, webapp-2"),
        ("nginx", "--pod: 'nginx': no such pod; there are: webapp-1, webapp-2, webapp, crashy-5d4f-x2"),
    ],
)
def test_a_name_that_is_none_lists_those_there_are(wanted: str, line: str) -> None:
    with pytest.raises(BadInput) as refused:
        choose(PODS, wanted)
    assert refused.value.lines == (line,)


@pytest.mark.parametrize(
    ("environ", "path"),
    [
        ({"CRASHY_RUNTIME_DIR": "/x"}, "/x/labs"),
        ({"CRASHY_RUNTIME_DIR": "/x", "XDG_RUNTIME_DIR": "own"}, "/x/labs"),
        ({"XDG_RUNTIME_DIR": "own"}, f"own/crashy-{os.getuid()}/labs"),
        ({"XDG_RUNTIME_DIR": "theirs"}, f"/tmp/crashy-{os.getuid()}/labs"),
        ({"XDG_RUNTIME_DIR": "nowhere"}, f"/tmp/crashy-{os.getuid()}/labs"),
        ({"XDG_RUNTIME_DIR": ""}, f"/tmp/crashy-{os.getuid()}/labs"),
        ({}, f"/tmp/crashy-{os.getuid()}/labs"),
    ],
)
def test_the_labs_folder(environ: dict[str, str], path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("own").mkdir()
    Path("theirs").mkdir()
    if environ.get("XDG_RUNTIME_DIR") == "theirs":
        if os.getuid():
            pytest.skip("only root can make what is another user's")
        os.chown("theirs", 65534, -1)

    assert str(labs_folder(environ)) == path


def test_no_name_is_no_beginning_of_one() -> None:
    with pytest.raises(BadInput, match="--pod: '': must be a pod's name"):
        choose([{"name": "a"}], "")


def test_every_lab_is_asked_and_what_is_no_lab_is_passed_over(folder: Path) -> None:
    first = serve_once(folder / "1.sock", b'{"pods": [{"name": "a"}]}\n')
    second = serve_once(folder / "2.sock", b'{"pods": [{"name": "b"}]}\n')
    broken = serve_once(folder / "3.sock", b"what?\n")
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(folder / "4.sock"))
    (folder / "5.sock").touch()

    assert [pod["name"] for pods in running_labs(folder).values() for pod in pods] == ["a", "b"]
    for thread in (first, second, broken):
        thread.join()


def pod(name: str, admin_url: str) -> dict[str, str]:
    return {"name": name, "admin_url": admin_url, "app_url": "http://127.0.0.1:2"}


@pytest.mark.parametrize(("side", "url"), [("app", "http://127.0.0.1:2"), ("admin", "http://127.0.0.1:1")])
def test_a_pods_urls_are_reported_even_if_it_does_not_answer(
    folder: Path, capsys: pytest.CaptureFixture[str], side: str, url: str
) -> None:
    lab = serve_once(folder / "1.sock", json.dumps({"pods": [pod("web-1", "http://127.0.0.1:1")]}).encode() + b"\n")

    assert cli.main(["status", "--pod", "web-1", "--where", side]) == 0
    lab.join()
    assert capsys.readouterr().out == f"{url}\n"


def test_a_pod_of_a_lab_is_found_and_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with running() as patient:
        patient.answer("POST /admin/faults", {"id": "f1", "spec": "crash"}, 201)
        pods = [
            {"name": name, "admin_url": patient.url, "app_url": "http://127.0.0.1:2"} for name in ("web-1", "web-2")
        ]
        lab = serve_once(folder / "1.sock", json.dumps({"pods": pods}).encode() + b"\n")

        assert cli.main(["inject", "crash", "--pod", "all"]) == 0
        lab.join()

    assert capsys.readouterr().out == "web-1: f1 crash\nweb-2: f1 crash\n"


def test_a_pod_that_cannot_be_reached_does_not_keep_the_rest_from_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with running() as patient:
        patient.answer("POST /admin/faults", {"id": "f1", "spec": "crash"}, 201)
        pods = [
            {"name": "web-1", "admin_url": "http://127.0.0.1:1", "app_url": "http://127.0.0.1:2"},
            {"name": "web-2", "admin_url": patient.url, "app_url": "http://127.0.0.1:2"},
        ]
        lab = serve_once(folder / "1.sock", json.dumps({"pods": pods}).encode() + b"\n")

        assert cli.main(["inject", "crash", "--pod", "all"]) == 1
        lab.join()

    reported = capsys.readouterr()
    assert reported.out == "web-2: f1 crash\n"
    assert reported.err.startswith(
        "crashy inject: web-1 (http://127.0.0.1:1): connection refused: is the patient running?"
    )


def test_without_a_lab_it_says_where_it_looked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["inject", "crash", "--pod", "web"]) == 1
    assert capsys.readouterr().err == (
        f"crashy inject: --pod: no lab is running (looked in {folder}): start one with crashy lab, or give --url\n"
    )


def test_the_client_imports_neither_the_server_nor_the_lab() -> None:
    code = "import sys, crashy.commands.inject; print({'aiohttp', 'asyncio', 'yaml', 'rich'} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "set()\n"


def test_a_program_of_its_own_is_asked_through_its_lab(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sleeper = {"name": "sleeper-1", "namespace": "default", "app_url": "http://127.0.0.1:2"}
    first = json.dumps({"pods": [sleeper]}).encode() + b"\n"
    then = json.dumps({"id": "f1", "spec": "crash via=outside"}).encode() + b"\n"
    body = {"spec": "crash"}
    asked = {"op": "admin", "name": "sleeper-1", "namespace": "default", "path": "/admin/faults", "body": body}
    pods = {"op": "pods", "specs": ["crash"], "container": ""}
    lab = serve(folder / "1.sock", (pods, first), (asked, then))

    assert cli.main(["inject", "crash", "--pod", "any"]) == 0
    lab.join()
    assert capsys.readouterr().out == "sleeper-1: f1 crash via=outside\n"


@pytest.mark.parametrize(
    ("pod_has", "words"),
    [({}, ["--container", "app"]), ({}, ["via=outside"]), ({"outside": 1}, [])],
    ids=["another container", "from outside", "faults from outside"],
)
def test_a_patient_is_asked_through_its_lab_for_what_it_does_not_know(
    pod_has: dict[str, int], words: list[str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pods = [{**pod("web-1", "http://127.0.0.1:1"), "namespace": "default", **pod_has}]
    lab = serve(folder / "1.sock", (None, json.dumps({"pods": pods}).encode() + b"\n"), (None, b'{"error": "no"}\n'))

    assert cli.main(["inject", "latency", *words, "--pod", "web-1"]) == 2
    lab.join()
    assert capsys.readouterr().err == "crashy inject: web-1: no\n"


@pytest.mark.parametrize("wanted", ["any", "all", "1 of app=web"])
def test_pods_that_can_take_a_fault_are_chosen_before_those_that_cannot(
    wanted: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with running() as patient:
        patient.answer("POST /admin/faults", {"id": "f1", "spec": "exception"}, 201)
        sleeper = {"name": "sleeper-1", "ready": True, "labels": {"app": "web"}, "refused": True}
        pods = [sleeper, {**pod("web-1", patient.url), "labels": {"app": "web"}}]
        lab = serve_once(folder / "1.sock", json.dumps({"pods": pods}).encode() + b"\n")

        assert cli.main(["inject", "exception", "--pod", wanted]) == 0
        lab.join()
    assert capsys.readouterr().out == "web-1: f1 exception\n"

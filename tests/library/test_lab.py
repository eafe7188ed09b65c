"""A lab of one's own."""

from __future__ import annotations

import json
import os
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from crashy import Lab

SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  type: NodePort
  selector: {app: web}
  ports: [{name: http, port: 80, targetPort: 8080, nodePort: 30093}, {name: admin, port: 81, targetPort: 8081}]
---
apiVersion: v1
kind: Service
metadata: {name: way}
spec: {type: ExternalName, externalName: web.default.svc.cluster.local, ports: [{port: 80}]}
"""
READY = {"httpGet": {"path": "/readyz", "port": 8080}, "periodSeconds": 1, "failureThreshold": 1}
LIVE = {"httpGet": {"path": "/livez", "port": 8080}, "periodSeconds": 1, "failureThreshold": 1}


def pod(name: str, **container: Any) -> dict[str, Any]:
    given = {"name": "web", "image": "crashy-app", **container}
    spec = {"containers": [given], "terminationGracePeriodSeconds": 1}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": "web"}}, "spec": spec}


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return str(answer.headers["X-Pod"])


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Make one of a file, of YAML and of an object."""
    file = tmp_path_factory.mktemp("lab") / "pod.json"
    file.write_text(json.dumps(pod("web-1", readinessProbe=READY, livenessProbe=LIVE)))
    with Lab(file, SERVICE, pod("web-2", readinessProbe=READY)) as lab:
        yield lab


def test_its_pods_are_ready_and_its_service_answers(lab: Lab) -> None:
    assert [(one.name, one.phase, one.ready) for one in lab.pods()] == [
        ("web-1", "Running", True),
        ("web-2", "Running", True),
    ]
    assert get(lab.url()) in {"web-1", "web-2"}
    assert lab.url() == lab.url("web") == lab.url("web", 80) != lab.url("web", 81)


def test_a_name_may_be_in_two_namespaces_and_a_service_without_ports() -> None:
    service = {"apiVersion": "v1", "kind": "Service", "spec": {"selector": {"app": "web"}, "ports": [{"port": 8080}]}}
    ports_less = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "none"}, "spec": {"clusterIP": "None"}}
    both = []
    for namespace in ("a", "b"):
        one = pod("web", readinessProbe=READY)
        one["metadata"]["namespace"] = namespace
        both += [one, {**service, "metadata": {"name": "web", "namespace": namespace}}]

    with Lab(*both, ports_less) as lab:
        assert [(one.namespace, one.name, one.ready) for one in lab.pods()] == [("a", "web", True), ("b", "web", True)]
        assert lab.url("a/web") != lab.url("b/web")
        with pytest.raises(ValueError, match="there are: a/web, b/web"):
            lab.url("web")


def test_who_is_waited_for_must_be_there_and_a_pod_that_has_succeeded_is_not() -> None:
    done = {**pod("done", image="any", command=["true"])}
    done["spec"]["restartPolicy"] = "Never"
    with Lab(done, pod("web", readinessProbe=READY), ready_within=20) as lab:
        lab.wait_ready("web")
        with pytest.raises(TimeoutError, match="wbe ready"):
            lab.wait_ready("wbe", timeout=0.1)


def test_two_labs_of_the_same_manifests_run_side_by_side(lab: Lab) -> None:
    with Lab(SERVICE, pod("other", readinessProbe=READY)) as other:
        assert get(other.url()) == "other"
        assert get(lab.url()) != "other"


def test_an_event_is_waited_for_from_the_last_act_or_from_another_event(lab: Lab) -> None:
    first = lab.wait_for("Started", pod="web-1")
    assert lab.inject("web-1", "crash mode=errors") == "web-1"
    killing = lab.wait_for("Killing", pod="web-1", message="liveness probe")
    started = lab.wait_for("Started")
    assert started == lab.wait_for("Started", pod="web-1", since=killing)
    assert first.t < killing.t < started.t
    lab.wait_ready("web-1")
    first_pod, other = lab.pods()
    assert first_pod.restarts >= 1, "on a busy machine its liveness probe may fail before it listens again"
    assert other.restarts == 0


def test_in_vain_it_tells_the_pods_and_the_last_events(lab: Lab) -> None:
    with pytest.raises(TimeoutError, match=r"(?s)not within 0\.05 s: web-2: Evicted.*pods: .*web-2 ready.*Started"):
        lab.wait_for("Evicted", pod="web-2", timeout=0.05)
    lab.inject("web-2", "unready")
    lab.wait_for("Unhealthy", pod="web-2")
    with pytest.raises(TimeoutError, match=r"web-2 ready\npods: .*web-2 not ready, restarts 0"):
        lab.wait_ready("web-2", timeout=0.05)
    assert lab.recover("web-2") == "web-2"
    lab.wait_ready()


def test_what_is_wrong_is_reported(lab: Lab) -> None:
    for wrong, reported in (
        (lambda: lab.inject("web-1", "freeze mode=cold"), "'freeze mode=cold': mode: 'cold': one of loop, hang, stop"),
        (lambda: lab.freeze("web"), "pod: 'web': more than one name begins with it: web-1, web-2"),
        (lambda: lab.freeze("x"), "pod: 'x': no such pod; there are: web-1, web-2"),
        (lambda: lab.freeze("all"), "pod: 'all': must be one pod"),
        (lambda: lab.url("shop"), "service: 'shop': no such Service; there are: web, way"),
        (lambda: lab.url("web", 82), "port: 82: Service web has: 80, 81"),
    ):
        with pytest.raises(ValueError, match=reported):
            wrong()


def test_the_way_to_what_pods_depend_on_can_be_ill(lab: Lab) -> None:
    assert get(lab.url("way")) in {"web-1", "web-2"}

    assert lab.inject("service/way", "error code=503 times=2") == "service/way"
    with pytest.raises(urllib.error.HTTPError, match="503"):
        get(lab.url("way"))
    assert lab.wait_for("Injected", pod="service/way").message == "error code=503 times=2"
    assert lab.recover("service/way") == "service/way"
    assert get(lab.url("way")) in {"web-1", "web-2"}
    with pytest.raises(ValueError, match="acts on the processes of an app, and a proxy has connections alone"):
        lab.inject("service/way", "crash")


def test_a_deleted_pod_is_gone_and_any_is_one_of_the_rest() -> None:
    with Lab(pod("a"), pod("b")) as lab:
        assert lab.delete("a", grace=0) == "a"
        lab.wait_for("Killing", pod="a")
        assert [one.name for one in lab.pods()] == ["b"]
        assert lab.freeze("any") == "b", "though it has only just been started: it has no readiness probe"
    assert [event.object for event in lab.timeline if event.reason == "Injected"] == ["pod/b"]


def test_one_that_never_gets_ready_need_not() -> None:
    never = pod("never", readinessProbe={"exec": {"command": ["false"]}})
    with Lab(never, ready_within=None) as lab:
        assert [(one.name, one.ready) for one in lab.pods()] == [("never", False)]
    with pytest.raises(TimeoutError, match="every pod ready"):
        Lab(never, ready_within=0.1)


def test_a_program_of_this_machine_takes_faults_from_outside() -> None:
    app = pod("app", image="app", command=["sleep", "1000"])
    with Lab(app) as lab:
        assert lab.freeze("app") == "app"
        assert lab.wait_for("Injected", pod="app").message == "freeze"
        with pytest.raises(ValueError, match=r"runs a program of its own: .*exception acts inside a patient only"):
            lab.inject("app", "exception")


RUNTIME = ["is a file", "holds a file", "is too long", "is another's", "holds another's", "can't be made"]


@pytest.mark.parametrize("how", RUNTIME)
def test_a_folder_that_can_t_have_its_socket_is_reported_at_once(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory() as short:
        folder = Path(short, "x" * (80 if how == "is too long" else 1))
        if how == "is a file":
            folder.touch()
        elif how == "can't be made":
            folder = Path("/proc/crashy")
        else:
            folder.mkdir()
        if how == "is too long":
            folder = folder / folder.name
        if how == "holds a file":
            (folder / "labs").touch()
        if "another" in how:
            if os.getuid():
                pytest.skip("only root can make what is another user's")
            theirs = folder / "labs" if how.startswith("holds") else folder
            theirs.mkdir(exist_ok=True)
            os.chown(theirs, 65534, -1)
        monkeypatch.setenv("CRASHY_RUNTIME_DIR", str(folder))
        monkeypatch.setattr("crashy.library.lab.Child", None)  # nothing is started

        reported = (
            f"{folder}/labs: a lab can't make its socket here: .+: set CRASHY_RUNTIME_DIR to a folder of your own"
        )
        with pytest.raises(ValueError, match=reported):
            Lab(pod("a"))


def test_a_runtime_folder_may_be_relative_and_the_working_directory_change(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory() as short:
        monkeypatch.chdir(short)
        monkeypatch.setenv("CRASHY_RUNTIME_DIR", "run")
        with Lab(pod("a")) as lab:
            assert [path.suffix for path in Path("run/labs").iterdir()] == [".sock"]
            monkeypatch.chdir("/")
            assert lab.freeze("a") == "a"


@pytest.mark.parametrize(
    ("manifests", "reported"),
    [
        ([], "no manifest: give a file, a folder, YAML written out or an object"),
        (["nowhere"], "nowhere: no such file or directory"),
        ([pod("a"), {"kind": "Pod"}], r"manifest 2:1: document 1 \(Pod\): apiVersion: Required value"),
        (["kind: Pod\nspec: {}"], r"manifest 1:1: document 1 \(Pod\): apiVersion"),
    ],
)
def test_mistakes_in_the_manifests_are_reported_and_nothing_is_started(manifests: list[Any], reported: str) -> None:
    with pytest.raises(ValueError, match=reported):
        Lab(*manifests)


def test_one_that_has_ended_says_so() -> None:
    with Lab(pod("a")) as ended:
        pass
    with pytest.raises(RuntimeError, match="crashy lab has ended, exit code 0"):
        ended.wait_for("Killing")
    with pytest.raises(RuntimeError, match="crashy lab has ended, exit code 0"):
        ended.freeze("a")

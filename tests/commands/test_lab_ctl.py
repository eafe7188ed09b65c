"""`crashy lab ctl` against real labs."""

from __future__ import annotations

import contextlib
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from crashy.commands.lab_ctl import table
from tests.commands.labs import Lab, crashy, event, eventually, lab

SLEEP = {
    "name": "app",
    "image": "busybox",
    "command": ["sh", "-c", "echo one; echo two; trap exit TERM; sleep 600 & wait"],
}
LABELS = {"app": "web"}


def deployment(image: str = "busybox:1", replicas: int = 2, command: list[str] | None = None) -> dict[str, object]:
    container = {**SLEEP, "image": image, "command": command or SLEEP["command"]}
    template = {
        "metadata": {"labels": LABELS},
        "spec": {"terminationGracePeriodSeconds": 1, "containers": [container]},
    }
    spec = {
        "replicas": replicas,
        "selector": {"matchLabels": LABELS},
        "template": template,
        "progressDeadlineSeconds": 2,
    }
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}


SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web"},
    "spec": {"selector": LABELS, "ports": [{"port": 80, "targetPort": 8080}]},
}


class Ctl:
    """A running lab, and what `crashy lab ctl` prints of it."""

    def __init__(self, folder: Path, running: Lab) -> None:
        self.folder = folder
        self.lab = running

    def __call__(self, *args: str, code: int = 0) -> str:
        """Return standard output where it did as asked, else standard error."""
        done = crashy("lab", "ctl", *args, environ={"CRASHY_RUNTIME_DIR": str(self.folder)})
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        return done.stderr if code or not done.stdout else done.stdout

    def pods(self) -> list[str]:
        return [line.split()[0] for line in self("get", "pods").splitlines()[1:]]

    def write(self, name: str, *objects: object) -> str:
        path = self.folder / name
        path.write_text(yaml.safe_dump_all(objects))
        return str(path)


@contextlib.contextmanager
def a_lab(*objects: object) -> Iterator[Ctl]:
    with tempfile.TemporaryDirectory(dir="/tmp") as name:  # a socket's path must be short
        folder = Path(name)
        path = folder / "app.yaml"
        path.write_text(yaml.safe_dump_all(objects))
        with lab(str(path), environ={"CRASHY_RUNTIME_DIR": name}) as running:
            running.ready(sum(2 if isinstance(o, dict) and o["kind"] == "Deployment" else 0 for o in objects) or 1)
            yield Ctl(folder, running)


def test_a_rollout_from_its_start_to_its_end() -> None:
    with a_lab(deployment(), SERVICE) as ctl:
        assert re.fullmatch(
            r"NAME +READY   STATUS    RESTARTS   AGE\n(web-\w+-\w{5}   1/1     Running   0 {10}\d+s\n){2}",
            ctl("get", "po"),
        )
        new = ctl.write("new.yaml", deployment("busybox:2"))
        assert ctl("apply", new) == "deployment.apps/web configured\n"
        assert ctl("rollout", "status", "deployment/web").splitlines()[-1] == 'deployment "web" successfully rolled out'
        assert ctl("apply", "-f", new) == "deployment.apps/web unchanged\n"
        assert re.fullmatch(
            r"NAME +READY   UP-TO-DATE   AVAILABLE   AGE\nweb    2/2     2            2           \d+s\n",
            ctl("get", "deploy"),
        )
        sizes = sorted(line.split()[1:4] for line in ctl("get", "rs").splitlines()[1:])
        assert sizes == [["0", "0", "0"], ["2", "2", "2"]]
        assert re.search(r"^web    127\.\d+\.0\.\d+:8080,127\.\d+\.0\.\d+:8080   \d+s$", ctl("get", "ep"), re.MULTILINE)
        assert re.search(
            r"^web    ClusterIP   127\.\d+\.200\.\d+   <none>        80/TCP    \d+s$", ctl("get", "svc"), re.M
        )
        assert re.search(
            r"^\d+s +Normal +ScalingReplicaSet +deployment/web +Scaled up replica set web-\w+ from 0 to 1$",
            ctl("get", "events"),
            re.MULTILINE,
        )


def test_what_the_lab_does_not_run_is_named_when_it_is_applied() -> None:
    with a_lab(deployment()) as ctl:
        ingress = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "web"}}
        assert (
            ctl("apply", ctl.write("more.yaml", ingress)) == "Warning: skipped: 1 Ingress (the lab doesn't run them)\n"
        )


def test_pods_are_deleted_and_deployments_scaled() -> None:
    with a_lab(deployment()) as ctl:
        first, second = ctl.pods()
        assert ctl("delete", "pod", first, "--grace-period", "0") == f'pod "{first}" deleted\n'
        assert first not in ctl.pods()
        assert ctl("delete", f"pod/{second}", "--wait", "false") == f'pod "{second}" deleted\n'
        assert ctl("scale", "deployment/web", "--replicas=3") == "deployment.apps/web scaled\n"
        ctl.lab.wait(event("ScalingReplicaSet", "from 2 to 3"))
        assert ctl("scale", "deploy", "web", "--replicas", "0") == "deployment.apps/web scaled\n"


def test_any_all_and_some_of_a_label_are_pods_to_delete() -> None:
    with a_lab(deployment()) as ctl:
        first = ctl.pods()
        (any_of_them,) = re.findall('pod "(.+)" deleted\n', ctl("delete", "pod", "any", "--grace-period", "0"))
        assert any_of_them in first
        assert ctl("delete", "pod", "1 of app=db", code=1) == (
            'Error from server (NotFound): pods "1 of app=db" not found\n'
        )
        reported = ctl("delete", "pod", "2 of app=web", "--grace-period", "0")
        assert len(re.findall('pod "(web-.+)" deleted', reported)) == 2
        assert not {*re.findall('"(.+)"', reported)} & {*ctl.pods()}


def test_a_rollout_that_exceeds_its_deadline() -> None:
    with a_lab(deployment()) as ctl:
        ctl("apply", ctl.write("bad.yaml", deployment("busybox:2", command=["no-such-program"])))
        reported = ctl("rollout", "status", "deploy/web", code=1)
        assert reported == 'error: deployment "web" exceeded its progress deadline\n'
        name = next(line.split()[0] for line in ctl("get", "pods").splitlines() if "1/1" not in line and "web" in line)
        ctl("apply", str(ctl.folder / "app.yaml"))
        assert "successfully rolled out" in ctl("rollout", "status", "deploy/web")
        eventually(lambda: name not in ctl.pods())


def test_logs_are_those_of_the_life_that_it_is_in() -> None:
    command = ["sh", "-c", 'echo "life of $$$$"; test -e there || { touch there; exit 1; }; sleep 600']
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web"},
        "spec": {
            "terminationGracePeriodSeconds": 1,
            "containers": [{**SLEEP, "name": "app", "command": command}, {**SLEEP, "name": "beside"}],
        },
    }
    with a_lab(pod) as ctl:
        ctl.lab.wait(lambda e: e["kind"] == "pod" and e["data"]["restarts"] == 1 and e["data"]["ready"])
        (now,) = ctl("logs", "web", "-c", "app").splitlines()
        (before,) = ctl("logs", "pod/web", "-c", "app", "--previous").splitlines()
        assert now != before
        assert ctl("logs", "web", "-c", "beside", "--tail", "1") == "two\n"
        assert ctl("logs", "web", "-c", "none", code=1) == "error: container none is not valid for pod web\n"
        done = crashy("lab", "ctl", "logs", "web", environ={"CRASHY_RUNTIME_DIR": str(ctl.folder)})
        assert done.stderr == 'Defaulted container "app" out of: app, beside\n'
        text = 'Error from server (BadRequest): previous terminated container "beside" in pod "web" not found\n'
        assert ctl("logs", "web", "-c", "beside", "-p", code=1) == text


def test_what_can_not_be_done_is_said_and_nothing_is_half_done() -> None:
    with a_lab(deployment()) as ctl:
        before = ctl.pods()
        assert ctl("delete", "pod", "none", code=1) == 'Error from server (NotFound): pods "none" not found\n'
        text = 'Error from server (NotFound): deployments.apps "db" not found\n'
        assert ctl("scale", "deployment/db", "--replicas=1", code=1) == text
        assert "a lab runs at most 100 pods" in ctl("scale", "deploy/web", "--replicas=101", code=1)
        bad = {**deployment("busybox:2"), "extra": 1}
        assert ctl("apply", ctl.write("bad.yaml", bad), code=1).endswith('(Deployment/web): unknown field "extra"\n')
        assert ctl("get", "events", "-n", "other") == "No resources found in other namespace.\n"
        assert ctl("-n", "other", "get", "events") == "No resources found in other namespace.\n"
        assert ctl.pods() == before


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (["get", "secrets"], "argument KIND: 'secrets': must be one of pods, deployments, "),
        (["scale", "pod/web", "--replicas=1"], "'pod/web': must be KIND/NAME or KIND NAME, of deployment, "),
        (["scale", "deployment/web"], "the following arguments are required: --replicas"),
        (
            ["scale", "deployment/web", "--replicas=-1"],
            "argument --replicas: '-1': must be a whole number from 0 to 999999999",
        ),
        (["delete", "pod"], "'pod': must be KIND/NAME or KIND NAME, of pod, deployment, "),
        (["apply"], "apply: needs files or folders"),
        (["--lab", "1", "get", "pods"], "--lab: '1': no lab with this process id; there are: "),
        ([], "the following arguments are required: COMMAND"),
    ],
)
def test_bad_input_is_one_line(args: list[str], line: str) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as name, one_that_answers(Path(name)):
        done = crashy("lab", "ctl", *args, environ={"CRASHY_RUNTIME_DIR": name})

    assert done.returncode == 2
    assert done.stderr.startswith(f"crashy lab: ctl: {line}")
    assert done.stderr.count("\n") == 1


@contextlib.contextmanager
def one_that_answers(folder: Path) -> Iterator[str]:
    """Run a lab of one pod."""
    path = folder / "pod.yaml"
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": {"containers": [SLEEP]}}
    path.write_text(yaml.safe_dump(pod))
    with lab(str(path), environ={"CRASHY_RUNTIME_DIR": str(folder)}) as running:
        running.ready()
        yield str(running.process.pid)


def test_several_labs_are_reported_apart_by_their_process_ids() -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        environ = {"CRASHY_RUNTIME_DIR": name}
        done = crashy("lab", "ctl", "get", "pods", environ=environ)
        assert done.returncode == 2
        assert done.stderr.startswith("crashy lab: ctl: no lab is running (looked in /tmp/")
        with one_that_answers(Path(name)) as one, one_that_answers(Path(name)) as two:
            done = crashy("lab", "ctl", "get", "pods", environ=environ)
            pids = ", ".join(sorted((one, two)))
            assert done.stderr == f"crashy lab: ctl: several labs are running: name one with ctl --lab PID: {pids}\n"
            assert crashy("lab", "ctl", "--lab", two, "get", "pods", environ=environ).returncode == 0


def test_columns_are_as_wide_as_kubectls() -> None:
    assert table(["NAME", "ENDPOINTS", "AGE"], [["a", "<none>", "5s"]]) == (
        "NAME   ENDPOINTS   AGE\na      <none>      5s\n"
    )


def test_describe_says_why_the_last_container_ended() -> None:
    once = "test -e /kept/once && exec sleep 600; touch /kept/once; echo bye > /dev/termination-log; exit 3"
    app = {**SLEEP, "command": ["sh", "-c", once], "volumeMounts": [{"name": "kept", "mountPath": "/kept"}]}
    spec = {"containers": [app], "volumes": [{"name": "kept", "emptyDir": {}}]}
    with a_lab({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "bare"}, "spec": spec}) as ctl:
        eventually(lambda: "Last State" in ctl("describe", "pod/bare"))
        text = ctl("describe", "pod/bare")

        assert re.search(r"Last State: +Terminated\n +Reason: +Error\n +Message: +bye\n\n +Exit Code: +3\n", text)
        assert ctl("describe", "pod", "other", code=1) == 'Error from server (NotFound): pods "other" not found\n'

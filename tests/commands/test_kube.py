"""`crashy kube` and `crashy run --on kube`, where there is no cluster to speak of."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from crashy import cli

LESSON = Path(__file__).parents[2] / "experiments/05-crash-behind-a-service.yaml"
RUN = ["run", str(LESSON), "--on", "kube"]


def said(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str]:
    code = cli.main(list(args))
    return code, capsys.readouterr().err


@pytest.fixture(autouse=True)
def _no_cluster(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def deaf() -> Iterator[int]:
    """Return a port at which nobody listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        yield one.getsockname()[1]


def kubeconfig(folder: Path, text: str) -> str:
    path = folder / "kubeconfig"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (["--in-namespace", "shop"], "--in-namespace and --selector go together"),
        (["--selector", "app=web"], "--in-namespace and --selector go together"),
        (["--in-namespace", "kube-system", "--selector", "a=b"], "--in-namespace: kube-system: is a system namespace"),
        (["--in-namespace", "../nodes", "--selector", "a=b"], "--in-namespace: '../nodes': must be lower-case letters"),
        (["--on", "lab", "--image", "x"], "--image: only with --on kube"),
        (["--on", "sim", "--selector", "x"], "--selector: only with --on kube"),
        ([], "kube: no kubeconfig (~/.kube/config): set KUBECONFIG"),
    ],
)
def test_options_that_do_not_fit_are_refused(args: list[str], line: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, error = said(capsys, *RUN, *args)

    assert code == 2
    assert error.startswith(f"crashy run: {line}")


def test_a_kubeconfig_that_is_nowhere(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("KUBECONFIG", "/nowhere")

    assert said(capsys, "kube", "clean") == (
        2,
        "crashy kube: no kubeconfig (/nowhere): set KUBECONFIG; kind get kubeconfig writes one\n",
    )


@pytest.mark.parametrize(
    "text", ["", "{a: [", "a: 1", "[]", "current-context: x\nclusters: []\nusers: []\ncontexts: []"]
)
def test_a_kubeconfig_that_is_none(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KUBECONFIG", kubeconfig(tmp_path, text))

    code, error = said(capsys, *RUN)

    assert code == 2
    assert error.startswith(f"crashy run: kube: {tmp_path}/kubeconfig: can't be read: ")
    assert error.count("\n") == 1


def test_a_cluster_that_can_not_be_reached(
    deaf: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = f"""\
        clusters: [{{name: k, cluster: {{server: "https://127.0.0.1:{deaf}"}}}}]
        users: [{{name: u, user: {{token: x}}}}]
        contexts: [{{name: k, context: {{cluster: k, user: u}}}}]
        current-context: k
    """
    monkeypatch.setenv("KUBECONFIG", kubeconfig(tmp_path, text))

    code, error = said(capsys, *RUN)

    assert code == 2
    assert error.startswith(f"crashy run: kube: can't be used: https://127.0.0.1:{deaf}: can't be reached: ")


@pytest.mark.parametrize("args", [RUN, ["kube", "clean"]])
def test_without_the_client_library_it_is_said_what_to_install(
    args: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "kubernetes_asyncio", None)

    code, error = said(capsys, *args)

    assert code == 2
    assert "needs kubernetes_asyncio, which is not installed: pip install 'crashy[kube]'" in error


def test_only_who_asks_for_a_cluster_imports_the_library() -> None:
    program = "import sys, crashy.commands.run, crashy.commands.kube; sys.exit('kubernetes_asyncio' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_a_file_never_chooses_a_cluster_by_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    only = tmp_path / "only.yaml"
    only.write_text(LESSON.read_text() + "\nengines: [kube]\n")

    code, error = said(capsys, "run", str(only))

    assert code == 2
    assert "does not run on lab: it runs on kube" in error


def test_wrap_prints_manifests_that_say_where_users_go_now(capsys: pytest.CaptureFixture[str]) -> None:
    code = cli.main(["kube", "wrap", str(LESSON.parents[1] / "manifests/webapp"), "--token", "crashy/token"])

    printed = capsys.readouterr()
    assert code == 0
    assert printed.out.count("name: crashy-proxy") == 2
    assert "key: token" in printed.out
    assert printed.err.splitlines()[0] == "note: pod/simple-webapp-1: 28080 leads to 8080"


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (["nowhere.yaml"], "crashy kube: nowhere.yaml: no such file or directory"),
        (["x.yaml", "--token", "secret"], "'secret': must be SECRET/KEY, such as crashy/token"),
    ],
)
def test_wrap_refuses_in_one_line(args: list[str], line: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "crashy", "kube", "wrap", *args], capture_output=True, text=True, check=False
    )

    assert ran.returncode == 2
    assert line in ran.stderr
    assert ran.stdout == ""

"""What runs `crashy check` for others: the hook of pre-commit and the action, both for real."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.docs_tables import ROOT

pytestmark = [
    pytest.mark.locks,  # both install crashy, from the network
    pytest.mark.locks_few,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not (ROOT / ".git").exists(), reason="this is no clone: pre-commit needs one"),
]
POD = """\
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  containers:
    - {name: a, image: nginx, livenessProbe: {httpGet: {path: /healthz, port: %s}}}
"""
FINDING = 'no port of this container is named "http"'


def run(*command: str | Path, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=cwd, env={**os.environ, **environ}, capture_output=True, text=True, timeout=500, check=False
    )


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """Return a repository with a manifest that has an error, one that has none, and a file that is no manifest."""
    repository = tmp_path / "theirs"
    (repository / "k8s").mkdir(parents=True)
    (repository / "k8s/wrong.yaml").write_text(POD % "http")
    (repository / "k8s/right.yaml").write_text((POD % 80).replace("name: p", "name: q"))
    (repository / "values.yaml").write_text("image: nginx\n")
    for command in (["init", "-q"], ["add", "-A"]):
        subprocess.run(["git", *command], cwd=repository, check=True)
    return repository


def test_the_hook_finds_what_check_finds(theirs: Path, tmp_path: Path) -> None:
    pre_commit = Path(sys.executable).with_name("pre-commit")
    if not pre_commit.exists():
        pytest.skip("pre-commit is not installed beside this Python (the extra dev)")
    hook = [pre_commit, "try-repo", ROOT, "crashy-check", "--all-files", "--verbose"]
    environ = {"PRE_COMMIT_HOME": str(tmp_path / "home")}

    wrong = run(*hook, cwd=theirs, **environ)
    (theirs / "k8s/wrong.yaml").write_text(POD % 80)
    right = run(*hook, cwd=theirs, **environ)

    assert (wrong.returncode, FINDING in wrong.stdout) == (1, True), wrong.stdout + wrong.stderr
    assert "k8s/wrong.yaml:6: error: unknown-port-name: " in wrong.stdout
    assert "skipped: 1 file that is no manifest" in wrong.stdout
    assert right.returncode == 0, right.stdout + right.stderr


def test_the_steps_of_the_action_do_so_too(theirs: Path, tmp_path: Path) -> None:
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    inputs = {name: one["default"] for name, one in action["inputs"].items()} | {"paths": "k8s", "sarif": "found.sarif"}
    clone = tmp_path / "action"
    run("git", "clone", "-q", ROOT, clone, cwd=tmp_path)
    given = {"GITHUB_ACTION_PATH": str(clone), "RUNNER_TEMP": str(tmp_path)}

    done = None
    for step in action["runs"]["steps"]:
        assert done is None or done.returncode == 0, done.stdout + done.stderr
        environ = {
            name: inputs[value.removeprefix("${{ inputs.").removesuffix(" }}")]
            for name, value in step.get("env", {}).items()
        }
        shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]  # as GitHub's runner starts it
        done = run(*shell, cwd=theirs, **given, **environ)

    assert done is not None
    assert (done.returncode, done.stderr) == (1, "")
    command = "::error file=k8s/wrong.yaml,line=6,title=unknown-port-name::Pod/p, container a: "
    assert [line.startswith(command + FINDING) for line in done.stdout.splitlines() if "::error" in line] == [True]
    results = json.loads((theirs / "found.sarif").read_text())["runs"][0]["results"]
    assert "unknown-port-name" in {one["ruleId"] for one in results}

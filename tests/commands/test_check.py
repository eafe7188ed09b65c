"""`crashy check` as its users run it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands.labs import crashy

ROOT = Path(__file__).parent.parent.parent
POD = """\
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  containers:
    - {name: a, image: nginx, livenessProbe: {httpGet: {path: /healthz, port: %s}}}
"""
RIGHT, WRONG = POD % 80, POD % "http"


def test_manifests_without_an_error_exit_0() -> None:
    got = crashy("check", str(ROOT / "manifests" / "demo"))

    assert (got.returncode, got.stderr) == (0, "")
    assert "Deployment/web, container web, 3 pods" in got.stdout
    assert got.stdout.endswith("0 errors, 0 warnings, 0 notes\n")


def test_an_error_exits_1() -> None:
    got = crashy("check", "-", stdin=WRONG)

    assert (got.returncode, got.stderr) == (1, "")
    assert "error     unknown-port-name, line 6: no port of this container is named" in got.stdout


@pytest.mark.parametrize("manifest", [RIGHT, WRONG])
def test_json_and_sarif_are_all_that_is_printed(manifest: str) -> None:
    wrong = manifest is WRONG
    for form in ("json", "sarif"):
        got = crashy("check", "--format", form, "-", stdin=manifest)
        assert (got.returncode, got.stderr) == (int(wrong), "")
        found = json.loads(got.stdout)
        results = found["findings"] if form == "json" else found["runs"][0]["results"]
        assert ("unknown-port-name" in {one.get("id", one.get("ruleId")) for one in results}) == wrong


@pytest.mark.parametrize(
    ("args", "stdin", "line"),
    [
        (["nowhere.yaml"], "", "crashy check: nowhere.yaml: no such file or directory"),
        (["-"], "a: [", ": not YAML: "),
        (["-"], RIGHT.replace("/healthz", '""').replace("80", "0"), "livenessProbe.httpGet.port: Invalid value: 0"),
        (["-"], "apiVersion: v1\nkind: Namespace\n", "crashy check: standard input: no Pod, Deployment, "),
        (["-", "--format", "xml"], "", "crashy check: argument --format: invalid choice: 'xml'"),
        ([], "", "crashy check: the following arguments are required: MANIFEST"),
    ],
)
def test_bad_input_exits_2_with_a_line(args: list[str], stdin: str, line: str) -> None:
    got = crashy("check", *args, stdin=stdin)

    assert (got.returncode, got.stdout) == (2, "")
    assert line in got.stderr
    assert "Traceback" not in got.stderr


def test_what_is_not_checked_is_reported_beside_the_result() -> None:
    foreign = "---\napiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata: {name: r}\n"
    got = crashy("check", "--format", "json", "-", stdin=RIGHT + foreign)

    assert got.returncode == 0
    assert got.stderr == (
        "crashy check: standard input:8: document 2 (Rollout/r): is not checked: it has no known pod template\n"
    )


def test_it_needs_neither_rich_nor_a_server() -> None:
    code = (
        "import sys; sys.modules['rich'] = None; from crashy.commands.check import main; "
        f"main([{str(ROOT / 'manifests' / 'demo')!r}]); "
        "print(sorted({'aiohttp', 'uvloop', 'asyncio', 'rich.console'} & sys.modules.keys()), file=sys.stderr)"
    )
    got = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)

    assert got.stderr == "[]\n"

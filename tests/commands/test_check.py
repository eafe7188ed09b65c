"""`crashy check` as its users run it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from crashy.check.suppress import RULES
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


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


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
        (["-"], "", "crashy check: standard input: holds no object"),
        (["-", "--disable", "tcp-frozn"], "", "--disable: no rule is named 'tcp-frozn'; similar: tcp-frozen; docs/"),
        (["-", "--kubernetes", "1.99"], "", "--kubernetes: '1.99': must be from 1.20 to 1.37"),
        (["-", "--fail-on", "fatal"], "", "--fail-on: invalid choice: 'fatal'"),
        (["-", "--baseline", "nowhere.json"], "", "--baseline: nowhere.json: No such file or directory"),
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
    got = crashy("check", "--format", "json", "-", stdin=RIGHT + foreign * 2)

    assert (got.returncode, got.stderr) == (0, "crashy check: skipped: 2 Rollout\n")


@pytest.mark.parametrize("form", ["text", "summary", "github"])
def test_files_without_pods_are_nothing_to_check(form: str) -> None:
    got = crashy("check", "--format", form, "-", stdin="apiVersion: v1\nkind: Namespace\nmetadata: {name: n}\n")

    assert (got.returncode, got.stderr) == (0, "")
    assert got.stdout.startswith("nothing to check: no Pod, Deployment, ")


def test_a_file_that_cannot_be_read_hides_nothing_of_the_others(tmp_path: Path) -> None:
    write(tmp_path, {"a.yaml": "a: [", "b.yaml": WRONG, "c.yaml": RIGHT.replace("name: p", "name: P"), "d.yaml": RIGHT})
    got = crashy("check", "--format", "summary", *(str(tmp_path / f"{name}.yaml") for name in "abcd"))
    lines = [line.removeprefix(f"{tmp_path}/") for line in got.stdout.splitlines()]

    assert got.returncode == 2
    assert [line.partition(": ")[0] for line in lines if ": error: " in line] == ["a.yaml:2:1", "c.yaml:3", "b.yaml:6"]
    assert lines[-1].startswith("3 errors, ")


def test_fail_on_says_how_severe_a_finding_has_to_be() -> None:
    warning = POD.replace("httpGet: {path: /healthz, port: %s}", "tcpSocket: {port: 80}")
    codes = [
        crashy("check", "--fail-on", level, "-", stdin=warning).returncode for level in ("error", "warning", "note")
    ]
    without = crashy("check", "--fail-on", "warning", "--disable", "tcp-frozen", "-", stdin=warning)

    assert codes == [0, 1, 1]
    assert (without.returncode, "tcp-frozen" in without.stdout) == (0, False)


def test_a_baseline_leaves_out_what_was_there_before_and_nothing_new(tmp_path: Path) -> None:
    write(tmp_path, {"web.yaml": WRONG})
    old = crashy("check", "--format", "json", "web.yaml", cwd=tmp_path)
    write(tmp_path, {"baseline.json": old.stdout, "web.yaml": f"# a line more\n{WRONG}"})
    same = crashy("check", "--baseline", "baseline.json", "./web.yaml", cwd=tmp_path)
    write(tmp_path, {"web.yaml": WRONG + WRONG.partition("containers:\n")[2].replace("name: a", "name: b")})
    more = crashy("check", "--baseline", "baseline.json", "--format", "summary", "web.yaml", cwd=tmp_path)

    assert (same.returncode, same.stdout.splitlines()[-1]) == (0, "0 errors, 0 warnings, 0 notes; 2 in baseline")
    assert more.returncode == 1
    assert [line.split(": ")[2] for line in more.stdout.splitlines() if "error: " in line] == ["unknown-port-name"]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"findings": [{}]}', '{"findings": [{"fingerprint": 3}]}'])
def test_what_is_no_report_is_no_baseline(tmp_path: Path, text: str) -> None:
    write(tmp_path, {"old.json": text})
    got = crashy("check", "--baseline", "old.json", "-", stdin=RIGHT, cwd=tmp_path)

    assert (got.returncode, got.stdout) == (2, "")
    assert got.stderr == (
        "crashy check: --baseline: old.json: is no report of this command; write one with: "
        "crashy check --format json MANIFEST > old.json\n"
    )


def test_the_kubelet_of_another_version_has_other_numbers() -> None:
    grace = RIGHT.replace("port: 80}}", "port: 80}, terminationGracePeriodSeconds: 3}")
    new, old = (
        json.loads(crashy("check", "--format", "json", "--kubernetes", version, "-", stdin=grace).stdout)
        for version in ("1.36", "1.20")
    )

    assert (new["kubernetes"], new["containers"][0]["kill"]["worst"]) == ("1.36", 3)
    assert (old["kubernetes"], old["containers"][0]["kill"]["worst"]) == ("1.20", 30)


def test_github_gets_a_workflow_command_for_each_finding(tmp_path: Path) -> None:
    write(tmp_path, {"a,b%.yaml": WRONG})
    got = crashy("check", "--format", "github", "--disable", "frozen-grace", str(tmp_path), cwd=tmp_path)
    command, end = got.stdout.splitlines()

    assert command.startswith("::error file=a%2Cb%25.yaml,line=6,title=unknown-port-name::Pod/p, container a: no port ")
    assert end == "1 error, 0 warnings, 0 notes"


def test_a_summary_is_a_line_a_finding_and_a_line_at_the_end(tmp_path: Path) -> None:
    write(tmp_path, {"k8s/web.yaml": WRONG.replace("name: p", "name: p, namespace: shop")})
    got = crashy("check", "-R", "--format", "summary", "--disable", "frozen-grace", ".", cwd=tmp_path)

    assert got.stdout.splitlines() == [
        'k8s/web.yaml:6: error: unknown-port-name: no port of this container is named "http" (it declares none)'
        " (shop/Pod/p, container a)",
        "1 error, 0 warnings, 0 notes",
    ]


def test_text_shows_the_namespace() -> None:
    got = crashy("check", "-", stdin=RIGHT.replace("name: p", "name: p, namespace: shop"))

    assert got.stdout.startswith("Pod/p, container a, namespace shop  (standard input:6)")


def test_it_needs_neither_rich_nor_a_server() -> None:
    code = (
        "import sys; sys.modules['rich'] = None; from crashy.commands.check import main; "
        f"main([{str(ROOT / 'manifests' / 'demo')!r}]); "
        "print(sorted({'aiohttp', 'uvloop', 'asyncio', 'rich.console'} & sys.modules.keys()), file=sys.stderr)"
    )
    got = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)

    assert got.stderr == "[]\n"


HUNG = "{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: a, image: nginx}]}}"


@pytest.mark.parametrize("form", ["text", "summary", "github"])
def test_what_seems_not_to_matter_is_reported_with_all_of_it(form: str) -> None:
    short = crashy("check", "--format", form, "-", stdin=HUNG)
    whole = crashy("check", "--format", form, "--all", "-", stdin=HUNG)
    strict = crashy("check", "--format", form, "--fail-on", "note", "-", stdin=HUNG)

    assert "no-liveness" not in short.stdout
    assert short.stdout.endswith("0 errors, 0 warnings, 0 notes; 1 more with --all\n")
    assert "no-liveness" in whole.stdout
    assert whole.stdout.endswith("0 errors, 0 warnings, 1 note\n")
    assert (strict.returncode, "no-liveness" in strict.stdout) == (1, True)


def test_machines_get_all_of_it() -> None:
    assert "no-liveness" in crashy("check", "--format", "json", "-", stdin=HUNG).stdout


@pytest.mark.parametrize("routed", [False, True])
def test_users_are_spoken_of_only_where_a_service_leads_to_the_pod(routed: bool) -> None:
    pod = "{apiVersion: v1, kind: Pod, metadata: {name: p, labels: {a: b}}, spec: {containers: [{name: a, image: x}]}}"
    service = "{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {selector: {a: b}, ports: [{port: 80}]}}"
    got = crashy("check", "--all", "-", stdin=f"{pod}\n---\n{service}" if routed else pod)

    assert ("users" in got.stdout) == routed
    assert ("Service" in got.stdout) == routed


def test_the_rules_that_the_documents_compare_exist() -> None:
    rows = [line for line in (ROOT / "docs/check.md").read_text().splitlines() if line.startswith("| kube-")]
    named = {rule for row in rows for rule in re.findall(r"\[([a-z-]+)\]\(traps\.md#\1\)", row)}

    assert rows
    assert named <= set(RULES)

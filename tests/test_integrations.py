"""docs/integrations.md is true: its experiment under the real Chaos Toolkit, its commands against a real patient."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml

from crashy.patient.settings import load
from crashy.server.admin import METRICS
from tests.commands.labs import event, lab
from tests.needs import need
from tests.scripts.test_scripts import free_node_port
from tests.server.running import Running

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs/integrations.md").read_text()
EXPERIMENT = ROOT / "docs/integrations/chaostoolkit.yaml"
BIN = Path(sys.executable).parent
TOKEN = "s3cret-of-the-patient"

chaostoolkit = pytest.mark.skipif(
    not (BIN / "chaos").exists(), reason="chaostoolkit is not installed (requirements/dev.txt has it)"
)


def chaos(folder: Path, environ: dict[str, str], experiment: Path = EXPERIMENT) -> tuple[int, dict[str, Any]]:
    """Run the experiment; return the exit code and the journal."""
    done = subprocess.run(
        [BIN / "chaos", "--no-version-check", "run", "--journal-path", "journal.json", experiment],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    journal = folder / "journal.json"
    assert journal.exists(), done.stdout + done.stderr
    return done.returncode, json.loads(journal.read_text())


WAIT_UNTIL_STUCK = """
import os, urllib.request
request = urllib.request.Request(os.environ["CRASHY_ADMIN"] + "/admin/events", headers={"Last-Event-ID": "0"})
with urllib.request.urlopen(request, timeout=30) as events:
    assert any(b"I am stuck!" in line for line in events)
"""


def impatient(folder: Path, *steps: dict[str, Any]) -> Path:
    """Return the experiment with these steps in place of its pause: nobody restarts a lone patient."""
    experiment = yaml.safe_load(EXPERIMENT.read_text())
    [action] = experiment["method"]
    del action["pauses"]
    experiment["method"] += steps
    path = folder / "chaostoolkit.yaml"
    path.write_text(yaml.safe_dump(experiment))
    return path


@pytest.fixture
def patient() -> Iterator[Running]:
    running = Running.start({"ADMIN_TOKEN": TOKEN})
    try:
        yield running
    finally:
        running.end()


def at(patient: Running, token: str = TOKEN) -> dict[str, str]:
    return {
        "CRASHY_URL": f"http://127.0.0.1:{patient.port}",
        "CRASHY_ADMIN": f"http://127.0.0.1:{patient.admin_port}",
        "ADMIN_TOKEN": token,
    }


@chaostoolkit
@pytest.mark.slow
def test_behind_a_service_with_probes_users_are_answered_again(tmp_path: Path) -> None:
    port = free_node_port()
    manifest = tmp_path / "demo.yaml"
    texts = [path.read_text() for path in sorted((ROOT / "manifests/demo").glob("*.yaml"))]
    manifest.write_text("---\n".join(texts).replace("30090", str(port)))

    with lab(str(manifest), environ={"CRASHY_RUNTIME_DIR": str(tmp_path)}) as running:
        running.ready(3)
        running.wait(lambda e: e["kind"] == "endpoints" and len(e["data"]["ready"]) == 3)
        environ = {"CRASHY_URL": f"http://127.0.0.1:{port}", "CRASHY_ADMIN": f"http://{running.ip()}:8081"}
        code, journal = chaos(tmp_path, environ)
        running.wait(event("Killing", "failed liveness probe"))

    assert (code, journal["status"], journal["deviated"]) == (0, "completed", False)
    assert [step["output"]["status"] for step in journal["run"]] == [201]
    assert [step["output"]["status"] for step in journal["rollbacks"]] == [200]


@chaostoolkit
def test_a_lone_patient_deviates_and_its_fault_is_taken_back(tmp_path: Path, patient: Running) -> None:
    waiting = {"type": "process", "path": sys.executable, "arguments": ["-c", WAIT_UNTIL_STUCK], "timeout": 30}
    frozen = {"type": "action", "name": "wait-until-it-is-stuck", "provider": waiting}
    code, journal = chaos(tmp_path, at(patient), impatient(tmp_path, frozen))

    assert (code, journal["status"], journal["deviated"]) == (1, "failed", True)
    assert journal["steady_states"]["before"]["steady_state_met"] is True
    assert [step["output"]["status"] for step in journal["run"]] == [201, 0]
    [fault] = journal["rollbacks"][0]["output"]["body"]["recovered"]
    assert (fault["fault"], fault["state"], fault["for"]) == ("freeze", "ended", "1m")
    assert patient.ask("/health").status == 200
    assert TOKEN not in (tmp_path / "journal.json").read_text() + (tmp_path / "chaostoolkit.log").read_text()


@chaostoolkit
def test_a_refused_fault_is_reported_by_the_journal_alone(tmp_path: Path, patient: Running) -> None:
    code, journal = chaos(tmp_path, at(patient, token="another"), impatient(tmp_path))

    assert (code, journal["status"]) == (0, "completed")
    assert [step["output"]["status"] for step in journal["run"]] == [401]


def load_generators() -> list[list[str]]:
    """Return the page's commands for them, with a second for ten."""
    lines = re.findall(r"^(?:hey|ab|wrk) .*", PAGE, re.MULTILINE)
    return [shlex.split(re.sub(r"10s\b|(?<=-t )10\b", lambda m: m[0].replace("10", "1"), line)) for line in lines]


@pytest.mark.parametrize("command", load_generators(), ids=" ".join)
def test_the_load_generators_take_the_flags_of_the_page(command: list[str], patient: Running) -> None:
    need(command[0])
    *args, url = command
    assert url == "http://127.0.0.1:30090/"

    done = subprocess.run(
        [*args, f"http://127.0.0.1:{patient.port}/"], capture_output=True, text=True, timeout=30, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"Requests(?:/sec| per second):\s+[1-9]", done.stdout), done.stdout


def test_the_page_has_each_load_generator() -> None:
    assert {command[0] for command in load_generators()} == {"hey", "ab", "wrk"}


def test_the_step_of_github_actions_leaves_a_junit_report(tmp_path: Path) -> None:
    [text] = re.findall(r"```yaml\n(# \.github/.*?)```", PAGE, re.DOTALL)
    steps = yaml.safe_load(text)["jobs"]["probes"]["steps"]
    [command] = [step["run"] for step in steps if "crashy run" in step.get("run", "")]
    [kept] = [step["with"]["path"] for step in steps if "upload-artifact" in step.get("uses", "")]
    for name in ("experiments", "manifests"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv/bin").symlink_to(BIN)

    subprocess.run(["bash", "-e", "-c", command], cwd=tmp_path, check=True, capture_output=True, timeout=60)

    report = ET.parse(next((tmp_path / kept).glob("*.xml"))).getroot()
    suites = report.findall("testsuite")
    assert len(suites) > 0
    assert {suite.get("failures") for suite in suites} == {"0"}


def test_the_service_monitor_finds_the_metrics_of_the_demo() -> None:
    monitored = list(yaml.safe_load_all((ROOT / "manifests/extras/prometheus/service-monitor.yaml").read_text()))
    service, monitor = monitored
    pod = yaml.safe_load((ROOT / "manifests/demo/deployment.yaml").read_text())["spec"]["template"]
    [container] = pod["spec"]["containers"]

    [endpoint] = monitor["spec"]["endpoints"]
    [port] = [port for port in service["spec"]["ports"] if port["name"] == endpoint["port"]]
    [number] = [p["containerPort"] for p in container["ports"] if p["name"] == port["targetPort"]]
    settings = load([], {each["name"]: each.get("value", "") for each in container["env"]})

    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
    assert (endpoint["path"], number, True) == (METRICS.path, settings.admin_port, settings.metrics)


def test_promtool_takes_the_pages_configuration_and_queries(tmp_path: Path) -> None:
    promtool = need("promtool")
    [config] = re.findall(r"```yaml\n(# build/prometheus.yml.*?)```", PAGE, re.DOTALL)
    (tmp_path / "prometheus.yml").write_text(config)
    (tmp_path / "patients.json").write_text('[{"targets": ["127.0.0.1:8081"]}]')
    queries = re.findall(r"^promtool query instant \S+ '(.*)'", PAGE, re.MULTILINE)
    rules = [{"record": f"query_{number}", "expr": query} for number, query in enumerate(queries)]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}))

    assert len(queries) == 3
    for what in (["config", "prometheus.yml"], ["rules", "rules.yml"]):
        done = subprocess.run(
            [promtool, "check", *what], cwd=tmp_path, capture_output=True, text=True, timeout=30, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr

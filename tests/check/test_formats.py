"""What was found, as a page, as JSON and as SARIF."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from crashy.check import as_json, lines, sarif, text
from crashy.check.model import Finding, findings
from crashy.check.targets import CheckTarget
from crashy.check.traps import TRAPS
from crashy.objects.document import Source
from tests.check.targets import MANIFESTS, SEEDS, command, deployment, http, service, shipped, targets


@pytest.fixture
def lab() -> tuple[list[CheckTarget], list[Finding]]:
    found = shipped(SEEDS / "crashy-deployment.yaml", SEEDS / "crashy-service.yaml")
    return found, findings(TRAPS, found)


def test_the_page_of_the_crashy_app_lab(lab: tuple[list[CheckTarget], list[Finding]]) -> None:
    page = text.report(*lab)

    assert page.splitlines()[1:12] == [
        "  readiness none: ready as soon as it runs",
        "  liveness  GET :80/health every 1 s, waits 1 s; 3 failures in a row restart it (it has 2 s to end)",
        "  start     2 s are allowed, liveness ends it after 2 to 4 s",
        "",
        "  when                    noticed after  out of Service  back after  users see errors",
        "  its process ends        0 to 1 s       0 to 1 s        0 to 1 s *  0 to 1 s *",
        "  it answers with errors  2 to 3 s       never           2 to 6 s *  2 to 6 s *",
        "  it hangs                3 to 4 s       never           3 to 7 s *  3 to 7 s *",
        "",
        "  warning   no-readiness, line 18: no readinessProbe: Service/crashy-app sends users to it as soon as it runs",
        "            Without a readiness probe a container is ready as soon as it runs: users are sent to it while it",
    ]
    assert page.splitlines()[-1] == "0 errors, 1 warning, 1 note"


def test_a_container_takes_no_more_than_a_screen() -> None:
    for folder in ("crashy-app", "demo", "event-simulator", "healthcheck", "sidecar", "traffic", "webapp"):
        found = shipped(MANIFESTS / folder)
        page = text.report(found, findings(TRAPS, found))
        assert len(page.splitlines()) <= 40 * len(found)
        assert max(map(len, page.splitlines())) <= text.WIDTH + 30  # only a path may be longer than a line


def test_what_never_happens_is_said_so() -> None:
    found = targets(deployment({"env": [{"name": "CRASH_AFTER", "value": "5"}]}, replicas=3), service())
    page = text.report(found, [])

    assert "  it answers with errors  never          never           never       for ever (1 pod in 3)" in page


def test_a_trap_is_explained_once() -> None:
    found = targets(deployment({"livenessProbe": http("/")}), deployment({"livenessProbe": http("/")}, name="b"))
    page = text.report(found, findings(TRAPS, found))

    assert page.count("liveness-under-load, line") == 2
    assert page.count("Fix: Use a route that does no work") == 1


def test_what_a_manifest_holds_does_not_write_to_the_terminal() -> None:
    found = targets(deployment({"livenessProbe": command("sh\x1b[31m", "a\nb")}))
    page = text.report(found, findings(TRAPS, found))

    assert "\x1b" not in page
    assert all(line.isprintable() for line in page.splitlines())


def test_the_json(lab: tuple[list[CheckTarget], list[Finding]]) -> None:
    got = json.loads(json.dumps(as_json.report(*lab)))
    (container,), findings_ = got["containers"], got["findings"]

    assert {key: value for key, value in got.items() if key not in {"containers", "findings"}} == {
        "schema": 1,
        "kubernetes": "1.36",
        "restart_waits": [0, 10, 20, 40, 80, 160, 300],
        "summary": {"error": 0, "warning": 1, "note": 1},
    }
    assert container == {
        "kind": "Deployment",
        "namespace": "default",
        "name": "crashy-app",
        "container": "crashy-app",
        "file": str(SEEDS / "crashy-deployment.yaml"),
        "line": 18,
        "pods": 1,
        "probes": {
            "liveness": {
                "asks": "GET :80/health",
                "initial_delay_seconds": 0,
                "timeout_seconds": 1,
                "period_seconds": 1,
                "success_threshold": 1,
                "failure_threshold": 3,
                "termination_grace_period_seconds": 1,
            }
        },
        "illnesses": {
            "exit": {
                "detected": {"best": 0, "worst": 1},
                "out_of_service": {"best": 0, "worst": 1},
                "back": {"best": 0, "worst": 1},
                "users_see_errors": {"best": 0, "worst": 1},
            },
            "errors": {
                "detected": {"best": 2, "worst": 3},
                "out_of_service": None,
                "back": {"best": 2, "worst": 6},
                "users_see_errors": {"best": 2, "worst": 6},
            },
            "hang": {
                "detected": {"best": 3, "worst": 4},
                "out_of_service": None,
                "back": {"best": 3, "worst": 7},
                "users_see_errors": {"best": 3, "worst": 7},
            },
        },
        "start": {
            "granted": 2,
            "killed": {"best": 2, "worst": 4},
            "killed_by": "liveness",
            "ended": {"best": 2, "worst": 7},
            "in_vain": False,
            "ready": {"best": 0, "worst": 0},
            "known": None,
        },
        "kill": {"best": 0, "worst": 2},
        "probes_per_minute": 60,
    }
    assert [(one["id"], one["severity"], one["line"], one["path"]) for one in findings_] == [
        ("no-readiness", "warning", 18, "spec.template.spec.containers[0]"),
        ("ill-again", "note", 23, "spec.template.spec.containers[0].env[0]"),
    ]
    assert all(one["why"] and one["mend"] and one["container"] == "crashy-app" for one in findings_)


SARIF = json.loads((Path(__file__).parent / "schemas" / "sarif-schema-2.1.0.json").read_text())


def test_the_sarif(lab: tuple[list[CheckTarget], list[Finding]]) -> None:
    found, hits = lab
    log = json.loads(json.dumps(sarif.report(TRAPS, hits, found)))
    jsonschema.Draft4Validator(SARIF, format_checker=jsonschema.FormatChecker()).validate(log)
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]

    assert [rule["id"] for rule in rules] == [trap.id for trap in TRAPS]
    for result, hit in zip(run["results"], hits, strict=True):
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"] == hit.trap.id
        place = result["locations"][0]["physicalLocation"]
        assert place["region"]["startLine"] == hit.line
        assert (
            run["artifacts"][place["artifactLocation"]["index"]]["location"]["uri"] == place["artifactLocation"]["uri"]
        )


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("a/b.yaml", "a/b.yaml"),
        ("./a b#1.yaml", "a%20b%231.yaml"),
        ("standard input", "standard%20input"),
        ("/x y/a.yaml", "file:///x%20y/a.yaml"),
    ],
)
def test_a_file_as_a_uri(file: str, expected: str) -> None:
    assert sarif.uri(file) == expected or Path(file).is_absolute() != file.startswith("/")


def test_a_field_that_a_patch_has_written_is_placed_in_the_patch() -> None:
    (one,) = targets(deployment({"livenessProbe": {**http("/livez"), "failureThreshold": 1}}))
    path = "spec.template.spec.containers[0].livenessProbe"
    places = {f"{path}.failureThreshold": Source("prod/patch.yaml", 7)}
    patched = replace(one, workload=replace(one.workload, document=replace(one.workload.document, patched=places)))
    log = sarif.report(TRAPS, findings(TRAPS, [patched]), [patched])
    found = {one["ruleId"]: one["locations"][0]["physicalLocation"] for one in log["runs"][0]["results"]}

    assert found["one-failure-kills"]["artifactLocation"]["uri"] == "prod/patch.yaml"
    assert found["one-failure-kills"]["region"] == {"startLine": 7}
    assert found["frozen-grace"]["artifactLocation"]["uri"] == "m.yaml"


@pytest.mark.parametrize("file", ["/repo/k8s/m.yaml", "k8s/m.yaml", "./k8s/../k8s/m.yaml", "../repo/k8s/m.yaml"])
def test_a_file_has_one_name_however_it_was_named(file: str) -> None:
    assert sarif.uri(file, Path("/repo")) == "k8s/m.yaml"


def test_a_name_that_is_no_text_is_written_all_the_same() -> None:
    (one,) = targets(deployment({"livenessProbe": http("/")}))
    document = replace(one.workload.document, file="a\udcff\n.yaml")
    found = findings(TRAPS, [replace(one, workload=replace(one.workload, document=document))])

    for line in (*lines.github(found, Path("/")), *lines.summary(found)):
        assert line.isprintable()
    assert sarif.uri(document.file) == "a%FF%0A.yaml"

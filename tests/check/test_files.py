"""What is wrong with files is found beside what is wrong with probes, and hides none of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from crashy.check.files import Checked, read_sources
from crashy.check.text import report
from crashy.manifest.walk import sources
from tests.manifest.conftest import DEPLOYMENT, POD, SERVICE

Write = Callable[[dict[str, str]], None]
BAD = DEPLOYMENT.replace("replicas: 2", "replicas: -2")
TEMPLATE = POD.replace("alone", "{{ .Release.Name }}-web")
QUOTED = POD.replace("alone", '"{{ .Release.Name }}-web"')


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    monkeypatch.chdir(tmp_path)

    def writer(files: dict[str, str]) -> None:
        for name, text in files.items():
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            Path(name).write_text(text)

    return writer


def check(*paths: str, recursive: bool = False) -> Checked:
    return read_sources(sources(paths, recursive=recursive))


def found(checked: Checked) -> list[tuple[str, str]]:
    return [(one.place, one.trap.id) for one in checked.findings]


def test_each_file_and_each_document_is_checked_on_its_own_merits(write: Write) -> None:
    write({"a.yaml": f"{BAD}---\n{POD}", "b.yaml": "a: [\n", "c.yaml": DEPLOYMENT})
    checked = check("a.yaml", "b.yaml", "gone.yaml", "c.yaml")

    assert found(checked) == [
        ("a.yaml:6", "invalid-manifest"),
        ("b.yaml:2:1", "invalid-manifest"),
        ("gone.yaml", "invalid-manifest"),
    ]
    assert [target.title for target in checked.targets] == [
        "Pod/alone, container alone",
        "Deployment/web, container web",
    ]


def test_a_template_that_is_named_is_a_mistake_and_one_in_a_folder_is_skipped(write: Write) -> None:
    write({"t/a.yaml": TEMPLATE, "t/b.yaml": QUOTED, "t/c.yaml": POD})
    named = check("t/a.yaml", "t/b.yaml")
    walked = check("t")

    assert [one.message for one in named.findings] == [
        "is a template; render it first: helm template ... | crashy check -"
    ] * 2
    assert (walked.findings, walked.templates, len(walked.targets)) == ([], 2, 1)
    assert walked.skipped == "2 templates (render it first: helm template ... | crashy check -)"


def test_what_is_left_out_is_counted(write: Write) -> None:
    other = "---\napiVersion: x.org/v1\nkind: Rollout\nmetadata: {name: r}\n"
    write({"k/a.yaml": POD + other * 2, "k/values.yaml": "a: 1", "k/Chart.yaml": "apiVersion: v2\nname: a\n"})

    assert check("k").skipped == "2 Rollout, 2 files that are no manifests"


def test_duplicate_keys_are_found_and_the_last_value_counts(write: Write) -> None:
    write({"a.yaml": DEPLOYMENT.replace("  replicas: 2\n", "  replicas: 2\n  replicas: 5\n")})
    checked = check("a.yaml")
    (finding,) = checked.findings

    assert (finding.place, finding.message) == ("a.yaml:7", "spec.replicas: this key is on line 6 already")
    assert (finding.trap.id, finding.title) == ("duplicate-key", "Deployment/web")
    assert [target.workload.replicas for target in checked.targets] == [5]


def test_of_two_objects_with_one_name_each_is_checked_and_a_note_names_the_other(write: Write) -> None:
    more = DEPLOYMENT.replace("replicas: 2", "replicas: 5")
    write({"prod/web.yaml": f"{more}---\n{SERVICE}", "staging/web.yaml": DEPLOYMENT, "staging/svc.yaml": SERVICE})
    checked = check(".", recursive=True)

    assert [(one.place, one.message) for one in checked.findings] == [
        ("staging/svc.yaml:4", "prod/web.yaml:22 has one of this name too"),
        ("staging/web.yaml:4", "prod/web.yaml:1 has one of this name too"),
    ]
    assert [target.pods for target in checked.targets] == [5, 2]
    assert [[route.document.file for route in target.routes] for target in checked.targets] == [
        ["prod/web.yaml"],
        ["staging/svc.yaml"],
    ]


def test_objects_without_a_name_of_their_own_and_those_of_two_layers_are_no_doubles(write: Write) -> None:
    write(
        {
            "a.yaml": (POD.replace("  name: alone\n", "  generateName: alone-\n", 1) + "---\n") * 2,
            "k/base/kustomization.yaml": "resources: [web.yaml]",
            "k/base/web.yaml": DEPLOYMENT,
            "k/one/kustomization.yaml": "resources: [../base]",
            "k/two/kustomization.yaml": "resources: [../base]",
        }
    )

    assert "same-name" not in {name for _, name in found(check(".", recursive=True))}


def test_the_services_of_a_kustomization_lead_to_its_own_pods_alone(write: Write) -> None:
    write(
        {
            "k/kustomization.yaml": "namePrefix: prod-\nresources: [web.yaml]",
            "k/web.yaml": f"{DEPLOYMENT}---\n{SERVICE}",
            "loose.yaml": DEPLOYMENT,
        }
    )
    prod, loose = check(".", recursive=True).targets

    assert ([route.service.name for route in prod.routes], prod.pods, loose.routes) == (["prod-web"], 2, ())


def test_a_file_with_its_own_service_is_complete_and_a_service_alone_is_for_all(write: Write) -> None:
    canary = DEPLOYMENT.replace("name: web\nspec", "name: canary\nspec", 1)
    write(
        {
            "one.yaml": f"{DEPLOYMENT}---\n{SERVICE}",
            "two.yaml": f"{DEPLOYMENT}---\n{SERVICE}".replace("  name: web\n", "  name: two\n"),
            "admin.yaml": SERVICE.replace("  name: web\n", "  name: admin\n"),
            "canary.yaml": canary,
        }
    )
    targets = {target.workload.document.file: target for target in check(".").targets}
    routes = {file: sorted(route.service.name for route in target.routes) for file, target in targets.items()}

    assert routes == {
        "one.yaml": ["admin", "web"],
        "two.yaml": ["admin", "two"],
        "canary.yaml": ["admin", "two", "web"],
    }


def test_a_file_may_have_a_name_that_looks_like_a_place(write: Write) -> None:
    write({"a: b:3: c.yaml": "a: [\n"})

    assert found(check("a: b:3: c.yaml")) == [("a: b:3: c.yaml:2:1", "invalid-manifest")]


def test_a_model_that_the_lab_refuses_is_refused_here_too(write: Write) -> None:
    write(
        {
            "a.yaml": DEPLOYMENT.replace(
                "labels:\n        app", "annotations:\n        crashy/model: start=9s..2s\n      labels:\n        app"
            )
        }
    )
    (one,) = check("a.yaml").findings

    assert "metadata.annotations[crashy/model]: Invalid value" in one.message
    assert one.message.endswith("start must be a range that begins with its shorter end, such as 100ms..2s")


def test_a_file_as_a_whole_has_no_line(write: Write) -> None:
    write({"a.yaml": DEPLOYMENT})
    checked = check("a.yaml", "gone.yaml")

    assert "invalid-manifest, gone.yaml: no such file" in report(checked.targets, checked.findings)

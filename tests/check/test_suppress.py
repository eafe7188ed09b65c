"""What people have decided to live with is left out, and only that."""

from __future__ import annotations

from pathlib import Path

import pytest

from crashy.check.files import read_sources
from crashy.check.model import Finding, findings
from crashy.check.suppress import Ignored, fingerprint
from crashy.check.traps import TRAPS
from crashy.manifest.walk import sources

HERE = Path("/repo")
WEB = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web{annotations}
spec:
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}{inner}}}
    spec:
      containers:
        - name: app{container}
          image: example.org/web:1
          readinessProbe:
            tcpSocket: {{port: 80}}{readiness}
          livenessProbe:{liveness}
            tcpSocket: {{port: 80}}
            failureThreshold: 1{threshold}
"""
PARTS = ("annotations", "inner", "container", "readiness", "liveness", "threshold")


def web(**parts: str) -> str:
    return WEB.format(**{**dict.fromkeys(PARTS, ""), **parts})


def checked(tmp_path: Path, text: str) -> tuple[list[Finding], Ignored]:
    (tmp_path / "web.yaml").write_text(text)
    found = read_sources(sources([str(tmp_path / "web.yaml")]))
    return [*found.findings, *findings(TRAPS, found.targets)], Ignored(found.comments, found.documents)


def left(tmp_path: Path, text: str) -> set[tuple[str, str]]:
    """Return rule and probe of the findings that are not ignored."""
    found, ignored = checked(tmp_path, text)
    assert not ignored.mistakes
    return {(one.trap.id, one.path.split(".")[4]) for one in found if one not in ignored}


FROZEN, FROZEN_READY = ("tcp-frozen", "livenessProbe"), ("tcp-frozen", "readinessProbe")
ONE, BOTH, GRACE = (
    ("one-failure-kills", "livenessProbe"),
    ("liveness-equals-readiness", "livenessProbe"),
    (
        "frozen-grace",
        "livenessProbe",
    ),
)
EVERYTHING = {FROZEN, FROZEN_READY, ONE, BOTH, GRACE}


def test_everything_is_found_where_nothing_is_ignored(tmp_path: Path) -> None:
    assert left(tmp_path, web()) == EVERYTHING


@pytest.mark.parametrize(
    ("parts", "gone"),
    [
        ({"annotations": "\n  annotations: {crashy/ignore: tcp-frozen}"}, {FROZEN, FROZEN_READY}),
        (
            {"annotations": "\n  annotations: {crashy/ignore: 'tcp-frozen, frozen-grace'}"},
            {FROZEN, FROZEN_READY, GRACE},
        ),
        ({"inner": ", annotations: {crashy/ignore: one-failure-kills}"}, {ONE}),
        ({"threshold": "  # crashy: ignore one-failure-kills the node is quiet"}, {ONE}),
        ({"threshold": " #crashy:ignore one-failure-kills"}, {ONE}),
        ({"liveness": "  # crashy: ignore tcp-frozen, one-failure-kills it never hangs"}, {FROZEN, ONE}),
        ({"liveness": "\n            # crashy: ignore tcp-frozen\n\n            # because"}, {FROZEN}),
        ({"container": "  # crashy: ignore tcp-frozen legacy"}, {FROZEN, FROZEN_READY}),
        ({"readiness": "  # crashy: ignore one-failure-kills on another line"}, set()),
        ({"readiness": "  # crashy is fine, and so is this"}, set()),
    ],
)
def test_an_annotation_is_for_the_object_and_a_comment_for_what_begins_on_its_line(
    tmp_path: Path, parts: dict[str, str], gone: set[tuple[str, str]]
) -> None:
    assert left(tmp_path, web(**parts)) == EVERYTHING - gone


def test_a_comment_on_the_first_line_is_for_the_whole_document_and_not_for_the_next(tmp_path: Path) -> None:
    other = web().replace("name: web", "name: other")
    text = f"# crashy: ignore tcp-frozen as agreed\n---\n# more\n{web()}---\n{other}"
    found, ignored = checked(tmp_path, text)
    frozen = [one for one in found if one.trap.id == "tcp-frozen"]

    assert [one.target and one.target.workload.name for one in frozen if one not in ignored] == ["other", "other"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            web(annotations="\n  annotations: {crashy/ignore: tcp-frosen}"),
            "web.yaml:5: document 1 (Deployment/web): no rule is named 'tcp-frosen'; similar: tcp-frozen; docs/"
            "traps.md lists all of them",
        ),
        (
            web(threshold=" # crashy: ignore everything"),
            "web.yaml:17: # crashy: ignore: no rule is named 'everything'; docs/traps.md lists all of them",
        ),
    ],
)
def test_an_unknown_rule_is_a_mistake(tmp_path: Path, text: str, line: str) -> None:
    _, ignored = checked(tmp_path, text)

    assert [f"{one.place}: {one.message}" for one in ignored.mistakes] == [f"{tmp_path}/{line}"]


def test_a_finding_in_a_file_that_is_no_manifest_is_ignored_by_its_line(tmp_path: Path) -> None:
    found, ignored = checked(
        tmp_path, "kind: Pod\napiVersion: v1\nkind: Pod  # crashy: ignore duplicate-key generated\n"
    )

    assert [one.trap.id for one in found if one not in ignored] == ["invalid-manifest", "invalid-manifest"]


def test_a_fingerprint_stays_when_lines_move_and_differs_between_findings(tmp_path: Path) -> None:
    before, _ = checked(tmp_path, web())
    after, _ = checked(
        tmp_path, "# more\n" + web().replace("    spec:\n", "    spec:\n      terminationGracePeriodSeconds: 30\n")
    )
    prints = [fingerprint(one, tmp_path) for one in before]

    assert prints == [fingerprint(one, tmp_path) for one in after]
    assert len(set(prints)) == len(prints)
    assert set(prints).isdisjoint(fingerprint(one, HERE) for one in before)


def test_in_a_patch_a_comment_is_about_the_field_that_it_writes(tmp_path: Path) -> None:
    patch = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    spec:
      containers:
        - name: app
          livenessProbe:
            timeoutSeconds: 20  # crashy: ignore timeout-over-period the app is slow
"""
    (tmp_path / "web.yaml").write_text(web())
    (tmp_path / "patch.yaml").write_text(patch)
    (tmp_path / "kustomization.yaml").write_text("resources: [web.yaml]\npatches: [{path: patch.yaml}]\n")
    checked = read_sources(sources([str(tmp_path)]))
    ignored = Ignored(checked.comments, checked.documents)
    found = [one for one in findings(TRAPS, checked.targets) if one in ignored]

    assert [(one.trap.id, one.place) for one in found] == [("timeout-over-period", f"{tmp_path}/patch.yaml:10")]

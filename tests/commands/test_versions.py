"""`--kubernetes VERSION`: which kubelet is meant, wherever it may be said."""

from __future__ import annotations

from pathlib import Path

import pytest

from crashy import cli

ROOT = Path(__file__).parents[2]
LESSON = ROOT / "experiments/07-freeze-with-both.yaml"
MANIFESTS = ROOT / "manifests/crashy-app"
RANGE = "must be from 1.20 to 1.37, or fixed"

COMMANDS = {
    "lab": ["lab", str(MANIFESTS), "--on", "sim", "--for", "1s", "--plain"],
    "run": ["run", str(LESSON), "--on", "sim", "--quiet", "--seed", "1"],
    "check": ["check", str(MANIFESTS), "--fail-on", "error"],
}


def said(capsys: pytest.CaptureFixture[str], command: str, version: str) -> tuple[int, str]:
    try:
        code = cli.main([*COMMANDS[command], "--kubernetes", version])
    except SystemExit as left:
        code = int(left.code or 0)
    return code, capsys.readouterr().err


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("version", "taken"), [("1.21", "1.20"), ("1.31", "1.20"), ("1.33", "1.32"), ("v1.28.3+k3s1", "1.20")]
)
def test_a_version_without_a_profile_takes_the_nearest_lower_one_and_says_so(
    command: str, version: str, taken: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, error = said(capsys, command, version)

    assert code == 0
    note = f"note: --kubernetes {version}: behaves as {taken}, the nearest lower version known"
    assert error.count(note) == 1


@pytest.mark.parametrize(("version", "refused"), [("1.29", True), ("1.30", False), ("1.31", False), ("1.32", False)])
def test_a_sleep_hook_is_refused_only_where_the_version_that_was_named_has_none(
    version: str, *, refused: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pod = tmp_path / "pod.yaml"
    app = "{name: app, image: crashy-app, lifecycle: {preStop: {sleep: {seconds: 2}}}}"
    pod.write_text(f"{{apiVersion: v1, kind: Pod, metadata: {{name: web}}, spec: {{containers: [{app}]}}}}")

    check = cli.main(["check", str(pod), "--kubernetes", version, "--fail-on", "error"])
    lab = cli.main(["lab", str(pod), "--kubernetes", version, "--on", "sim", "--for", "1s", "--plain"])

    assert (check, lab) == ((2, 2) if refused else (0, 0))
    assert ("has no sleep" in "".join(capsys.readouterr())) is refused


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("version", ["1.20", "1.32", "1.34", "1.35", "1.36", "1.37", "fixed", "v1.36.2"])
def test_a_version_with_a_profile_is_taken_without_a_word(
    command: str, version: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, error = said(capsys, command, version)

    assert (code, "nearest" in error) == (0, False)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("version", ["1.19", "1.38", "2.0", "1", "1.", "newest", ""])
def test_a_version_out_of_range_is_refused_with_the_range(
    command: str, version: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, error = said(capsys, command, version)

    assert code == 2
    assert f"crashy {command}: argument --kubernetes: {version!r}: {RANGE}" in error


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("lab", f"argument --kubernetes: 'auto': only crashy run --on kube has a cluster to ask; {RANGE}"),
        ("check", f"argument --kubernetes: 'auto': only crashy run --on kube has a cluster to ask; {RANGE}"),
        ("run", "--kubernetes auto: only with --on kube; name a version from 1.20 to 1.37, or fixed"),
    ],
)
def test_only_a_cluster_has_a_version_to_take(command: str, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, error = said(capsys, command, "auto")

    assert code == 2
    assert line in error


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_names_the_range(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main([command, "--help"])

    said = " ".join(capsys.readouterr().out.split())
    assert "the kubelet of this version, from 1.20 to 1.37, or fixed (default 1.36" in said

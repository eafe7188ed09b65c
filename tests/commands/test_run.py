"""`crashy run` and `crashy report`, as a user calls them."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from crashy import cli

ROOT = Path(__file__).parent.parent.parent
FREEZE = ROOT / "experiments/07-freeze-with-both.yaml"
SICK = ROOT / "experiments/06-freeze-with-readiness-only.yaml"


def on_sim(*args: str | Path) -> list[str]:
    return ["run", *map(str, args), "--on", "sim", "--seed", "1", "--quiet"]


def test_a_lesson_is_run_and_judged(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(on_sim(FREEZE)) == 0
    reported = capsys.readouterr().out

    assert reported.startswith("07-freeze-with-both, on sim\n")
    assert "RECOVERED" in reported
    assert "pass   outcome" in " ".join(reported.split("\n")) or "pass" in reported


def test_an_expectation_that_is_missed_is_exit_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    strict = tmp_path / "strict.yaml"
    strict.write_text(FREEZE.read_text().replace("detected_within: 4s", "detected_within: 10ms"))

    assert cli.main(on_sim(strict)) == 1
    assert "FAIL" in capsys.readouterr().out


def test_a_fault_that_no_pod_could_take_is_refused_before_the_run_begins(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    theirs = FREEZE.read_text().replace("crashy-app:1.0.0", f"theirs\n{' ' * 14}command: [nginx]")
    file, timeline = tmp_path / "theirs.yaml", tmp_path / "t.jsonl"
    file.write_text(theirs.replace("mode=loop", "mode=gil for=5s"))

    assert cli.main(["run", str(file), "--on", "sim", f"--timeline={timeline}"]) == 2
    *notes, line = capsys.readouterr().err.splitlines()
    assert all(note.startswith("note: ") for note in notes)
    assert line.endswith("freeze mode=gil acts inside a patient only; mode=stop, loop, hang or deaf would do")
    assert not timeline.read_text()


def test_every_report_can_be_drawn_again_from_the_timeline(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    timeline = tmp_path / "t.jsonl"
    files = [f"--html={tmp_path / 'a.html'}", f"--junit={tmp_path / 'a.xml'}"]
    assert cli.main([*on_sim(FREEZE), "--json", f"--timeline={timeline}", *files]) == 0
    reported = json.loads(capsys.readouterr().out)
    files = [f"--html={tmp_path / 'b.html'}", f"--junit={tmp_path / 'b.xml'}"]
    assert cli.main(["report", str(timeline), "--json", *files]) == 0

    assert json.loads(capsys.readouterr().out) == reported
    assert (tmp_path / "a.html").read_text() == (tmp_path / "b.html").read_text()
    assert (tmp_path / "a.xml").read_text() == (tmp_path / "b.xml").read_text()
    assert reported["passed"] is True
    assert reported["faults"][0]["recovered"] > reported["faults"][0]["detected"] > 0
    suite = ET.parse(tmp_path / "a.xml").getroot()[0]
    assert (suite.get("name"), suite.get("failures")) == ("07-freeze-with-both", "0")


def test_runs_are_set_side_by_side(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([*on_sim(SICK, FREEZE), "--compare"]) == 0
    table = capsys.readouterr().out.split("\n\n")[-1].splitlines()

    assert table[0].split()[:2] == ["RUN", "ANSWERED"]
    assert [row.split()[0] for row in table[1:]] == ["06-freeze-with-readiness-only", "07-freeze-with-both"]


def test_the_same_seed_gives_the_same_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a", "b"):
        assert cli.main([*on_sim(FREEZE), f"--timeline={tmp_path / name}"]) == 0
    capsys.readouterr()

    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_it_behaves_as_the_kubelet_of_another_version(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    of_the_probe_alone = tmp_path / "grace.yaml"
    of_the_probe_alone.write_text(re.sub(r"\n +terminationGracePeriodSeconds: .*", "", FREEZE.read_text()))
    recovered = {}
    for version in ("1.20", "1.36"):
        cli.main([*on_sim(of_the_probe_alone), "--json", "--kubernetes", version])
        recovered[version] = json.loads(capsys.readouterr().out)["faults"][0]["recovered"]

    assert recovered["1.36"] < 10
    assert recovered["1.20"] is None, "it knows no grace period of a probe: the pod's own 30 s hold"


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (["run", "nowhere.yaml"], "nowhere.yaml: "),
        (["run", str(FREEZE), "--kubernetes", "1.19"], "'1.19': must be from 1.20 to 1.37"),
        (["run", str(FREEZE), "--on", "kube", "--kubernetes", "1.20"], "--kubernetes: a cluster has a version of its"),
        (["run", str(ROOT / "Makefile")], "Makefile"),
        (["run", str(ROOT / "experiments/16-two-containers.yaml"), "--on", "sim"], "does not run on sim: sim models"),
        (["run", str(FREEZE), str(SICK), "--timeline", "/tmp/x"], "--timeline: holds one run"),
        (["run", str(FREEZE), "--on", "sim", "--timeline", "/nowhere/x"], "--timeline: /nowhere/x: No such file"),
        (["report", "nowhere.jsonl"], "nowhere.jsonl: No such file"),
        (["report", str(ROOT / "Makefile")], "Makefile:1: is not a timeline's event"),
        (["report", "/dev/null"], "/dev/null: has no experiment"),
    ],
)
def test_bad_input_is_reported_and_exit_2(args: list[str], line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(args) == 2
    reported = capsys.readouterr()
    assert reported.out == ""
    assert line in reported.err


def test_an_engine_that_fails_is_exit_3_and_what_was_seen_is_reported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def fail(*_: object) -> None:
        raise RuntimeError("the node is on fire")

    monkeypatch.setattr("crashy.engines.sim.sim.SimEngine.inject", fail)

    assert cli.main(on_sim(FREEZE)) == 3
    reported = capsys.readouterr()
    assert "07-freeze-with-both: the sim engine failed" in reported.err
    assert reported.out.startswith("07-freeze-with-both, on sim")


def test_ctrl_c_in_the_lab_ends_it_and_the_report_is_written(tmp_path: Path) -> None:
    page, timeline = tmp_path / "r.html", tmp_path / "t.jsonl"
    command = [sys.executable, "-m", "crashy", "run", str(FREEZE), "--seed", "1"]
    process = subprocess.Popen(
        [*command, f"--html={page}", f"--timeline={timeline}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr
    for line in process.stderr:
        if "Injected" in line:
            break
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)

    assert "07-freeze-with-both, on lab" in out
    assert page.read_text().startswith("<!doctype html>")
    events = [json.loads(line) for line in timeline.read_text().splitlines()]
    assert [e["message"] for e in events if e["kind"] == "experiment"][-1] == "interrupted"
    assert any(e["reason"] == "Recovered" for e in events if e["kind"] == "fault")

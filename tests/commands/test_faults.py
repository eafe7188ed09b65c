"""`crashy faults`: the catalogue, and all there is to know of one fault."""

from __future__ import annotations

import sys

import pytest

from crashy import cli
from crashy.faults.base import FAULTS
from crashy.faults.catalogue import catalogue


def shown(capsys: pytest.CaptureFixture[str], *args: str) -> list[str]:
    assert cli.main(["faults", *args]) == 0
    return capsys.readouterr().out.splitlines()


def test_every_fault_is_listed_once_with_what_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [line.split(maxsplit=2) for line in shown(capsys) if line.startswith("  ")]

    assert sorted((name, summary) for name, _, summary in rows) == [(f["name"], f["summary"]) for f in catalogue()]
    assert {name: way for name, way, _ in rows if name in {"latency", "fds", "bandwidth"}} == {
        "latency": "both",
        "fds": "inside",
        "bandwidth": "outside",
    }


@pytest.mark.parametrize("name", FAULTS)
def test_one_is_shown_with_all_that_it_takes_and_what_each_probe_says(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "\n".join(shown(capsys, name))
    fault = FAULTS[name]

    assert text.startswith(f"{name}: ")
    for part in (*fault.keys, *fault.examples, *fault.probed):
        assert f"\n  {part}" in text
    for probed in fault.probed.values():
        assert all(said in text for said in probed.shown())


def test_a_default_is_written_as_in_a_fault(capsys: pytest.CaptureFixture[str]) -> None:
    protocols = next(line for line in shown(capsys, "flap") if line.startswith("  protocols  "))

    assert protocols.endswith("; default http,grpc,exec)")


def test_on_a_terminal_no_line_of_the_catalogue_is_longer(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)

    assert max(map(len, shown(capsys))) <= 80


def test_a_name_that_there_is_not_is_a_line_and_exit_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["faults", "frieze"]) == 2
    assert "argument NAME: invalid choice: 'frieze'" in capsys.readouterr().err

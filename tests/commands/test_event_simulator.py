"""`crashy event-simulator` writes the log that students grep."""

from __future__ import annotations

import logging
import random
import re
from pathlib import Path

import pytest

from crashy import cli
from crashy.commands import event_simulator
from crashy.errors import BadInput

LINE = re.compile(r"^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}\] (INFO|WARNING) in event-simulator: (.+)$")
LOCKED = "USER5 Failed to Login as the account is locked due to MANY FAILED ATTEMPTS."


def simulate(count: int, tmp_path: Path, **environ: str) -> list[tuple[str, str]]:
    """Simulate so many seconds in no time and read the file back."""
    file = tmp_path / "log" / "app.log"
    logger = logging.Logger("event-simulator")
    for handler in event_simulator.handlers({"LOG_HANDLERS": "file", **environ}, file):
        logger.addHandler(handler)
    event_simulator.run(logger, environ, lambda _: None, random.Random(1), count)
    for handler in logger.handlers:
        handler.close()
    matches = [LINE.match(line) for line in file.read_text().splitlines()]
    assert all(matches)
    return [(match[1], match[2]) for match in matches if match]


def test_every_line_has_the_known_form_and_the_warnings_come_after_the_5th_and_the_8th(tmp_path: Path) -> None:
    seen = simulate(40, tmp_path)

    assert [i for i, line in enumerate(seen) if line == ("WARNING", LOCKED)][:2] == [5, 12]
    assert seen.count(("WARNING", LOCKED)) == 8
    assert seen.count(("WARNING", "USER7 Order failed as the item is OUT OF STOCK.")) == 5
    assert {m.split(" ", 1)[0] for level, m in seen if level == "INFO"} == {"USER1", "USER2", "USER3", "USER4"}


def test_the_unlucky_user_can_be_another(tmp_path: Path) -> None:
    seen = simulate(8, tmp_path, OVERRIDE_USER="USER30")

    assert seen[-1] == ("WARNING", "USER30 Order failed as the item is OUT OF STOCK.")


def test_the_warnings_can_be_left_out(tmp_path: Path) -> None:
    assert {level for level, _ in simulate(40, tmp_path, PRINT_SPECIAL_MESSAGE="0")} == {"INFO"}


def test_a_file_that_can_not_be_written_is_reported_and_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "log").touch()

    assert len(event_simulator.handlers({}, tmp_path / "log" / "app.log")) == 1
    assert "not logged there" in capsys.readouterr().err


def test_unknown_handlers_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="LOG_HANDLERS: 'syslog': must be file, console or both"):
        event_simulator.handlers({"LOG_HANDLERS": "console,syslog"}, tmp_path)


@pytest.mark.parametrize("args", [["--count", "0"], ["--count"], ["--speed", "2"]])
def test_a_bad_option_is_exit_2(args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["event-simulator", *args]) == 2
    assert capsys.readouterr().err.startswith("crashy event-simulator: --")


def test_it_logs_to_standard_output(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("LOG_HANDLERS", "console")

    assert cli.main(["event-simulator", "--count", "1"]) == 0
    assert LINE.match(capsys.readouterr().out)

"""The settings table: flags, variables, defaults, and one line for each mistake."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from crashy.cli import main
from crashy.errors import BadInput
from crashy.patient.personas import GREETINGS
from crashy.patient.settings import IMAGE, SETTINGS, flag_of, load, parser

DURATION = "a duration from 0 to 365 days: seconds (60, 0.5) or with units (1m30s, 250ms)"
PORTS = "a port from 0 to 65535 (0: the kernel chooses), or a comma list of different ones"
ADMIN_PORT = "a port from 0 to 65535 (0: the kernel chooses) that is not in PORT, or empty for none"

BAD = [
    ("HOST", "not a host", "an address or a name of this machine"),
    ("HOST", "-x", "an address or a name of this machine"),
    ("PORT", "70000", PORTS),
    ("PORT", "-1", PORTS),
    ("PORT", "http", PORTS),
    ("PORT", "80,", PORTS),
    ("PORT", "80,80", PORTS),
    ("PORT", "8080.0", PORTS),
    ("PORT", "٨٠", PORTS),
    ("ADMIN_PORT", "65536", ADMIN_PORT),
    ("ADMIN_PORT", "off", ADMIN_PORT),
    ("STATE_DIR", "a\0b", "a folder's path"),
    ("TERMINATION_MESSAGE_PATH", "a\0b", "a file's path"),
    ("LOG_FORMAT", "xml", "text or json"),
    ("LOG_FORMAT", "JSON", "text or json"),
    ("ACCESS_LOG", "maybe", "1 or 0"),
    ("DRAIN_SECONDS", "-5", DURATION),
    ("DRAIN_SECONDS", "soon", DURATION),
    ("SHUTDOWN", "fast", "one of readiness-first, listener-first, instant, ignore, slow"),
    ("PERSONA", "nginx", f"one of {', '.join(GREETINGS)}"),
    ("RNG_MODE", "threads", "async or blocking"),
    ("EXIT_CODE", "256", "a whole number from 0 to 255"),
    ("EXIT_CODE", "1.5", "a whole number from 0 to 255"),
    ("CRASH_AFTER", "sixty", DURATION),
    ("CRASH_AFTER", "nan", DURATION),
    ("CRASH_AFTER", "1e3", DURATION),
    ("CRASH_AFTER_JITTER", "-1", DURATION),
    ("FREEZE_AFTER", "10 minutes", DURATION),
    ("KILL_IN_SECONDS", "inf", DURATION),
    ("KILL_IN_SECONDS", "9000h", DURATION),
    ("APP_START_DELAY", "80x", DURATION),
    ("READY_AFTER", "1s2", DURATION),
    ("READINESS_LATENCY", "100ms..2s", DURATION),
    ("LIVENESS_LATENCY", ":", DURATION),
    ("POD_NAME", "a pod", "a Kubernetes name: letters, digits, '-', '.', at most 253"),
    ("POD_NAMESPACE", "x" * 254, "a Kubernetes name: letters, digits, '-', '.', at most 253"),
    ("POD_IP", "localhost", "an IP address"),
    ("POD_IP", "10.0.0.256", "an IP address"),
    ("POD_IP", "::1::2", "an IP address"),
    ("NODE_NAME", "node_", "a Kubernetes name: letters, digits, '-', '.', at most 253"),
    ("PEERS", "db-0.db,", "a comma list of names, each with a port or without: db-0.db,db-1.db:8080"),
    ("PEERS", "http://db", "a comma list of names, each with a port or without: db-0.db,db-1.db:8080"),
    ("NAMES_FILE", "a\0b", "a file's path"),
    ("APP_VERSION", "v\x1b[31m", "1 to 63 printable ASCII characters"),
    ("APP_COLOR", "red;}", "a colour's name or #rrggbb"),
]


@pytest.mark.parametrize(("name", "value", "allowed"), BAD)
def test_a_bad_value_is_one_line_that_names_setting_value_and_what_is_allowed(
    name: str, value: str, allowed: str
) -> None:
    with pytest.raises(BadInput) as error:
        load([], {name: value})

    (line,) = error.value.lines
    shown = value if value.isprintable() else repr(value)
    assert line == f"{name}: {shown if len(shown) <= 80 else shown[:77] + '...'}: must be {allowed}"


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("melt", "melt"),
        ("freeze mode=ice", "ice"),
        ("error p=2", "p: "),
        ("latency delay=fast", "delay"),
        ("crash; error code=9", "9"),
        ("freeze 'mode=loop", "FAULTS"),
    ],
)
def test_a_bad_fault_spec_is_one_line_too(spec: str, expected: str) -> None:
    with pytest.raises(BadInput) as error:
        load([], {"FAULTS": spec})

    (line,) = error.value.lines
    assert line.startswith(f"FAULTS: {spec}: ")
    assert expected in line


@pytest.mark.parametrize("token", ["with space", "ümlaut", "x" * 1025])
def test_a_bad_token_is_refused_without_showing_it(token: str) -> None:
    with pytest.raises(BadInput) as error:
        load([], {"ADMIN_TOKEN": token})

    assert error.value.lines == (
        "ADMIN_TOKEN: (not shown): must be printable ASCII without spaces, at most 1024 characters",
    )


def test_the_admin_port_must_not_be_one_of_the_ports() -> None:
    with pytest.raises(BadInput, match="ADMIN_PORT: 8080: must be a port that is not in PORT"):
        load([], {"PORT": "80,8080", "ADMIN_PORT": "8080"})


def test_every_mistake_is_reported_at_once() -> None:
    with pytest.raises(BadInput) as error:
        load(["--port", "x"], {"EXIT_CODE": "x", "LOG_FORMAT": "x"})

    assert [line.split(":")[0] for line in error.value.lines] == ["PORT (--port)", "LOG_FORMAT", "EXIT_CODE"]


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["--port", "x"], f"PORT (--port): x: must be {PORTS}"),
        (["--port", ""], f"PORT (--port): '': must be {PORTS}"),
        (["--no-such-flag"], "unrecognized arguments: --no-such-flag"),
        (["--crash-after"], "argument --crash-after: expected one argument"),
        (["stray"], "unrecognized arguments: stray"),
    ],
)
def test_the_command_says_a_bad_flag_on_one_line_and_exits_2(
    argv: list[str], expected: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crashy.commands.serve.signal.signal", lambda *_: None)

    assert main(["serve", *argv]) == 2
    assert capsys.readouterr().err == f"crashy serve: {expected}\n"


def test_defaults_are_safe_for_a_laptop() -> None:
    settings = load([], {})

    assert (settings.host, settings.port, settings.admin_port) == ("127.0.0.1", (8080,), 8081)
    assert (settings.persona, settings.exit_code, settings.drain_seconds) == ("crashy-app", 1, 5.0)
    assert settings.access_log
    assert settings.crash_after is None
    assert settings.faults == ()
    assert settings.warnings == ()


def test_a_flag_wins_over_its_variable() -> None:
    settings = load(["--port", "80,5000,8080", "--crash-after=1m"], {"PORT": "1", "CRASH_AFTER": "5"})

    assert settings.port == (80, 5000, 8080)
    assert settings.crash_after == 60.0


def test_an_empty_variable_is_not_set_but_an_empty_admin_port_is_off() -> None:
    settings = load([], {"PORT": "", "CRASH_AFTER": "", "POD_NAME": "", "ADMIN_PORT": ""})

    assert settings.port == (8080,)
    assert settings.crash_after is None
    assert settings.admin_port is None


def test_an_empty_flag_takes_a_variable_back() -> None:
    assert load(["--crash-after", ""], {"CRASH_AFTER": "5"}).crash_after is None


def test_unknown_crashy_variables_are_warned_about_with_the_likely_name() -> None:
    given = {"CRASHY_PORT": "1", "CRASHY_CRASH_AFTR": "1", "CRASHY_ZZZ": "", "OTHER": "1", "CRASHY_RUNTIME_DIR": "x"}
    settings = load([], given)

    assert settings.warnings == (
        "CRASHY_CRASH_AFTR: is not a setting; did you mean CRASH_AFTER?",
        "CRASHY_PORT: is not a setting; did you mean PORT?",
        "CRASHY_ZZZ: is not a setting",
    )


def test_what_kubernetes_tells_of_a_service_named_crashy_app_is_no_setting_of_ours() -> None:
    links = {
        "CRASHY_APP_SERVICE_HOST": "10.96.67.208",
        "CRASHY_APP_SERVICE_PORT": "80",
        "CRASHY_APP_SERVICE_PORT_HTTP": "80",
        "CRASHY_APP_PORT": "tcp://10.96.67.208:80",
        "CRASHY_APP_PORT_80_TCP": "tcp://10.96.67.208:80",
        "CRASHY_APP_PORT_80_TCP_PROTO": "tcp",
        "CRASHY_APP_PORT_80_TCP_PORT": "80",
        "CRASHY_APP_PORT_80_TCP_ADDR": "10.96.67.208",
    }

    assert load([], links).warnings == ()


def test_a_service_named_admin_does_not_set_the_admin_port() -> None:
    settings = load([], {"ADMIN_PORT": "tcp://10.96.0.9:80"})

    assert settings.admin_port == 8081
    assert settings.warnings == (
        "ADMIN_PORT: tcp://10.96.0.9:80: set by Kubernetes for a Service named admin; ignored",
    )


def test_every_setting_is_a_flag_with_help() -> None:
    text = parser().format_help()

    for name in SETTINGS:
        assert flag_of(name) in text
        assert f"[{name}" in text


def test_the_token_is_in_no_repr() -> None:
    assert "s3cret" not in repr(load([], {"ADMIN_TOKEN": "s3cret"}))


def test_the_image_sets_what_the_table_says() -> None:
    dockerfile = (Path(__file__).parents[2] / "Dockerfile").read_text()

    assert {
        name: value
        for name, value in re.findall(r"^(?:ENV|   ) (\w+)=(\S+)", dockerfile, re.MULTILINE)
        if name in SETTINGS
    } == IMAGE

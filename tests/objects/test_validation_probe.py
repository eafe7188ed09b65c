"""What the API server says of a probe. kubernetes: pkg/apis/core/validation/validation_test.go, validation.go."""

from __future__ import annotations

from typing import Any

import pytest

from crashy.objects.fields import SpecError
from crashy.objects.pod import Probe, ProbeType
from crashy.objects.validation import validate_probe
from tests.kubelet.cases import Expect, Where, case

LIVENESS, READINESS, STARTUP = ProbeType.LIVENESS, ProbeType.READINESS, ProbeType.STARTUP
ECHO = {"exec": {"command": ["echo"]}}
RANGE = "must be between 1 and 65535, inclusive"
CHARSET = "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)"
LETTER = "must contain at least one letter (a-z)"
HEADER = (
    "a valid HTTP header must consist of alphanumeric characters or '-'"
    " (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')"
)


def errors(manifest: dict[str, Any], probe_type: ProbeType | None = None, path: str = "p") -> list[str]:
    try:
        Probe.from_manifest(manifest, path=path, probe_type=probe_type)
    except SpecError as error:
        return [str(e) for e in error.errors]
    return []


def shows(expect: Expect, manifest: dict[str, Any], probe_type: ProbeType | None) -> None:
    """Compare with the case, which has the first error alone, and names the field from the pod's beginning."""
    path = f"spec.containers[0].{probe_type.field}" if probe_type else "<probe>"
    found = errors(manifest, probe_type, path)
    longer = f"{found[0]} (newest revisions may say bytes)" if found else ""  # a remark of the case
    expect(valid=not found, error=Where(lambda error: error in {*found[:1], longer}))


def http(**fields: Any) -> dict[str, Any]:
    return {"httpGet": fields}


def tcp(port: Any) -> dict[str, Any]:
    return {"tcpSocket": {"port": port}}


VALID = [
    # TestValidateProbe
    case("validate.probe.positive.timeoutSeconds", {**ECHO, "timeoutSeconds": 10}, None),
    case("validate.probe.positive.successThreshold", {**ECHO, "successThreshold": 10}, None),
    case("validate.probe.positive.failureThreshold", {**ECHO, "failureThreshold": 10}, None),
    # TestValidateHandler
    case("validate.handler.ok.1", http(path="/", port=1, scheme="HTTP"), None),
    case("validate.handler.ok.2", http(path="/foo", port=65535, host="host", scheme="HTTP"), None),
    case("validate.handler.ok.3", http(path="/", port="port", scheme="HTTP"), None),
    case(
        "validate.handler.ok.4",
        http(path="/", port="port", httpHeaders=[{"name": "Host", "value": "foo.example.com"}]),
        None,
    ),
    case(
        "validate.handler.ok.5",
        http(port="p", httpHeaders=[{"name": "X-Forwarded-For", "value": v} for v in ("1.2.3.4", "5.6.7.8")]),
        None,
    ),
    # validation.go: rules that are often supposed and do not exist
    case("validate.timeout-greater-than-period", {**ECHO, "timeoutSeconds": 30, "periodSeconds": 1}, LIVENESS),
    case("validate.port-name-undeclared", tcp("nosuch"), LIVENESS),
    case("validate.readiness.success-threshold-3", {**ECHO, "successThreshold": 3}, READINESS),
    case("validate.liveness.tgps-ok", {**ECHO, "terminationGracePeriodSeconds": 1}, LIVENESS),
    ({**ECHO, "terminationGracePeriodSeconds": 1}, STARTUP),
    ({"grpc": {"port": 1}}, LIVENESS),
    (http(port=80, scheme="HTTPS"), LIVENESS),
    (tcp("a-1"), LIVENESS),
    (tcp("abcdefghijklmno"), LIVENESS),
]


@pytest.mark.parametrize(("manifest", "probe_type"), VALID)
def test_accepted(manifest: dict[str, Any], probe_type: ProbeType | None, expect: Expect) -> None:
    assert errors(manifest, probe_type) == []
    shows(expect, manifest, probe_type)


NOT_NEGATIVE = ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")
REFUSED = [
    # TestValidateProbe
    *(
        case(
            f"validate.probe.negative.{field}",
            {**ECHO, field: -10},
            None,
            [f"p.{field}: Invalid value: -10: must be greater than or equal to 0"],
        )
        for field in NOT_NEGATIVE
    ),
    case(
        "validate.probe.no-handler",
        {"timeoutSeconds": 10, "initialDelaySeconds": 10},
        None,
        ["p: Required value: must specify a handler type"],
    ),
    # TestValidateContainers
    case("validate.container.liveness-no-action", {}, LIVENESS, ["p: Required value: must specify a handler type"]),
    # TestValidateHandler
    (http(path="/x"), None, [f"p.httpGet.port: Invalid value: 0: {RANGE}"]),
    (http(port=0), None, [f"p.httpGet.port: Invalid value: 0: {RANGE}"]),
    (http(path="/foo", port=65536, host="host"), None, [f"p.httpGet.port: Invalid value: 65536: {RANGE}"]),
    (
        http(path="", port=""),
        None,
        [f'p.httpGet.port: Invalid value: "": {CHARSET}', f'p.httpGet.port: Invalid value: "": {LETTER}'],
    ),
    (
        http(port="port", httpHeaders=[{"name": "Host:"}]),
        None,
        [f'p.httpGet.httpHeaders: Invalid value: "Host:": {HEADER}'],
    ),
    (
        http(port="port", httpHeaders=[{"name": "X_Forwarded_For"}]),
        None,
        [f'p.httpGet.httpHeaders: Invalid value: "X_Forwarded_For": {HEADER}'],
    ),
    # validation.go validateLivenessProbe, validateStartupProbe, validateReadinessProbe
    case(
        "validate.liveness.success-threshold-2",
        {**ECHO, "successThreshold": 2},
        LIVENESS,
        ["p.successThreshold: Invalid value: 2: must be 1"],
    ),
    case(
        "validate.startup.success-threshold-3",
        {**ECHO, "successThreshold": 3},
        STARTUP,
        ["p.successThreshold: Invalid value: 3: must be 1"],
    ),
    case(
        "validate.readiness.tgps-forbidden",
        {**ECHO, "terminationGracePeriodSeconds": 30},
        READINESS,
        ["p.terminationGracePeriodSeconds: Invalid value: 30: must not be set for readinessProbes"],
    ),
    *(
        case(
            f"validate.{probe_type}.tgps-{word}",
            {**ECHO, "terminationGracePeriodSeconds": grace},
            probe_type,
            [f"p.terminationGracePeriodSeconds: Invalid value: {grace}: must be greater than 0"],
        )
        for word, grace, probe_type in (("zero", 0, LIVENESS), ("negative", -1, STARTUP))
    ),
    # validation.go validateHandler: exec, httpGet, tcpSocket, grpc, in this order
    case(
        "validate.two-handlers",
        {**ECHO, **tcp(80)},
        LIVENESS,
        ["p.tcpSocket: Forbidden: may not specify more than 1 handler type"],
    ),
    case(
        "validate.two-handlers-order",
        {"grpc": {"port": 1}, **http(port=80)},
        LIVENESS,
        ["p.grpc: Forbidden: may not specify more than 1 handler type"],
    ),
    (
        {**tcp(80), **http(port=80), **ECHO},
        LIVENESS,
        [f"p.{later}: Forbidden: may not specify more than 1 handler type" for later in ("httpGet", "tcpSocket")],
    ),
    case("validate.exec-empty-command", {"exec": {"command": []}}, LIVENESS, ["p.exec.command: Required value"]),
    ({**ECHO, **tcp(0)}, LIVENESS, ["p.tcpSocket: Forbidden: may not specify more than 1 handler type"]),
    ({"exec": {}}, LIVENESS, ["p.exec.command: Required value"]),
    case("validate.http-port-0", http(path="/", port=0), LIVENESS, [f"p.httpGet.port: Invalid value: 0: {RANGE}"]),
    case("validate.tcp-port-missing", {"tcpSocket": {}}, READINESS, [f"p.tcpSocket.port: Invalid value: 0: {RANGE}"]),
    case("validate.grpc-port-missing", {"grpc": {}}, READINESS, [f"p.grpc.port: Invalid value: 0: {RANGE}"]),
    (tcp(-1), READINESS, [f"p.tcpSocket.port: Invalid value: -1: {RANGE}"]),
    case(
        "validate.scheme-lowercase",
        http(port=80, scheme="http"),
        LIVENESS,
        ['p.httpGet.scheme: Unsupported value: "http": supported values: "HTTP", "HTTPS"'],
    ),
    (
        http(port=80, scheme="FTP"),
        LIVENESS,
        ['p.httpGet.scheme: Unsupported value: "FTP": supported values: "HTTP", "HTTPS"'],
    ),
    # apimachinery: IsValidPortName
    case(
        "validate.port-name-double-hyphen",
        tcp("a--b"),
        LIVENESS,
        ['p.tcpSocket.port: Invalid value: "a--b": must not contain consecutive hyphens'],
    ),
    case(
        "validate.port-name-edge-hyphen",
        tcp("-a"),
        LIVENESS,
        ['p.tcpSocket.port: Invalid value: "-a": must not begin or end with a hyphen'],
    ),
    (tcp("a-"), LIVENESS, ['p.tcpSocket.port: Invalid value: "a-": must not begin or end with a hyphen']),
    case(
        "validate.port-name-digits-only", tcp("8080"), LIVENESS, [f'p.tcpSocket.port: Invalid value: "8080": {LETTER}']
    ),
    (tcp("Http"), LIVENESS, [f'p.tcpSocket.port: Invalid value: "Http": {CHARSET}']),
    case(
        "validate.port-name-uppercase",
        tcp("HTTP"),
        LIVENESS,
        [f'p.tcpSocket.port: Invalid value: "HTTP": {text}' for text in (CHARSET, LETTER)],
    ),
    case(
        "validate.port-name-16-chars",
        tcp("abcdefghijklmnop"),
        LIVENESS,
        ['p.tcpSocket.port: Invalid value: "abcdefghijklmnop": must be no more than 15 characters'],
    ),
]


@pytest.mark.parametrize(("manifest", "probe_type", "expected"), REFUSED)
def test_refused(manifest: dict[str, Any], probe_type: ProbeType | None, expected: list[str], expect: Expect) -> None:
    assert errors(manifest, probe_type) == expected
    shows(expect, manifest, probe_type)


@pytest.mark.case("validate.probe.nil")
def test_no_probe_is_fine(expect: Expect) -> None:
    found = list(validate_probe(None, "p"))  # TestValidateProbe: nil
    assert found == []
    expect(valid=not found)


EMPTY_PATH = "p.httpGet.path: Required value"
NO_SCHEME = 'p.httpGet.scheme: Unsupported value: "": supported values: "HTTP", "HTTPS"'


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        # TestValidateHandler
        case(
            "validate.handler.bad.2",
            {"path": "", "port": 0},
            [EMPTY_PATH, f"p.httpGet.port: Invalid value: 0: {RANGE}", NO_SCHEME],
        ),
        case(
            "validate.handler.bad.3",
            {"path": "/foo", "port": 65536, "host": "host"},
            [f"p.httpGet.port: Invalid value: 65536: {RANGE}", NO_SCHEME],
        ),
        case(
            "validate.handler.bad.4",
            {"path": "", "port": ""},
            [
                EMPTY_PATH,
                f'p.httpGet.port: Invalid value: "": {CHARSET}',
                f'p.httpGet.port: Invalid value: "": {LETTER}',
                NO_SCHEME,
            ],
        ),
        case(
            "validate.handler.bad.5",
            {
                "path": "/",
                "port": "port",
                "scheme": "HTTP",
                "httpHeaders": [{"name": "Host:", "value": "foo.example.com"}],
            },
            [f'p.httpGet.httpHeaders: Invalid value: "Host:": {HEADER}'],
        ),
        case(
            "validate.handler.bad.6",
            {
                "path": "/",
                "port": "port",
                "scheme": "HTTP",
                "httpHeaders": [{"name": "X_Forwarded_For", "value": "foo.example.com"}],
            },
            [f'p.httpGet.httpHeaders: Invalid value: "X_Forwarded_For": {HEADER}'],
        ),
        case("validate.http-empty-path", {"path": "", "port": 80, "scheme": "HTTP"}, [EMPTY_PATH]),
    ],
)
def test_what_is_refused_where_no_default_fills_it(action: dict[str, Any], expected: list[str], expect: Expect) -> None:
    assert [str(e) for e in validate_probe({"httpGet": action}, "p")] == expected
    found = [str(e) for e in validate_probe({"httpGet": action}, "spec.containers[0].livenessProbe")]
    expect(valid=not found, error=found[0])


def test_an_empty_path_and_scheme_are_filled() -> None:
    assert errors(http(path="", port=80, scheme="")) == []


@pytest.mark.parametrize("probe_type", ProbeType)
def test_what_is_left_out_breaks_no_rule(probe_type: ProbeType) -> None:
    assert list(validate_probe(ECHO, "p", probe_type.field)) == []


def test_everything_wrong_is_said_at_once() -> None:
    manifest = {
        "httpget": {"port": 80},
        "tcpSocket": {"port": "web_port"},
        "timeoutSeconds": -1,
        "periodSeconds": "10",
        "successThreshold": 2,
    }
    assert errors(manifest, LIVENESS, path="spec.containers[0].livenessProbe") == [
        'unknown field "spec.containers[0].livenessProbe.httpget" (did you mean "httpGet"?)',
        'spec.containers[0].livenessProbe.periodSeconds: Invalid value: "10": must be an integer',
        f'spec.containers[0].livenessProbe.tcpSocket.port: Invalid value: "web_port": {CHARSET}',
        "spec.containers[0].livenessProbe.timeoutSeconds: Invalid value: -1: must be greater than or equal to 0",
        "spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1",
    ]


def test_without_a_path_the_fields_stand_alone() -> None:
    assert errors({**ECHO, "timeoutSeconds": -1}, path="") == [
        "timeoutSeconds: Invalid value: -1: must be greater than or equal to 0"
    ]

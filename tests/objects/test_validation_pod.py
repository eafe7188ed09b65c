"""What the API server says of a pod and its containers. kubernetes: pkg/apis/core/validation/validation.go."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from crashy.objects.fields import SpecError
from crashy.objects.pod import parse_pod_template
from crashy.objects.validation import validate_pod
from tests.kubelet.cases import Expect, Where, case

LABEL = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with"
    " an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is"
    " '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
RANGE = "must be between 1 and 65535, inclusive"
QUANTITY = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
PROBE = {"exec": {"command": ["x"]}}
INIT_ONLY = "Forbidden: may not be set for init containers without restartPolicy=Always"


def container(**fields: Any) -> dict[str, Any]:
    return {"name": "app", "image": "crashy-app:1", **fields}


def pod(*containers: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {"spec": {"containers": list(containers) or [container()], **spec}}


def errors(manifest: dict[str, Any], path: str = "") -> list[str]:
    try:
        parse_pod_template(manifest, path)
    except SpecError as error:
        return [str(e) for e in error.errors]
    return []


CONTAINER = [
    # fields of the first container, errors below spec.containers[0]
    ({}, []),
    ({"name": "App_1"}, [f'.name: Invalid value: "App_1": {LABEL}']),
    ({"name": ""}, [".name: Required value"]),
    ({"name": None}, [".name: Required value"]),
    ({"name": "a" * 64}, [f'.name: Invalid value: "{"a" * 64}": must be no more than 63 characters']),
    ({"image": ""}, [".image: Required value"]),
    ({"image": "x "}, ['.image: Invalid value: "x ": must not have leading or trailing whitespace']),
    ({"image": " x"}, ['.image: Invalid value: " x": must not have leading or trailing whitespace']),
    (
        {"terminationMessagePolicy": "Log"},
        ['.terminationMessagePolicy: Unsupported value: "Log": supported values: "File", "FallbackToLogsOnError"'],
    ),
    (
        {"imagePullPolicy": "Sometimes"},
        ['.imagePullPolicy: Unsupported value: "Sometimes": supported values: "Always", "IfNotPresent", "Never"'],
    ),
    ({"restartPolicy": "Always"}, []),
    # ports
    ({"ports": [{"containerPort": 1}, {"containerPort": 65535, "hostPort": 65535, "protocol": "UDP"}]}, []),
    ({"ports": [{}]}, [".ports[0].containerPort: Required value"]),
    ({"ports": [{"containerPort": 0}]}, [".ports[0].containerPort: Required value"]),
    ({"ports": [{"containerPort": 65536}]}, [f".ports[0].containerPort: Invalid value: 65536: {RANGE}"]),
    ({"ports": [{"containerPort": 80, "hostPort": -1}]}, [f".ports[0].hostPort: Invalid value: -1: {RANGE}"]),
    (
        {"ports": [{"containerPort": 80, "protocol": "tcp"}]},
        ['.ports[0].protocol: Unsupported value: "tcp": supported values: "SCTP", "TCP", "UDP"'],
    ),
    (
        {"ports": [{"containerPort": 80, "name": "web"}, {"containerPort": 81, "name": "web"}]},
        ['.ports[1].name: Duplicate value: "web"'],
    ),
    (
        {"ports": [{"containerPort": 80, "name": "80"}]},
        ['.ports[0].name: Invalid value: "80": must contain at least one letter (a-z)'],
    ),
    # env
    ({"env": [{"name": "A", "value": "1"}, {"name": "A"}, {"name": "a.b-c 1"}, {"name": " ~"}]}, []),
    *(
        (
            {"env": [{"name": name}]},
            [
                f".env[0].name: Invalid value: {json.dumps(name, ensure_ascii=False)}: a valid environment variable"
                " name must consist only of printable ASCII characters other than '='"
            ],
        )
        for name in ("a\x7f", "\x1f")
    ),
    ({"env": [{"value": "1"}]}, [".env[0].name: Required value"]),
    (
        {"env": [{"name": "A=B"}]},
        [
            '.env[0].name: Invalid value: "A=B": a valid environment variable name must consist only of printable'
            " ASCII characters other than '='"
        ],
    ),
    ({"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}]}, []),
    ({"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['app']"}}}]}, []),
    ({"env": [{"name": "A", "valueFrom": {"fieldRef": {}}}]}, [".env[0].valueFrom.fieldRef.fieldPath: Required value"]),
    (
        {"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "status.podIp"}}}]},
        [
            '.env[0].valueFrom.fieldRef.fieldPath: Invalid value: "status.podIp":'
            " error converting fieldPath: field label not supported: status.podIp"
        ],
    ),
    (
        {"env": [{"name": "A", "valueFrom": {}}]},
        [
            '.env[0].valueFrom: Invalid value: "": must specify one of: `fieldRef`, `resourceFieldRef`,'
            " `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
        ],
    ),
    (
        {
            "env": [
                {
                    "name": "A",
                    "valueFrom": {
                        "fieldRef": {"fieldPath": "metadata.name"},
                        "secretKeyRef": {"name": "s", "key": "k"},
                    },
                }
            ]
        },
        ['.env[0].valueFrom: Invalid value: "": may not have more than one field specified at a time'],
    ),
    (
        {"env": [{"name": "A", "value": "1", "valueFrom": {"configMapKeyRef": {"name": "c"}}}]},
        [
            '.env[0].valueFrom: Invalid value: "": may not be specified when `value` is not empty',
            ".env[0].valueFrom.configMapKeyRef.key: Required value",
        ],
    ),
    ({"envFrom": [{"configMapRef": {"name": "c"}}, {"secretRef": {"name": "s"}, "prefix": "S_"}]}, []),
    ({"envFrom": [{"secretRef": {}}]}, [".envFrom[0].secretRef.name: Required value"]),
    (
        {"envFrom": [{}]},
        ['.envFrom[0]: Invalid value: "": must specify one of: `configMapRef` or `secretRef`'],
    ),
    # resources
    ({"resources": {"limits": {"cpu": "500m", "memory": "128Mi"}, "requests": {"cpu": 0.5, "memory": 1000}}}, []),
    ({"resources": {"limits": {"cpu": 0, "memory": 0}, "requests": {"cpu": 0}}}, []),
    (
        {"resources": {"limits": {"cpu": "half", "memory": "full"}}},
        [
            f'.resources.limits[{name}]: Invalid value: "{value}": {QUANTITY}'
            for name, value in (("cpu", "half"), ("memory", "full"))
        ],
    ),
    ({"resources": {"limits": {"cpu": "half"}}}, [f'.resources.limits[cpu]: Invalid value: "half": {QUANTITY}']),
    (
        {"resources": {"requests": {"cpu": "-1"}}},
        ['.resources.requests[cpu]: Invalid value: "-1": must be greater than or equal to 0'],
    ),
    (
        {"resources": {"requests": {"memory": "2Gi"}, "limits": {"memory": "2000M"}}},
        ['.resources.requests: Invalid value: "2Gi": must be less than or equal to memory limit of 2000M'],
    ),
    # volumeMounts
    ({"volumeMounts": [{"name": "state", "mountPath": "/state"}]}, []),
    ({"volumeMounts": [{}]}, [".volumeMounts[0].name: Required value", ".volumeMounts[0].mountPath: Required value"]),
    ({"volumeMounts": [{"name": "x", "mountPath": "/"}]}, ['.volumeMounts[0].name: Not found: "x"']),
    (
        {"volumeMounts": [{"name": "state", "mountPath": "/a"}, {"name": "state", "mountPath": "/a"}]},
        ['.volumeMounts[1].mountPath: Invalid value: "/a": must be unique'],
    ),
    # lifecycle
    ({"lifecycle": {"preStop": {"sleep": {"seconds": 30}}, "postStart": PROBE}}, []),
    ({"lifecycle": {"preStop": {}}}, [".lifecycle.preStop: Required value: must specify a handler type"]),
    (
        {"lifecycle": {"postStart": {**PROBE, "sleep": {"seconds": 1}}}},
        [".lifecycle.postStart.sleep: Forbidden: may not specify more than 1 handler type"],
    ),
    *(
        (
            {"lifecycle": {"preStop": {"sleep": {"seconds": seconds}}}},
            [
                f".lifecycle.preStop.sleep: Invalid value: {seconds}:"
                " must be non-negative and less than terminationGracePeriodSeconds (30)"
            ],
        )
        for seconds in (-1, 60)
    ),
    # probes, with the rules of their types
    ({"livenessProbe": None}, []),
    ({"livenessProbe": {}}, [".livenessProbe: Required value: must specify a handler type"]),
    (
        {"livenessProbe": {**PROBE, "successThreshold": 2}},
        [".livenessProbe.successThreshold: Invalid value: 2: must be 1"],
    ),
    (
        {"startupProbe": {**PROBE, "successThreshold": 3}},
        [".startupProbe.successThreshold: Invalid value: 3: must be 1"],
    ),
    ({"readinessProbe": {**PROBE, "successThreshold": 3}}, []),
]


@pytest.mark.parametrize(("fields", "expected"), CONTAINER)
@pytest.mark.parametrize("path", ["", "spec.template"])
def test_a_container(fields: dict[str, Any], expected: list[str], path: str) -> None:
    manifest = pod(container(**fields), volumes=[{"name": "state", "emptyDir": {}}])
    prefix = f"{path}.spec.containers[0]" if path else "spec.containers[0]"
    assert errors(manifest, path) == [prefix + text for text in expected]


POD = [
    ({"spec": {}}, ["spec.containers: Required value"]),
    ({}, ["spec.containers: Required value"]),
    (pod(container(), container()), ['spec.containers[1].name: Duplicate value: "app"']),
    (pod(initContainers=[container()]), ['spec.initContainers[0].name: Duplicate value: "app"']),
    (
        pod(restartPolicy="Sometimes"),
        ['spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"'],
    ),
    (pod(restartPolicy="Never"), []),
    (
        pod(volumes=[{"name": "A"}, {}]),
        [f'spec.volumes[0].name: Invalid value: "A": {LABEL}', "spec.volumes[1].name: Required value"],
    ),
    (pod(volumes=[{}, {}]), [f"spec.volumes[{i}].name: Required value" for i in (0, 1)]),
    (pod(volumes=[{"name": "a"}, {"name": "a"}]), ['spec.volumes[1].name: Duplicate value: "a"']),
    *(
        case(
            "validate.init-container-probe",
            pod(initContainers=[container(name="init", **{field: PROBE})]),
            [f"spec.initContainers[0].{field}: {INIT_ONLY}"],
        )
        for field in ("livenessProbe", "readinessProbe", "startupProbe")
    ),
    (
        pod(initContainers=[container(name="init", lifecycle={"preStop": PROBE}, restartPolicy="Never")]),
        [f"spec.initContainers[0].lifecycle: {INIT_ONLY}"],
    ),
    (pod(initContainers=[container(name="side", restartPolicy="Always", startupProbe=PROBE)]), []),
    (
        pod(initContainers=[container(name="side", restartPolicy="Always", livenessProbe={})]),
        ["spec.initContainers[0].livenessProbe: Required value: must specify a handler type"],
    ),
    (
        {"metadata": {"labels": {"a b": "x", "ok": "not ok!", "example.com/": "1", "A.com/x": ""}}, **pod()},
        [
            "metadata.labels: Invalid value: \"a b\": name part must consist of alphanumeric characters, '-', '_' or"
            " '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc',"
            " regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
            'metadata.labels: Invalid value: "not ok!": a valid label must be an empty string or consist of'
            " alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g."
            " 'MyValue',  or 'my_value',  or '12345', regex used for validation is"
            " '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
            'metadata.labels: Invalid value: "example.com/": name part must be non-empty',
            'metadata.labels: Invalid value: "A.com/x": prefix part a lowercase RFC 1123 subdomain must consist of'
            " lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character"
            " (e.g. 'example.com', regex used for validation is"
            r" '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
        ],
    ),
]


@pytest.mark.parametrize(("manifest", "expected"), POD)
def test_a_pod(manifest: dict[str, Any], expected: list[str], expect: Expect) -> None:
    found = errors(manifest)
    assert found == expected
    field = re.search(r"\w+Probe", "".join(found))
    named = field[0] if field else ""
    expect(valid=not found, error=Where(lambda error: [error.replace("readinessProbe", named)] == found))


def test_a_controllers_template_must_always_restart() -> None:
    assert errors(pod(restartPolicy="Never"), "spec.template") == [
        'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"'
    ]


def test_a_hook_may_sleep_as_long_as_the_pods_own_grace() -> None:
    sleeper = container(lifecycle={"preStop": {"sleep": {"seconds": 60}}})
    assert errors(pod(sleeper, terminationGracePeriodSeconds=60)) == []


def test_the_rules_alone_take_no_defaults_from_anybody() -> None:
    """kubernetes: ValidatePodSpec is given what the defaults have filled in; what they leave out means the same."""
    spec = {
        "restartPolicy": "Always",
        "containers": [
            {
                "name": "a",
                "image": "x",
                "imagePullPolicy": "Always",
                "lifecycle": {"preStop": {"sleep": {"seconds": 30}}},
            }
        ],
    }
    assert list(validate_pod({"spec": spec}, "")) == []
    assert [error.path for error in validate_pod({}, "")] == ["spec.containers", "spec.restartPolicy"]


@pytest.mark.parametrize(
    ("labels", "text"),
    [
        ({"a" * 63: "b" * 63, f"{'c' * 249}.com/x": ""}, ""),
        ({"a" * 64: ""}, "name part must be no more than 63 characters"),
        ({"a": "b" * 64}, "must be no more than 63 characters"),
        ({f"{'c' * 250}.com/x": ""}, "prefix part must be no more than 253 characters"),
    ],
)
def test_labels_are_of_limited_length(labels: dict[str, str], text: str) -> None:
    found = errors({"metadata": {"labels": labels}, **pod()})
    assert [error.rpartition(": ")[2] for error in found] == ([text] if text else [])


def test_what_volumes_refer_to_has_types() -> None:
    items = [{"key": {}, "path": "a"}]
    given = [
        {"name": "a", "persistentVolumeClaim": 1.5},
        {"name": "b", "configMap": {"name": "c", "items": items}},
        {"name": "c", "projected": {"sources": [{"secret": {"name": "c", "items": items}}]}},
        {"name": "d", "persistentVolumeClaim": {"claimName": "data"}},
    ]

    assert errors(pod(volumes=given)) == [
        "spec.volumes[0].persistentVolumeClaim: Invalid value: 1.5: must be an object",
        "spec.volumes[1].configMap.items[0].key: Invalid value: {}: must be a string",
        "spec.volumes[2].projected.sources[0].secret.items[0].key: Invalid value: {}: must be a string",
    ]
    assert errors(pod(volumes=[{"name": "a", "persistentVolumeClaim": {}}])) == [
        "spec.volumes[0].persistentVolumeClaim.claimName: Required value"
    ]


def test_a_readiness_gate_names_a_condition() -> None:
    gates = [{}, {"conditionType": "a b"}, {"conditionType": "example.com/ready"}]
    path = "spec.readinessGates"

    found = [error.split(": name part")[0] for error in errors(pod(readinessGates=gates))]
    assert found == [
        f'{path}[0].conditionType: Invalid value: ""',
        f'{path}[1].conditionType: Invalid value: "a b"',
    ]

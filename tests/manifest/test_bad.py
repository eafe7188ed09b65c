"""Each mistake in a manifest gives one line that names file, line, document, path, and what is allowed."""

from __future__ import annotations

import pytest

from crashy.manifest.parse import MAX_BYTES, MAX_DOCUMENT
from crashy.objects.kinds import READ, RUN
from tests.manifest.conftest import CONFIG_MAP, DEPLOYMENT, POD, SERVICE, complaints

SUPPORTED = ", ".join(f'"{name}"' for name in sorted(READ))

BOTH = f"{DEPLOYMENT}---\n{SERVICE}"
WEB = "document 1 (Deployment/web): "
CONTAINER = f"{WEB}spec.template.spec.containers[0]"
SVC = "document 2 (Service/web): "
LIVENESS = f"m.yaml:{{}}: {CONTAINER}.livenessProbe"


def with_env(variable: str) -> str:
    return f"{DEPLOYMENT}          env:\n            - {variable}\n"


def with_probe(probe: str, kind: str = "livenessProbe") -> str:
    return f"{DEPLOYMENT}          {kind}: {probe}\n"


NOT_YAML = [
    ("", "m.yaml: holds no object"),
    ("# nothing\n---\n...\n", "m.yaml: holds no object"),
    ("a: b: c\n", "m.yaml:1:5: not YAML: mapping values are not allowed in this context"),
    (
        "a:\n\t- b\n",
        "m.yaml:2:1: not YAML: found character that cannot start any token (while scanning for the next token)",
    ),
    ("---\n---\nb: [1,\n", "m.yaml:4:1: not YAML: did not find expected node content (while parsing a flow node)"),
    ("a: \a\n", "m.yaml:1:4: not YAML: control character U+0007"),
    (b"kind: Pod\0", "m.yaml: is not text: a NUL byte at offset 9"),
    (b"\x89PNG", "m.yaml: is not UTF-8: byte 0x89 at offset 0"),
    (b"#" * (MAX_BYTES + 1), "m.yaml: is larger than 16777216 bytes, the most that is read of one file"),
    (
        CONFIG_MAP.encode() + b"---\nb: " + b"x" * MAX_DOCUMENT,
        "m.yaml:8: document 2: is larger than 1048576 characters, the most of one document",
    ),
    ("- a\n", "m.yaml:1: document 1: is a list; a manifest is a mapping with apiVersion, kind and metadata"),
    (
        "\n\njust words\n",
        "m.yaml:3: document 1: is a single value; a manifest is a mapping with apiVersion, kind and metadata",
    ),
    ("? [a]\n: b\n", "m.yaml:1: document 1: a key must be text, not a list or a mapping"),
    ("a: 1\nb: 2\na: 3\n", "m.yaml:3: document 1: a: this key is on line 1 already"),
    (
        "a:\n  b: !!python/object/apply:os.system [id]\n",
        "m.yaml:2: document 1: a.b: tag !!python/object/apply:os.system is refused: a manifest is plain data",
    ),
    ("a: !mine 3\n", "m.yaml:1: document 1: a: tag !mine is refused: a manifest is plain data"),
    ("a: !!binary aGk=\n", "m.yaml:1: document 1: a: tag !!binary is refused: a manifest is plain data"),
    ("a: *b\n", "m.yaml:1: document 1: *b: there is no anchor &b before it"),
    ("a: &a [*a]\n", "m.yaml:1: document 1: *a: there is no anchor &a before it"),
    ("<<: 3\n", "m.yaml:1: document 1: <<: only mappings can be merged"),
    ("[" * 70 + "]" * 70, "m.yaml:1: document 1: is nested more than 64 levels deep"),
    ("kind: List\nitems:\n  - 3\n", "m.yaml:1: document 1: items[0]: is no object"),
]

KINDS = [
    ("a: 1\n", "m.yaml:1: document 1: kind: Required value"),
    ("kind: 3\n", "m.yaml:1: document 1: kind: Invalid value: 3: must be a string"),
    ("kind: Pod\n", "m.yaml:1: document 1 (Pod): apiVersion: Required value"),
    (
        "kind: Pod\napiVersion: [v1]\n",
        'm.yaml:2: document 1 (Pod): apiVersion: Invalid value: ["v1"]: must be a string',
    ),
    (
        DEPLOYMENT.replace("apps/v1", "v1"),
        f'm.yaml:1: {WEB}apiVersion: Invalid value: "v1": no matches for kind "Deployment" in version "v1": it is in '
        "apps/v1",
    ),
    (CONFIG_MAP, f"m.yaml: no workload to run: none of {', '.join(reversed(RUN))}"),
]

FIELDS = [
    (
        DEPLOYMENT.replace("  name: web\nspec", "spec"),
        "m.yaml:3: document 1 (Deployment): metadata.name: Required value: name or generateName is required",
    ),
    (
        DEPLOYMENT.replace("replicas: 2", "replicas: -1"),
        f"m.yaml:6: {WEB}spec.replicas: Invalid value: -1: must be greater than or equal to 0",
    ),
    (
        DEPLOYMENT.replace("replicas: 2", "replicas: two"),
        f'm.yaml:6: {WEB}spec.replicas: Invalid value: "two": must be an integer',
    ),
    (
        DEPLOYMENT.replace("replicas: 2", "replicas: yes"),
        f"m.yaml:6: {WEB}spec.replicas: Invalid value: true: must be an integer",
    ),
    (
        DEPLOYMENT.replace("replicas: 2", "replicas: 101"),
        f"m.yaml:6: {WEB}spec.replicas: Invalid value: 101: a lab runs at most 100 pods",
    ),
    (
        DEPLOYMENT.replace("replicas: 2", "replica: 2"),
        f'm.yaml:6: {WEB}unknown field "spec.replica" (did you mean "replicas"?)',
    ),
    (
        DEPLOYMENT.replace("    matchLabels:\n      app: web\n", "    {}\n"),
        f"m.yaml:7: {WEB}spec.selector: Invalid value: {{}}: empty selector is invalid for deployment",
    ),
    (
        DEPLOYMENT.replace("  selector:\n    matchLabels:\n      app: web\n", ""),
        f"m.yaml:5: {WEB}spec.selector: Required value",
    ),
    (
        DEPLOYMENT.replace("        app: web\n    spec", "        app: wep\n    spec"),
        f'm.yaml:12: {WEB}spec.template.metadata.labels: Invalid value: {{"app": "wep"}}: `selector` does not match '
        "template `labels`",
    ),
    (
        DEPLOYMENT.replace("      containers", "      restartPolicy: Never\n      containers"),
        f'm.yaml:15: {WEB}spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
    ),
    (
        DEPLOYMENT.replace("  replicas: 2", "  strategy: {type: Recreate, rollingUpdate: {maxSurge: 1}}"),
        f"m.yaml:6: {WEB}spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is "
        "'Recreate'",
    ),
    (
        DEPLOYMENT.replace("  replicas: 2", "  strategy: {rollingUpdate: {maxSurge: 0, maxUnavailable: 0%}}"),
        f'm.yaml:6: {WEB}spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "0%": may not be 0 when '
        "`maxSurge` is 0",
    ),
    (
        DEPLOYMENT.replace("  replicas: 2", "  strategy: {rollingUpdate: {maxUnavailable: 101%}}"),
        f'm.yaml:6: {WEB}spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "101%": must not be greater than '
        "100%",
    ),
    (
        DEPLOYMENT.replace("  replicas: 2", "  strategy: {type: Sudden}"),
        f'm.yaml:6: {WEB}spec.strategy.type: Unsupported value: "Sudden": supported values: "Recreate", '
        '"RollingUpdate"',
    ),
    (
        DEPLOYMENT.replace("  replicas: 2", "  minReadySeconds: 9\n  progressDeadlineSeconds: 9"),
        f"m.yaml:7: {WEB}spec.progressDeadlineSeconds: Invalid value: 9: must be greater than minReadySeconds",
    ),
    (DEPLOYMENT.replace("          image: crashy-app:1.0.0\n", ""), f"m.yaml:16: {CONTAINER}.image: Required value"),
    (
        DEPLOYMENT.replace("containerPort: 8080", "containerPort: 80800"),
        f"m.yaml:20: {CONTAINER}.ports[0].containerPort: Invalid value: 80800: must be between 1 and 65535, inclusive",
    ),
    (with_env("{name: A, value: 3}"), f"m.yaml:22: {CONTAINER}.env[0].value: Invalid value: 3: must be a string"),
    (
        with_probe("{httpGet: {path: /, port: 80}, successThreshold: 2}"),
        LIVENESS.format(21) + ".successThreshold: Invalid value: 2: must be 1",
    ),
    (with_probe("{periodSeconds: 1}"), LIVENESS.format(21) + ": Required value: must specify a handler type"),
    (
        with_probe("{tcpSocket: {port: 1}, periodSeconds: -10}"),
        LIVENESS.format(21) + ".periodSeconds: Invalid value: -10: must be greater than or equal to 0",
    ),
    (
        with_probe("{httpGet: {port: 80}, failureTreshold: 3}"),
        f'm.yaml:21: {WEB}unknown field "spec.template.spec.containers[0].livenessProbe.failureTreshold" (did you '
        'mean "failureThreshold"?)',
    ),
    (with_probe("{exec: {}}"), LIVENESS.format(21) + ".exec.command: Required value"),
    (
        with_probe("{httpGet: {port: 80}, terminationGracePeriodSeconds: 30}", "readinessProbe"),
        f"m.yaml:21: {CONTAINER}.readinessProbe.terminationGracePeriodSeconds: Invalid value: 30: must not be set for "
        "readinessProbes",
    ),
    (
        POD.replace("      image", "      name: a\n      image"),
        "m.yaml:10: document 1: spec.containers[0].name: this key is on line 9 already",
    ),
    (
        POD.replace("      image", "      livenessProb: {}\n      image"),
        'm.yaml:10: document 1 (Pod/alone): unknown field "spec.containers[0].livenessProb" (did you mean '
        '"livenessProbe"?)',
    ),
    (
        POD + "---\nkind: Secret\napiVersion: v1\nmetadata: {name: keys}\ndata: {a: plain text!}\n",
        "m.yaml:15: document 2 (Secret/keys): data[a]: Invalid value: must be base64",
    ),
    (
        POD + "---\n" + CONFIG_MAP.replace("green", "3"),
        "m.yaml:17: document 2 (ConfigMap/settings): data[color]: Invalid value: 3: must be a string",
    ),
    (
        POD + "---\n" + CONFIG_MAP.replace("color", "a b"),
        'm.yaml:17: document 2 (ConfigMap/settings): data[a b]: Invalid value: "a b": a valid config key must '
        "consist of at most 253 alphanumeric characters, '-', '_' or '.'",
    ),
]

SERVICES = [
    (
        BOTH.replace("nodePort: 30080", "nodePort: 80"),
        f"m.yaml:33: {SVC}spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. The "
        "range of valid ports is 30000-32767",
    ),
    (
        BOTH.replace("type: NodePort", "type: ClusterIP"),
        f"m.yaml:33: {SVC}spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'",
    ),
    (
        BOTH.replace("type: NodePort", "type: Nodeport"),
        f'm.yaml:27: {SVC}spec.type: Unsupported value: "Nodeport": supported values: "ClusterIP", "ExternalName", '
        '"LoadBalancer", "NodePort"',
    ),
    (
        BOTH.replace("- port: 80\n", "- name: http\n"),
        f"m.yaml:31: {SVC}spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
    ),
    (
        BOTH.replace("targetPort: 8080", "targetPort: web.1"),
        f'm.yaml:32: {SVC}spec.ports[0].targetPort: Invalid value: "web.1": must contain only alpha-numeric '
        "characters (a-z, 0-9), and hyphens (-)",
    ),
    (BOTH.partition("  ports:\n    - port: 80")[0], f"m.yaml:26: {SVC}spec.ports: Required value"),
    (BOTH + "    - name: two\n      port: 81\n", f"m.yaml:31: {SVC}spec.ports[0].name: Required value"),
    (BOTH.replace("NodePort", "ExternalName"), f"m.yaml:26: {SVC}spec.externalName: Required value"),
    (
        BOTH.replace("NodePort", f"ExternalName\n  externalName: {'a' * 254}"),
        f'm.yaml:28: {SVC}spec.externalName: Invalid value: "{"a" * 254}": must be no more than 253 characters',
    ),
    (
        f"{BOTH}---\n{SERVICE.replace('name: web', 'name: twin')}",
        "m.yaml:46: document 3 (Service/twin): spec.ports[0].nodePort: Invalid value: 30080: provided port is already "
        "allocated to Service/web (m.yaml:22)",
    ),
    (
        BOTH.replace("kind: Service\nmetadata:\n  name: web", "kind: Service\nmetadata:\n  name: 1web"),
        'm.yaml:25: document 2 (Service/1web): metadata.name: Invalid value: "1web": a Service\'s name must start '
        "with a letter (a-z)",
    ),
]

MORE = [
    (
        f"{BOTH}    - {{name: web, port: 81}}\n    - {{name: web, port: 82}}\n".replace(
            "- port: 80\n", "- name: a\n      port: 80\n"
        ),
        f'm.yaml:36: {SVC}spec.ports[2].name: Duplicate value: "web"',
    ),
    (
        f"{BOTH}    - {{name: b, port: 80}}\n".replace("- port: 80\n", "- name: a\n      port: 80\n"),
        f'm.yaml:35: {SVC}spec.ports[1]: Duplicate value: {{"protocol": "TCP", "port": 80}}',
    ),
    (
        f"{BOTH}      protocol: HTTP\n",
        f'm.yaml:34: {SVC}spec.ports[0].protocol: Unsupported value: "HTTP": supported values: "SCTP", "TCP", "UDP"',
    ),
    (
        DEPLOYMENT.partition("  template:")[0] + "  template: web\n",
        f'm.yaml:10: {WEB}spec.template: Invalid value: "web": must be an object',
    ),
    (
        DEPLOYMENT.replace("  replicas: 2", "  strategy: {rollingUpdate: {maxSurge: some}}"),
        f'm.yaml:6: {WEB}spec.strategy.rollingUpdate.maxSurge: Invalid value: "some": a valid percent string must be '
        "a numeric string followed by an ending '%' (e.g. '1%', or '93%', regex used for validation is '[0-9]+%')",
    ),
    (
        POD + "---\n" + CONFIG_MAP + "binaryData: {color: aGk=}\n",
        'm.yaml:18: document 2 (ConfigMap/settings): binaryData[color]: Invalid value: "color": duplicate of key '
        "present in data",
    ),
]


@pytest.mark.parametrize(("text", "line"), [*NOT_YAML, *KINDS, *FIELDS, *SERVICES, *MORE])
def test_a_mistake_is_one_exact_line(text: str | bytes, line: str) -> None:
    assert complaints(text) == [line]


def test_what_the_mistakes_were_made_of_is_right() -> None:
    assert complaints(f"{BOTH}---\n{POD}---\n{CONFIG_MAP}") == []


def test_all_mistakes_of_all_documents_are_reported_at_once() -> None:
    text = with_probe("{httpGet: {port: 0}, successThreshold: 2}").replace("replicas: 2", "replicas: -1")
    lines = complaints(f"{text}---\n{SERVICE.replace('30080', '80')}---\nkind: Foo\n---\na: b: c\n")

    assert [line[:60] for line in lines] == [
        "m.yaml:38:5: not YAML: mapping values are not allowed in thi",
        "m.yaml:6: document 1 (Deployment/web): spec.replicas: Invali",
        "m.yaml:21: document 1 (Deployment/web): spec.template.spec.c",
        "m.yaml:21: document 1 (Deployment/web): spec.template.spec.c",
        "m.yaml:34: document 2 (Service/web): spec.ports[0].nodePort:",
        "m.yaml:36: document 3 (Foo): apiVersion: Required value",
    ]


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (POD.replace("metadata:", "metadata:\n  namespace: My_Shop"), "metadata.namespace"),
        (DEPLOYMENT.replace("metadata:", "metadata:\n  labels: {a b: c}", 1), "metadata.labels"),
        (DEPLOYMENT.replace("metadata:", "metadata:\n  labels: {a: b c}", 1), "metadata.labels"),
        (DEPLOYMENT.replace("name: web", "name: We_b", 1), "metadata.name"),
        (f"{BOTH}      name: Http\n", "spec.ports[0].name"),
    ],
)
def test_names_and_labels_follow_kubernetes_rules(text: str, path: str) -> None:
    (line,) = complaints(text)

    assert f": {path}: Invalid value: " in line


def test_a_manifest_cannot_write_to_the_terminal_or_break_the_line() -> None:
    (line,) = complaints('kind: "Foo\\e[31m\\nBar"\n')

    assert line.isprintable()
    assert "Foo\\x1b[31m\\nBar" in line


def test_of_very_many_mistakes_the_first_are_reported() -> None:
    lines = complaints("kind: Pod\nkind: Pod\n" + "kind: Pod\n" * 500)

    assert len(lines) == 101
    assert lines[0] == "m.yaml:2: document 1: kind: this key is on line 1 already"
    assert lines[-1] == "and 401 more mistakes"


def test_a_complaint_about_a_huge_value_is_short() -> None:
    (line,) = complaints(DEPLOYMENT.replace("replicas: 2", f"replicas: {'x' * 500_000}"))

    assert len(line) < 1100

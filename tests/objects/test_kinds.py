"""Documents become typed objects with Kubernetes' defaults, and what is odd but legal is a warning."""

from __future__ import annotations

import pytest

from crashy.objects.deployment import Deployment, Strategy
from crashy.objects.kinds import KINDS
from crashy.objects.selector import LabelSelector, Requirement
from crashy.objects.service import ServicePort
from tests.kubelet.cases import Expect
from tests.manifest.conftest import CONFIG_MAP, DEPLOYMENT, POD, SERVICE, complaints, manifests

ENV = "          env:\n            - {{name: A, valueFrom: {{{}}}}}\n"
UNSELECTIVE = SERVICE.replace("  selector:\n    app: web\n", "")
PORTLESS = UNSELECTIVE.partition("  ports:")[0].replace("NodePort", "ExternalName")


def test_a_kind_has_the_names_of_the_api_and_of_kubectl() -> None:
    assert (KINDS["Deployment"].names, KINDS["Pod"].names) == (
        ("deployments", "deployment", "deploy"),
        ("pods", "pod", "po"),
    )
    assert (KINDS["Deployment"].resource, KINDS["Deployment"].type) == ("deployments.apps", "deployment.apps")
    assert KINDS["Deployment"].path("shop") == "/apis/apps/v1/namespaces/shop/deployments"
    assert KINDS["Pod"].path("shop") == "/api/v1/namespaces/shop/pods"


def test_workloads_are_in_the_order_in_which_they_are_applied() -> None:
    got = manifests(f"{POD}---\n{DEPLOYMENT}")

    assert [workload.kind for workload in got.workloads] == ["Deployment", "Pod"]


@pytest.mark.case("defaults.deployment")
def test_a_deployment_has_kubernetes_defaults(expect: Expect) -> None:
    """kubernetes: pkg/apis/apps/v1/defaults.go SetDefaults_Deployment."""
    (web,) = manifests(DEPLOYMENT.replace("  replicas: 2\n", "")).workloads

    assert isinstance(web, Deployment)
    assert (web.name, web.namespace, web.labels, web.replicas) == ("web", "default", {}, 1)
    assert (web.min_ready_seconds, web.progress_deadline_seconds, web.revision_history_limit) == (0, 600, 10)
    assert web.strategy == Strategy("RollingUpdate", "25%", "25%")
    assert web.selector == LabelSelector({"app": "web"})
    assert web.template.labels == {"app": "web"}
    assert str(web.source) == "m.yaml:1"
    expect(
        replicas=web.replicas,
        strategy=web.strategy.type,
        maxUnavailable=web.strategy.max_unavailable,
        maxSurge=web.strategy.max_surge,
        revisionHistoryLimit=web.revision_history_limit,
        progressDeadlineSeconds=web.progress_deadline_seconds,
        minReadySeconds=web.min_ready_seconds,
    )


def test_a_deployment_says_what_it_wants() -> None:
    text = DEPLOYMENT.replace("  name: web\n", "  name: web\n  namespace: shop\n  labels: {team: a}\n", 1).replace(
        "  replicas: 2\n",
        "  minReadySeconds: 3\n  progressDeadlineSeconds: 20\n  strategy: {rollingUpdate: {maxSurge: 2, "
        "maxUnavailable: 10%}}\n",
    )
    (web,) = manifests(text).workloads

    assert isinstance(web, Deployment)
    assert (web.namespace, web.labels) == ("shop", {"team": "a"})
    assert (web.min_ready_seconds, web.progress_deadline_seconds) == (3, 20)
    assert web.strategy == Strategy("RollingUpdate", 2, "10%")


def test_a_pod_and_the_values_it_reads() -> None:
    secret = 'apiVersion: v1\nkind: Secret\nmetadata: {name: keys}\ndata: {a: aGk=, b: "aGk="}\nstringData: {b: ho}\n'
    env = "      envFrom: [{configMapRef: {name: settings}}, {secretRef: {name: other, optional: true}}]\n"
    got = manifests("---\n".join([POD + env, CONFIG_MAP + "binaryData: {raw: /w==}\n", secret]))

    assert [(pod.name, pod.template.labels) for pod in got.workloads] == [("alone", {"app": "alone"})]
    assert [(m.name, m.data, m.binary_data) for m in got.config_maps] == [
        ("settings", {"color": "green"}, {"raw": b"\xff"})
    ]
    assert [(s.name, s.data) for s in got.secrets] == [("keys", {"a": b"hi", "b": b"ho"})]
    assert "hi" not in repr(got.secrets)


def test_a_service_has_kubernetes_defaults() -> None:
    text = "kind: Service\napiVersion: v1\nmetadata: {name: s}\nspec: {selector: {app: alone}, ports: [{port: 80}]}\n"
    (service,) = manifests(f"{POD}---\n{text}").services

    assert (service.type, service.publish_not_ready_addresses) == ("ClusterIP", False)
    assert service.ports == (ServicePort("", 80, 80, None, "TCP"),)


@pytest.mark.parametrize(
    ("requirement", "labels", "matches"),
    [
        (Requirement("tier", "In", ("a", "b")), {"tier": "a"}, True),
        (Requirement("tier", "In", ("a", "b")), {"tier": "c"}, False),
        (Requirement("tier", "In", ("a",)), {}, False),
        (Requirement("tier", "NotIn", ("a",)), {"tier": "a"}, False),
        (Requirement("tier", "NotIn", ("a",)), {"tier": "b"}, True),
        (Requirement("tier", "NotIn", ("a",)), {}, True),
        (Requirement("tier", "Exists"), {"tier": ""}, True),
        (Requirement("tier", "Exists"), {}, False),
        (Requirement("tier", "DoesNotExist"), {}, True),
        (Requirement("tier", "DoesNotExist"), {"tier": "a"}, False),
    ],
)
def test_selectors_select(requirement: Requirement, labels: dict[str, str], matches: bool) -> None:
    assert LabelSelector({"app": "web"}, (requirement,)).matches({"app": "web", **labels}) is matches
    assert not LabelSelector({"app": "web"}, (requirement,)).matches(labels)


def test_expressions_are_read_and_matched() -> None:
    text = DEPLOYMENT.replace(
        "      app: web\n", "      app: web\n    matchExpressions: [{key: tier, operator: Exists}]\n", 1
    )

    assert complaints(text) != []
    assert complaints(text.replace("        app: web\n", "        app: web\n        tier: x\n")) == []
    assert "supported values" in complaints(text.replace("Exists", "Has"))[0]
    assert "Required value" in complaints(text.replace("Exists", "In"))[0]
    assert "Forbidden" in complaints(text.replace("Exists", "Exists, values: [a]"))[0]


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        (
            f"{DEPLOYMENT}---\n{DEPLOYMENT}",
            "m.yaml:22: document 2 (Deployment/web): replaces document 1 at m.yaml:1, as kubectl apply does: the "
            "later one wins",
        ),
        (
            DEPLOYMENT + ENV.format("configMapKeyRef: {name: settings, key: size}"),
            "m.yaml:22: document 1 (Deployment/web): spec.template.spec.containers[0].env[0].valueFrom.configMapKeyRef"
            ".name: no ConfigMap settings in namespace default is among these files: the pod waits for it",
        ),
        (
            DEPLOYMENT + ENV.format("configMapKeyRef: {name: settings, key: size}") + f"---\n{CONFIG_MAP}",
            "m.yaml:22: document 1 (Deployment/web): spec.template.spec.containers[0].env[0].valueFrom.configMapKeyRef"
            ".key: ConfigMap/settings (m.yaml:24) has no key size: the pod waits for it",
        ),
        (
            POD + "  volumes: [{name: keys, secret: {secretName: keys}}]\n",
            "m.yaml:11: document 1 (Pod/alone): spec.volumes[0].secret.secretName: no Secret keys in namespace default "
            "is among these files: the pod waits for it",
        ),
        (
            f"{DEPLOYMENT}---\n{SERVICE.replace('app: web', 'app: other')}",
            "m.yaml:28: document 2 (Service/web): spec.selector: selects no pod of these files in namespace default",
        ),
        (
            f"{DEPLOYMENT}---\n{SERVICE.replace('targetPort: 8080', 'targetPort: 5000')}",
            "m.yaml:32: document 2 (Service/web): spec.ports[0].targetPort: 5000 is not a containerPort of the "
            "selected pods (they declare 8080)",
        ),
        (
            f"{DEPLOYMENT}---\n{SERVICE.replace('targetPort: 8080', 'targetPort: htpp')}",
            "m.yaml:32: document 2 (Service/web): spec.ports[0].targetPort: no container declares a port named "
            '"htpp": this port has no endpoints',
        ),
        (
            f"{DEPLOYMENT}---\n{SERVICE.replace('      targetPort: 8080', '')}",
            "m.yaml:31: document 2 (Service/web): spec.ports[0].port: 80 is not a containerPort of the selected pods "
            "(they declare 8080)",
        ),
        (
            f"{DEPLOYMENT}---\n{SERVICE}      name: a\n    - {{name: dns, port: 53, protocol: UDP}}\n",
            "m.yaml:35: document 2 (Service/web): spec.ports[1].protocol: UDP is not forwarded in the lab",
        ),
        (
            f"{DEPLOYMENT}---\n{SERVICE}  sessionAffinity: ClientIP\n",
            "m.yaml:34: document 2 (Service/web): spec.sessionAffinity: the lab chooses an endpoint for each "
            "connection",
        ),
        (
            f"{DEPLOYMENT}---\n{PORTLESS}  externalName: example.com\n",
            "m.yaml:26: document 2 (Service/web): spec.ports: is empty: the lab has no proxy for this ExternalName "
            "Service",
        ),
        (
            f"{DEPLOYMENT}---\n{UNSELECTIVE}",
            "m.yaml:26: document 2 (Service/web): spec.selector: is empty: this Service has no endpoints",
        ),
    ],
)
def test_what_is_odd_but_legal_is_a_warning(text: str, warning: str) -> None:
    assert manifests(text).warnings == (warning,)


def test_a_port_name_that_a_container_declares_is_fine() -> None:
    assert manifests(f"{DEPLOYMENT}---\n{SERVICE.replace('8080', 'http')}").warnings == ()


def test_ports_that_are_not_tcp_are_left_out() -> None:
    text = SERVICE.replace(
        "    - port: 80", "    - {name: dns, port: 53, protocol: UDP}\n    - name: web\n      port: 80"
    )
    (service,) = manifests(f"{DEPLOYMENT}---\n{text}").services

    assert service.ports == (ServicePort("web", 80, 8080, 30080, "TCP"),)


def test_one_name_in_two_namespaces_is_two_objects() -> None:
    other = POD.replace("metadata:", "metadata:\n  namespace: other")
    got = manifests(f"{POD}---\n{other}")

    assert [pod.namespace for pod in got.workloads] == ["default", "other"]
    assert got.warnings == ()


def test_the_ceiling_counts_every_pod() -> None:
    text = f"{DEPLOYMENT.replace('replicas: 2', 'replicas: 99')}---\n{POD}---\n{POD.replace('alone', 'two')}"

    assert complaints(text) == [
        "m.yaml:39: document 3 (Pod/two): spec: Invalid value: 1: a lab runs at most 100 pods, and the objects "
        "before this one have 100"
    ]


def test_other_kinds_are_counted_and_stop_nothing() -> None:
    ingress = "---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: %s}\n"
    knative = "---\napiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: web}\n"
    got = manifests(POD + ingress % "a" + ingress % "b" + knative)

    assert (got.skipped, got.warnings, len(got.workloads)) == ("2 Ingress, 1 Service", (), 1)
    assert got.skipped_notes() == ("skipped: 2 Ingress, 1 Service (the lab doesn't run them)",)
    assert manifests(POD).skipped_notes() == ()


def test_with_other_kinds_alone_there_is_nothing_to_run() -> None:
    (line,) = complaints("apiVersion: x.org/v1\nkind: Deploymnt\nmetadata: {name: a}\n")

    assert line.endswith("StatefulSet (only 1 Deploymnt)")

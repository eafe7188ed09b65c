"""What is read of a pod, and the defaults that the API server fills in. kubernetes: pkg/apis/core/v1/defaults.go."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from crashy.objects.pod import (
    GRPC,
    Container,
    ContainerPort,
    EnvVar,
    Exec,
    HTTPGet,
    Lifecycle,
    PodTemplate,
    Probe,
    ProbeType,
    Sleep,
    TCPSocket,
    parse_pod_template,
)
from tests.kubelet.cases import Expect, case

TCP = {"tcpSocket": {"port": 80}}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        # SetDefaults_Probe
        case("defaults.probe-empty", {}, Probe(TCPSocket(80), 0, 1, 10, 1, 3, None)),
        case(
            "defaults.zero-means-default.timeoutSeconds", {"timeoutSeconds": 0}, Probe(TCPSocket(80), timeout_seconds=1)
        ),
        case(
            "defaults.zero-means-default.periodSeconds", {"periodSeconds": 0}, Probe(TCPSocket(80), period_seconds=10)
        ),
        case(
            "defaults.zero-means-default.successThreshold",
            {"successThreshold": 0},
            Probe(TCPSocket(80), success_threshold=1),
        ),
        case(
            "defaults.zero-means-default.failureThreshold",
            {"failureThreshold": 0},
            Probe(TCPSocket(80), failure_threshold=3),
        ),
        ({"periodSeconds": None}, Probe(TCPSocket(80), period_seconds=10)),
        (
            {
                "initialDelaySeconds": 7,
                "timeoutSeconds": 2,
                "periodSeconds": 3,
                "successThreshold": 4,
                "failureThreshold": 5,
                "terminationGracePeriodSeconds": 6,
            },
            Probe(TCPSocket(80), 7, 2, 3, 4, 5, 6),
        ),
    ],
)
def test_a_probes_numbers(given: dict[str, Any], expected: Probe, expect: Expect) -> None:
    probe = Probe.from_manifest({**TCP, **given})
    assert probe == expected
    expect(
        initialDelaySeconds=probe.initial_delay_seconds,
        timeoutSeconds=probe.timeout_seconds,
        periodSeconds=probe.period_seconds,
        successThreshold=probe.success_threshold,
        failureThreshold=probe.failure_threshold,
        terminationGracePeriodSeconds=probe.termination_grace_period_seconds,
    )


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        # SetDefaults_HTTPGetAction
        case("defaults.http", {"httpGet": {"port": 80}}, HTTPGet(80, "/", "", "HTTP")),
        ({"httpGet": {"port": 80, "path": "", "scheme": ""}}, HTTPGet(80, "/", "", "HTTP")),
        (
            {
                "httpGet": {
                    "port": "web",
                    "path": "/x",
                    "host": "h",
                    "scheme": "HTTPS",
                    "httpHeaders": [{"name": "A", "value": "1"}, {"name": "A"}],
                }
            },
            HTTPGet("web", "/x", "h", "HTTPS", (("A", "1"), ("A", ""))),
        ),
        ({"tcpSocket": {"port": "web", "host": "h"}}, TCPSocket("web", "h")),
        ({"exec": {"command": ["cat", "/x"]}}, Exec(("cat", "/x"))),
        ({"grpc": {"port": 9}}, GRPC(9, "")),
        ({"grpc": {"port": 9, "service": "s"}}, GRPC(9, "s")),
        ({"httpGet": {"port": 80.0}}, HTTPGet(80)),
    ],
)
def test_a_probes_handler(given: dict[str, Any], expected: object, expect: Expect) -> None:
    handler = Probe.from_manifest(given).handler
    assert handler == expected
    if isinstance(handler, HTTPGet):
        expect(path=handler.path, scheme=handler.scheme)


def container(**fields: Any) -> Container:
    manifest = {"spec": {"containers": [{"name": "app", "image": "x:1", **fields}]}}
    return parse_pod_template(manifest).containers[0]


def test_a_container_in_full() -> None:
    assert container(
        command=["python"],
        args=["-m", "x"],
        workingDir="/app",
        env=[
            {"name": "A", "value": "1"},
            {"name": "B"},
            {"name": "C", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
        ],
        envFrom=[{"configMapRef": {"name": "c"}}],
        ports=[{"containerPort": 80}, {"containerPort": 81, "name": "web", "protocol": "UDP", "hostPort": 82}],
        resources={"limits": {"cpu": "1"}},
        livenessProbe=TCP,
        readinessProbe={**TCP, "periodSeconds": 2},
        startupProbe={**TCP, "periodSeconds": 3},
        lifecycle={"postStart": {"exec": {"command": ["a"]}}, "preStop": {"sleep": {"seconds": 3}}},
        imagePullPolicy="Never",
        securityContext={"anything": ["goes"]},
    ) == Container(
        name="app",
        image="x:1",
        command=("python",),
        args=("-m", "x"),
        working_dir="/app",
        env=(EnvVar("A", "1"), EnvVar("B", ""), EnvVar("C", "", {"secretKeyRef": {"name": "s", "key": "k"}})),
        env_from=({"configMapRef": {"name": "c"}},),
        ports=(ContainerPort(80, "", "TCP", 0), ContainerPort(81, "web", "UDP", 82)),
        resources={"limits": {"cpu": "1"}},
        liveness_probe=Probe(TCPSocket(80)),
        readiness_probe=Probe(TCPSocket(80), period_seconds=2),
        startup_probe=Probe(TCPSocket(80), period_seconds=3),
        lifecycle=Lifecycle(Exec(("a",)), Sleep(3)),
        image_pull_policy="Never",
    )


@pytest.mark.parametrize("probe_type", ProbeType)
def test_a_container_gives_its_probe_by_type(probe_type: ProbeType) -> None:
    found = container(**{probe_type.field: TCP})
    assert [t for t in ProbeType if found.probe(t)] == [probe_type]


@pytest.mark.parametrize(
    ("handler", "expected"),
    [
        ({"httpGet": {"port": 80}}, HTTPGet(80)),
        ({"tcpSocket": {"port": 80}}, TCPSocket(80)),
        ({"sleep": {}}, Sleep(0)),
    ],
)
def test_a_hook(handler: dict[str, Any], expected: object) -> None:
    assert container(lifecycle={"preStop": handler}).lifecycle == Lifecycle(pre_stop=expected)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        # SetDefaults_Container
        ("x", "Always"),
        ("x:latest", "Always"),
        ("registry:5000/x", "Always"),
        ("x:1", "IfNotPresent"),
        ("registry:5000/x:1", "IfNotPresent"),
        ("x@sha256:0123", "IfNotPresent"),
    ],
)
def test_the_pull_policy_follows_the_tag(image: str, policy: str) -> None:
    assert container(image=image).image_pull_policy == policy


@pytest.mark.case("defaults.pod")
def test_a_pods_defaults(expect: Expect) -> None:
    template = parse_pod_template({"spec": {"containers": [{"name": "a", "image": "x"}]}})
    assert (template.restart_policy, template.termination_grace_period_seconds, template.dns_policy) == (
        "Always",
        30,
        "ClusterFirst",
    )
    assert (template.labels, template.annotations, template.volumes, template.readiness_gates) == ({}, {}, (), ())
    assert not template.share_process_namespace
    expect(
        restartPolicy=template.restart_policy,
        terminationGracePeriodSeconds=template.termination_grace_period_seconds,
        dnsPolicy=template.dns_policy,
    )


@pytest.mark.parametrize(("given", "grace"), [(0, 0), (5, 5), (-1, 1), (None, 30)])
def test_a_negative_grace_means_one_second(given: int | None, grace: int) -> None:
    manifest = {"spec": {"containers": [{"name": "a", "image": "x"}], "terminationGracePeriodSeconds": given}}
    assert parse_pod_template(manifest).termination_grace_period_seconds == grace


def test_a_whole_pod_is_read_as_well() -> None:
    manifest = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web", "labels": {"app": "web"}, "annotations": {"a": "b"}},
        "spec": {
            "restartPolicy": "OnFailure",
            "shareProcessNamespace": True,
            "readinessGates": [{"conditionType": "x.io/ok"}],
            "volumes": [{"name": "v", "emptyDir": {}}],
            "initContainers": [{"name": "side", "image": "x", "restartPolicy": "Always", "startupProbe": TCP}],
            "containers": [{"name": "a", "image": "x", "volumeMounts": [{"name": "v", "mountPath": "/v"}]}],
        },
        "status": {},
    }
    template = parse_pod_template(manifest, "")
    assert template.labels == {"app": "web"}
    assert template.annotations == {"a": "b"}
    assert template.restart_policy == "OnFailure"
    assert template.share_process_namespace
    assert template.readiness_gates == ("x.io/ok",)
    assert template.volumes == ({"name": "v", "emptyDir": {}},)
    assert template.init_containers[0].restart_policy == "Always"
    assert template.init_containers[0].startup_probe == Probe(TCPSocket(80))
    assert template.containers[0].volume_mounts == ({"name": "v", "mountPath": "/v"},)
    assert template.raw is manifest


def test_a_template_and_its_parts_made_by_hand_have_the_defaults_too() -> None:
    template = PodTemplate((Container("a"),))
    assert (template.restart_policy, template.termination_grace_period_seconds) == ("Always", 30)
    assert (template.dns_policy, template.share_process_namespace) == ("ClusterFirst", False)
    assert template.containers[0].image_pull_policy == "IfNotPresent"
    assert (ContainerPort(80).host_port, ContainerPort(80).protocol, GRPC(1).service) == (0, "TCP", "")
    assert Probe(TCPSocket(80)) == Probe.from_manifest(TCP)
    maps: dict[str, Any] = {"env_from": ({},), "volume_mounts": ({},), "resources": {"limits": {}}}
    full = PodTemplate((Container("a", **maps),), volumes=({},), labels={"a": "b"}, annotations={}, raw={})
    assert hash(full) == hash(template)
    assert full == replace(full, raw={"spec": {}})
    assert hash(EnvVar("A", value_from={})) == hash(EnvVar("A"))


def test_reading_leaves_the_manifest_as_it_was() -> None:
    manifest = {"spec": {"containers": [{"name": "a", "image": "x", "livenessProbe": {"httpGet": {"port": 80}}}]}}
    parse_pod_template(manifest)
    assert manifest == {
        "spec": {"containers": [{"name": "a", "image": "x", "livenessProbe": {"httpGet": {"port": 80}}}]}
    }

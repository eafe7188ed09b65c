"""The sidecar is put beside an app that a Service sends users to; the app itself, and its probes, stay as they were."""

from __future__ import annotations

import copy
import os
from pathlib import Path
from typing import Any

import pytest

from crashy.engines.images import SIDECAR, is_proxy
from crashy.engines.kube.wrap import Wrapped, wrap
from crashy.errors import BadInput
from crashy.manifest.dump import dump
from crashy.manifest.load import SUFFIXES, gather
from crashy.manifest.parse import parse
from crashy.objects.document import Document
from crashy.objects.kinds import KINDS
from crashy.objects.manifests import read_object
from crashy.objects.workload import Workload

ROOT = Path(__file__).parents[3]
WILD = Path(os.environ.get("WILD", ROOT.parent / "shared" / "wild"))
FILES = [path for path in sorted(WILD.rglob("*")) if path.suffix in SUFFIXES and path.is_file()]
Object = dict[str, Any]


def deployment(name: str = "web", port: int = 3000, **spec: Any) -> Object:
    probe = {"httpGet": {"path": "/health", "port": "http"}}
    app = {
        "name": "app",
        "image": "node:22",
        "ports": [{"name": "http", "containerPort": port}],
        "readinessProbe": probe,
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name, "tier": "one"}}, "spec": {"containers": [app]} | spec},
        },
    }


def service(name: str = "web", *targets: int | str, **spec: Any) -> Object:
    ports = [{"name": f"p{n}", "port": 80 + n, "targetPort": target} for n, target in enumerate(targets or ("http",))]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": {"app": "web"}, "ports": ports} | spec,
    }


def documents(*objects: Object) -> list[Document]:
    return [Document("all.yaml", number, number, copy.deepcopy(one)) for number, one in enumerate(objects, 1)]


def wrapped(*objects: Object, **options: Any) -> Wrapped:
    return wrap(documents(*objects), "crashy-app:1.0.0", **options)


def containers(one: Object) -> list[Object]:
    found: list[Object] = KINDS[one["kind"]].template_in(one)["spec"]["containers"]
    return found


def moved(one: Object) -> list[int | str]:
    return [port["targetPort"] for port in one["spec"]["ports"]]


def leads(one: Object) -> list[str]:
    args: list[str] = containers(one)[-1]["args"]
    return args


def test_a_deployment_with_a_named_port() -> None:
    app, users = deployment(), service()

    (web, front), notes = wrapped(app, users)

    (before, proxy) = containers(web)
    assert [before] == containers(app)  # probes and all
    assert proxy["name"] == SIDECAR
    assert leads(web) == ["proxy", "--http", "23000", "$(POD_IP):3000"]
    assert moved(front) == [23000]
    assert front == users | {"spec": users["spec"] | {"ports": front["spec"]["ports"]}}
    assert notes == ["deployment/web: 23000 leads to 3000"]


def test_the_sidecar_is_one_of_ours_under_every_policy_for_pods() -> None:
    (web, _), _ = wrapped(deployment(), service(), token=("crashy", "token"))

    proxy = containers(web)[-1]
    secret = {"secretKeyRef": {"name": "crashy", "key": "token"}}
    assert {"name": "ADMIN_TOKEN", "valueFrom": secret} in proxy["env"]
    assert {"name": "ADMIN_PORT", "value": "20000"} in proxy["env"]
    assert {"name": "DRAIN_SECONDS", "value": "30"} in proxy["env"]  # as long as the pod itself has
    assert proxy["readinessProbe"]["tcpSocket"] == {"port": 20000}  # which no fault reaches
    rules = proxy["securityContext"]
    assert rules["runAsNonRoot"]
    assert rules["readOnlyRootFilesystem"]
    assert not rules["allowPrivilegeEscalation"]
    assert rules["capabilities"] == {"drop": ["ALL"]}
    workload, errors = read_object(*documents(web))
    assert errors == []
    assert isinstance(workload, Workload)
    assert [*map(is_proxy, workload.template.containers)] == [False, True]


def test_several_ports_and_services_share_one_proxy() -> None:
    (web, one, two), _ = wrapped(deployment(), service("a", "http", 9090), service("b", 9090, 40000))

    assert moved(one) == [23000, 29090]
    assert moved(two) == [29090, 20001]  # 60000 would be a port of whoever connects
    assert leads(web)[2:] == ["23000", "$(POD_IP):3000", "29090", "$(POD_IP):9090", "20001", "$(POD_IP):40000"]


def test_a_port_without_a_target_is_its_own_and_udp_stays() -> None:
    ports = [{"name": "dns", "port": 53, "protocol": "UDP"}, {"name": "tcp", "port": 53}]
    (_, users), _ = wrapped(deployment(), service(ports=ports))

    assert users["spec"]["ports"] == [ports[0], ports[1] | {"targetPort": 20053}]


def test_two_workloads_behind_one_service_may_have_different_ports_of_one_name() -> None:
    old, new = deployment("old", 3000), deployment("new", 4000)
    (one, two, users), _ = wrapped(old, new, service(selector={"tier": "one"}))

    assert moved(users) == [20001]
    assert [leads(one)[2:], leads(two)[2:]] == [["20001", "$(POD_IP):3000"], ["20001", "$(POD_IP):4000"]]


def test_ports_that_a_pod_has_are_left_to_it() -> None:
    app = deployment()
    containers(app)[0]["ports"] += [{"containerPort": 23000}, {"containerPort": 20000}]
    (web, users), _ = wrapped(app, service())

    assert moved(users) == [23001]
    assert {"name": "ADMIN_PORT", "value": "20001"} in containers(web)[-1]["env"]


def test_what_no_service_sends_users_to_is_left_as_it_is() -> None:
    worker = deployment("worker")
    objects, notes = wrapped(deployment(), worker, service(), {"apiVersion": "example.com/v1", "kind": "Queue"})

    assert objects[1] == worker
    assert notes[1] == "deployment/worker: left as it is: no Service of these manifests selects its pods"
    assert objects[3] == {"apiVersion": "example.com/v1", "kind": "Queue"}


def test_a_headless_service_is_left_as_it_is_beside_another() -> None:
    headless = service("peers", clusterIP="None")
    objects, notes = wrapped(deployment(), headless, service())

    assert objects[1] == headless
    assert notes == [
        "deployment/web: 23000 leads to 3000; service/peers is headless, so its users connect to the pods' own ports"
    ]


REFUSED = {
    "no service": ([deployment()], "no Service of these manifests selects its pods"),
    "another namespace": (
        [deployment(), service() | {"metadata": {"name": "web", "namespace": "shop"}}],
        "no Service of these manifests selects its pods",
    ),
    "headless": ([deployment(), service(clusterIP="None")], "service/web is headless, so its users connect"),
    "no such port": ([deployment(), service("web", "grpc")], "no port is called grpc, as service/web port 80 has it"),
    "the node's network": ([deployment(hostNetwork=True), service()], "has hostNetwork: the proxy's ports would be"),
    "wrapped": (wrapped(deployment(), service()).objects, "is wrapped already"),
}


@pytest.mark.parametrize(("objects", "why"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_wrapped_is_refused_in_one_line(objects: list[Object], why: str) -> None:
    with pytest.raises(BadInput) as refused:
        wrapped(*objects)

    (line,) = refused.value.lines
    assert line.startswith(f"all.yaml:1: deployment/web: {why}")


def test_a_pod_that_ends_is_refused() -> None:
    pod: Object = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "once", "labels": {"app": "web"}},
        "spec": {"restartPolicy": "Never", "containers": [{"name": "app", "image": "node:22"}]},
    }

    with pytest.raises(BadInput, match="pod/once: has restartPolicy Never: it ends, and the proxy beside it would not"):
        wrapped(pod, service("web", 3000))


def test_manifests_without_a_workload_are_refused() -> None:
    with pytest.raises(BadInput, match="no workload among these manifests"):
        wrapped(service())


def outcome(path: Path) -> str:
    """Return how a file of somebody's ends: wrapped, or why it can't be; and hold what must hold of all."""
    found, errors = gather([str(path)])
    if errors:
        return "not read"
    try:
        objects, notes = wrap(found, "crashy-app:1.0.0")
    except BadInput:
        return "refused"
    again, errors = parse(dump(objects).encode(), "wrapped.yaml")
    assert errors == []
    assert [one.object for one in again] == objects
    assert len(objects) == len(found)
    assert notes
    for document in again:
        assert read_object(document)[1] == [], document.title
    with pytest.raises(BadInput, match="is wrapped already"):
        wrap(again, "crashy-app:1.0.0")
    return "wrapped"


@pytest.mark.skipif(not FILES, reason="needs other people's manifests in ../shared/wild (WILD=FOLDER)")
def test_other_peoples_manifests_are_wrapped_or_refused_and_stay_valid() -> None:
    outcomes = [outcome(path) for path in FILES]

    assert outcomes.count("wrapped") >= 20

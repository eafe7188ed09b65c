"""A fleet on a real cluster: two pods of three crash at once, found by PEERS, and one stays ready throughout."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.kube.cluster import Cluster, Object, named, ready

NAMES = ("web-0", "web-1", "web-2")
PROBES = {"readinessProbe": {"httpGet": {"path": "/readyz", "port": 8080}, "periodSeconds": 1}}
ENV = [
    {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
    {"name": "POD_NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
    {"name": "PROBES", "valueFrom": {"fieldRef": {"fieldPath": "metadata.annotations['crashy/probes']"}}},
]


def pod(name: str, peers: str = "") -> Object:
    container = {
        "name": "web",
        "image": "crashy-app:1.0.0",
        "imagePullPolicy": "IfNotPresent",
        "env": [*ENV, {"name": "PEERS", "value": peers}],
        **PROBES,
    }
    metadata = {"name": name, "annotations": {"crashy/probes": json.dumps(PROBES)}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [container]}}


def restarts(one: Object) -> int:
    return sum(status["restartCount"] for status in one["status"].get("containerStatuses", ()))


@pytest.mark.timeout(240)
def test_two_of_three_crash_and_one_stays_ready(cluster: Cluster) -> None:
    """PEERS are addresses here, since the cluster may have no DNS: those of the first two, and the third's own."""
    with cluster.watch("pods") as watched:
        cluster.apply(pod("web-0"), pod("web-1"))
        for name in NAMES[:2]:
            watched.wait(named(name, ready), 60, what=name)
        ips = [cluster.get("pod", name)["status"]["podIP"] for name in NAMES[:2]]
        cluster.apply(pod("web-2", ",".join([*ips, "127.0.0.1"])))
        watched.wait(named("web-2", ready), 60, what="web-2")

        known = json.loads(cluster.raw(cluster.proxy("web-2", 8081, "/admin/probes")))
        assert known["settings"] == "known"
        assert [(row["kind"], row["state"]) for row in known["probes"]] == [("readiness", "ready")]

        body = json.dumps({"spec": "crash", "keep_ready": 1, "jitter": "1s"})
        path = cluster.proxy("web-2", 8081, "/admin/fleet")
        answer = json.loads(cluster.kubectl("create", "--raw", path, "-f", "-", text=body).stdout)
        rows: list[dict[str, Any]] = answer["pods"]
        assert sorted(row["status"] for row in rows) == ["injected", "injected", "spared"], rows
        assert [row["pod"] for row in rows] == [*NAMES]
        for row in rows:
            if row["status"] == "injected":
                watched.wait(named(row["pod"], lambda one: restarts(one) == 1 and ready(one)), 90, what=row["pod"])
        (spared,) = [row["pod"] for row in rows if row["status"] == "spared"]
        assert restarts(cluster.get("pod", spared)) == 0

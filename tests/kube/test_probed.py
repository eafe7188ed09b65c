"""What a fault's file says that probes make of it, a real kubelet says: a sample of ten, by the events of its pods.

Each pod has a readiness probe of one kind; grpc is left out, as the image has it in a variant alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from crashy.faults.base import FAULTS, parse_spec
from crashy.kubelet.events import probe_event
from crashy.kubelet.outcome import Outcome, Result
from crashy.kubelet.versions import Profile, of_cluster
from crashy.objects.pod import ProbeType
from tests.kube.cluster import Cluster, Object, named, ready

PROBES: dict[str, Object] = {
    "http": {"httpGet": {"path": "/readyz", "port": 8080}},
    "tcp": {"tcpSocket": {"port": 8080}},
    "exec": {"exec": {"command": ["cat", "/app/is_ready"]}},
}
# A kubelet tells of an object 25 times at once and then rarely (its events' spam filter): each pod has half of them.
SAMPLE = (
    ("unready", "freeze", "crash mode=errors", "freeze mode=deaf", "error clients=kubelet"),
    (
        "abort clients=kubelet",
        "rate-limit requests=1 per=24h clients=kubelet",
        "redirect mode=loop clients=kubelet",
        "truncate clients=kubelet",
        "stall-body clients=kubelet",
    ),
)
ROWS = {spec: FAULTS[parse_spec(spec).name].probed[spec] for specs in SAMPLE for spec in specs}
WITHIN = 15.0


def pod(kind: str) -> Object:
    probe = {**PROBES[kind], "periodSeconds": 1, "failureThreshold": 100}
    container = {"name": "app", "image": "crashy-app:1.0.0", "readinessProbe": probe}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": kind}, "spec": {"containers": [container]}}


def said(text: str, profile: Profile) -> str:
    """Return the event's text of a row's, in the words of the cluster's version."""
    if errored := re.fullmatch(r"errored and resulted in (\w+) state: (.*)", text):
        event = probe_event(ProbeType.READINESS, Outcome(Result(errored[1]), error=errored[2]), profile)
        assert event
        return event.text
    return f"Readiness probe {text}" if text.startswith("warning: ") else f"Readiness probe failed: {text}"


def message(event: Object, ip: str) -> str:
    text: str = event["message"]
    return text.replace(ip, "POD").rstrip("\n")


def tells(kind: str, ip: str, text: str) -> Callable[[Object], bool]:
    """Return whether an event tells this of a pod."""
    return lambda event: event["involvedObject"]["name"] == kind and message(event, ip) == text


@pytest.mark.timeout(240)
@pytest.mark.parametrize("specs", SAMPLE, ids=["process", "responses"])
def test_a_kubelet_says_what_is_predicted(cluster: Cluster, specs: tuple[str, ...]) -> None:
    profile = of_cluster(f"1.{cluster.minor}")
    with cluster.watch("pods") as pods, cluster.watch("events") as events:
        cluster.apply(*map(pod, PROBES))
        ips = {kind: pods.wait(named(kind, ready), 60, what=kind)["status"]["podIP"] for kind in PROBES}
        before: set[tuple[str, str]] = set()
        for spec in specs:
            probed, begun = ROWS[spec], len(events)
            wanted = {(kind, said(text, profile)) for kind in PROBES if (text := getattr(probed, kind))}
            for kind in PROBES:
                cluster.inject(kind, spec)
            for kind, text in wanted:
                events.wait(tells(kind, ips[kind], text), WITHIN, after=begun, what=f"{spec}: {text}")
            for kind in PROBES:
                cluster.kubectl("exec", kind, "--", "crashy", "recover")
            told = {
                (kind, message(one, ips[kind]))
                for one in events.told()[begun:]
                if one["reason"] in {"Unhealthy", "ProbeWarning"} and (kind := one["involvedObject"]["name"]) in ips
            }
            assert told - before == wanted - before, spec  # what was said before may come late
            before = wanted

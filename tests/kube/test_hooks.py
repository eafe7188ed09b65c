"""Hooks on a real cluster: what is said of each, by its version, as in the lab and on sim.

A cluster of 1.20 was asked for its words; one without a profile of its own has those of the nearest lower one.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from crashy.kubelet.versions import of_cluster
from tests.engines.hook_events import HOOKS, plain, pods, wanted
from tests.kube.cluster import Cluster, Object, named, ready

LATE = 3.0  # seconds that an event may come after what it tells of


def waits(pod: Object) -> Iterator[str]:
    """Yield why a pod's containers wait after their postStart hook."""
    for one in pod["status"].get("containerStatuses", ()):
        reason = one["state"].get("waiting", {}).get("reason", "")
        if reason.startswith("PostStart"):
            yield reason


@pytest.mark.timeout(240)
def test_what_is_said_of_hooks(cluster: Cluster) -> None:
    with cluster.watch("pods") as watched, cluster.watch("events") as events:
        cluster.apply(*pods())
        for name in HOOKS:
            watched.wait(named(name, lambda one: ready(one) or any(waits(one))), 60, what=name)
        cluster.kubectl("delete", "pods", "--all", "--wait=true")
        time.sleep(LATE)
        told, seen = list(watched.told()), list(events.told())
    ips = {one["status"].get("podIP", "") for one in told}

    def found(name: str) -> list[str]:
        mine = [one for one in seen if one["involvedObject"]["name"] == name]
        said = [
            f"{one['reason']} {one['message']}"
            for one in mine
            if one["reason"].endswith("Hook") or one["message"] == "FailedPostStartHook"
        ]
        said += [reason for one in told if one["metadata"]["name"] == name for reason in waits(one)]
        return plain(said, ips)

    profile = of_cluster(f"1.{cluster.minor}")
    # Events of one moment are stored in any order.
    want = wanted(profile.version)
    assert {name: sorted(found(name)) for name in HOOKS} == {name: sorted(lines) for name, lines in want.items()}

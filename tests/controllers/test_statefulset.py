"""StatefulSets over modelled containers, in virtual time: what 01 to 04 of the recordings of 1.36.2 have."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from crashy.clock import run_virtual
from crashy.controllers.statefulset import StatefulSetController
from crashy.errors import BadInput
from tests.controllers.worlds import LABELS, SPEC, World, manifests, world


def stateful_set(version: str = "1", replicas: int = 3, **spec: Any) -> dict[str, Any]:
    template = {"metadata": {"labels": LABELS | {"version": version}}, "spec": spec.pop("pod", SPEC)}
    spec |= {"replicas": replicas, "selector": {"matchLabels": LABELS}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "web"}, "spec": spec}


def partition(number: int) -> dict[str, Any]:
    return {"updateStrategy": {"rollingUpdate": {"partition": number}}}


def versions(w: World) -> dict[str, str]:
    return {view.pod.name: view.pod.template.labels["version"] for view in w.cluster.pods()}


def told(w: World) -> list[str]:
    return [event.message for event in w.events("SuccessfulCreate", "SuccessfulDelete")]


def status(w: World) -> dict[str, Any]:
    (controller,) = w.cluster.controllers(StatefulSetController)
    return controller.status()


def test_pods_have_names_by_ordinal_and_come_one_after_the_other() -> None:
    async def main() -> None:
        async with world(stateful_set(ordinals={"start": 3}), seconds=10) as w:
            assert w.names() == ["web-3", "web-4", "web-5"]
            assert told(w) == [f"Create Pod web-{n} in StatefulSet web successful" for n in (3, 4, 5)]
            ready = [event.t for event in w.timeline.since() if event.kind == "pod" and event.data.get("ready")]
            created = [event.t for event in w.events("SuccessfulCreate")]
            assert all(any(t <= came <= t + 0.05 for t in ready) for came in created[1:])

    run_virtual(main())


def test_a_pod_knows_its_name_its_ordinal_and_its_revision() -> None:
    async def main() -> None:
        async with world(stateful_set(replicas=1)) as w:
            labels = w.cluster.pods()[0].pod.template.labels
            assert labels["statefulset.kubernetes.io/pod-name"] == "web-0"
            assert labels["apps.kubernetes.io/pod-index"] == "0"
            assert labels["controller-revision-hash"] == status(w)["currentRevision"]

    run_virtual(main())


def test_a_pod_that_was_deleted_comes_back_by_its_name_once_it_is_gone() -> None:
    async def main() -> None:
        async with world(stateful_set(), seconds=10) as w:
            (first, *_) = w.cluster.pods()
            w.cluster.delete(first.pod)
            assert w.names().count("web-0") == 1
            await asyncio.sleep(5)
            (again,) = (view.pod for view in w.cluster.pods() if view.pod.name == "web-0")
            assert again.uid != first.pod.uid

    run_virtual(main())


def test_an_update_stops_at_the_partition_and_below_it_pods_come_back_as_they_were() -> None:
    async def main() -> None:
        async with world(stateful_set(**partition(1)), seconds=10) as w:
            w.cluster.apply(manifests(stateful_set("2", **partition(1))))
            await asyncio.sleep(20)
            assert versions(w) == {"web-0": "1", "web-2": "2", "web-1": "2"}
            w.cluster.delete(next(view.pod for view in w.cluster.pods() if view.pod.name == "web-0"))
            await asyncio.sleep(10)
            assert versions(w)["web-0"] == "1"
            assert (status(w)["currentReplicas"], status(w)["updatedReplicas"]) == (1, 2)

            w.cluster.apply(manifests(stateful_set("2", **partition(0))))
            await asyncio.sleep(10)
            assert set(versions(w).values()) == {"2"}
            assert status(w)["currentRevision"] == status(w)["updateRevision"]

    run_virtual(main())


def test_a_broken_update_blocks_its_own_rollback_until_its_pod_is_deleted() -> None:
    """kubernetes#67250."""

    async def main() -> None:
        async with world(stateful_set(), seconds=10) as w:
            w.runtime.healthy = lambda pod: pod.template.labels["version"] == "1"
            w.cluster.apply(manifests(stateful_set("bad")))
            await asyncio.sleep(10)
            w.cluster.apply(manifests(stateful_set("1")))
            await asyncio.sleep(60)
            assert versions(w) == {"web-0": "1", "web-1": "1", "web-2": "bad"}
            assert status(w)["currentRevision"] == status(w)["updateRevision"]

            w.cluster.delete(next(view.pod for view in w.cluster.pods() if view.pod.name == "web-2"))
            await asyncio.sleep(10)
            assert set(versions(w).values()) == {"1"}

    run_virtual(main())


def test_managed_in_parallel_it_does_not() -> None:
    async def main() -> None:
        parallel = {"podManagementPolicy": "Parallel"}
        async with world(stateful_set(**parallel), seconds=10) as w:
            w.runtime.healthy = lambda pod: pod.template.labels["version"] == "1"
            w.cluster.apply(manifests(stateful_set("bad", **parallel)))
            await asyncio.sleep(10)
            w.cluster.apply(manifests(stateful_set("1", **parallel)))
            await asyncio.sleep(10)
            assert set(versions(w).values()) == {"1"}

    run_virtual(main())


@pytest.mark.parametrize(
    "changed",
    [
        {"serviceName": "other"},
        {"podManagementPolicy": "Parallel"},
        {"volumeClaimTemplates": [{"metadata": {"name": "data"}}]},
        {"selector": {"matchLabels": {"version": "1"}}},
    ],
)
def test_what_of_it_cannot_change(changed: dict[str, Any]) -> None:
    """kubernetes: pkg/apis/apps/validation/validation_test.go TestValidateStatefulSetUpdate."""

    async def main() -> None:
        async with world(stateful_set()) as w:
            with pytest.raises(BadInput) as refused:
                w.cluster.apply(manifests(stateful_set() | {"spec": stateful_set()["spec"] | changed}))
            assert refused.value.lines == (
                "test.yaml:1: StatefulSet/web: spec: Forbidden: updates to statefulset spec for fields other than "
                "'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', "
                "'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
            )

    run_virtual(main())


def test_each_pod_has_its_own_claim_of_each_template() -> None:
    async def main() -> None:
        container = SPEC["containers"][0] | {"volumeMounts": [{"name": "data", "mountPath": "/data"}]}
        made = stateful_set(
            replicas=2, pod=SPEC | {"containers": [container]}, volumeClaimTemplates=[{"metadata": {"name": "data"}}]
        )
        async with world(made, seconds=10) as w:
            assert [view.pod.template.volumes for view in w.cluster.pods()] == [
                ({"name": "data", "persistentVolumeClaim": {"claimName": f"data-web-{n}"}},) for n in (0, 1)
            ]

    run_virtual(main())

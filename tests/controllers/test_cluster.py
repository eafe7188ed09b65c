"""Deployments, pods and Services over modelled containers, in virtual time."""

from __future__ import annotations

import asyncio
import sys
from copy import deepcopy
from pathlib import Path
from types import FrameType
from typing import Any

import crashy
from crashy.clock import run_virtual
from crashy.objects.pod import parse_pod_template
from tests.controllers.worlds import LABELS, POD, SERVICE, SPEC, TWO, manifests, world


def test_a_deployment_tells_what_kubernetes_tells() -> None:
    async def main() -> None:
        async with world(TWO) as w:
            one, two = w.names()
            scaled, first, second = w.events("ScalingReplicaSet", "SuccessfulCreate")
            replica_set = one.rpartition("-")[0]

            assert scaled.object == "deployment/web"
            assert scaled.message == f"Scaled up replica set {replica_set} from 0 to 2"
            assert first.object == f"replicaset/{replica_set}"
            assert [first.message, second.message] == [f"Created pod: {one}", f"Created pod: {two}"]
            assert [event.message for event in w.events("Scheduled")] == [
                f"Successfully assigned default/{name} to crashy-lab" for name in (one, two)
            ]
            assert all(view.status.ready for view in w.cluster.pods())

    run_virtual(main())


def test_the_same_seed_gives_the_same_timeline() -> None:
    async def main() -> list[str]:
        async with world(TWO, SERVICE, seed=7) as w:
            return [event.to_json() for event in w.timeline.since()]

    assert run_virtual(main()) == run_virtual(main())


def test_a_deleted_pod_is_made_anew_at_once_and_gone_in_the_end() -> None:
    async def main() -> None:
        async with world(TWO) as w:
            before = w.names()
            w.cluster.delete(w.cluster.pods()[0].pod)
            during = w.names()
            await asyncio.sleep(10)
            after = w.names()

            assert during[:2] == before
            assert len(during) == 3
            assert after == during[1:]
            assert [event.object for event in w.events("Deleted")] == [f"pod/{before[0]}"]

    run_virtual(main())


def test_a_bare_pod_that_is_deleted_stays_away() -> None:
    async def main() -> None:
        async with world(POD) as w:
            (view,) = w.cluster.pods()
            w.cluster.delete(view.pod)
            await asyncio.sleep(10)
            w.cluster.delete(view.pod)  # once more: no error

            assert w.names() == []

    run_virtual(main())


def test_scaling_up_and_down() -> None:
    async def main() -> None:
        made = manifests(TWO)
        async with world(TWO) as w:
            old = w.names()
            w.cluster.scale(made.workloads[0], 4)
            await asyncio.sleep(5)
            w.runtime.healthy = lambda pod: pod.name != old[0]
            await asyncio.sleep(5)
            w.cluster.scale(made.workloads[0], 1)
            w.cluster.scale(made.workloads[0], 1)  # nothing to do
            await asyncio.sleep(10)

            assert w.names() == [old[1]]  # the unready one went first, then the young ones
            emitted = [event.message.split("from ")[1] for event in w.events("ScalingReplicaSet")]
            assert emitted == ["0 to 2", "2 to 4", "4 to 1"]
            assert len(w.events("SuccessfulDelete")) == 3

    run_virtual(main())


def test_a_service_sends_to_ready_pods_only() -> None:
    async def main() -> None:
        async with world(TWO, SERVICE) as w:
            ips = [view.pod.ip for view in w.cluster.pods()]
            assert w.network.published["web"] == {80: [(ip, 8080) for ip in ips]}

            sick = w.cluster.pods()[0].pod
            w.runtime.healthy = lambda pod: pod is not sick
            await asyncio.sleep(3)
            assert w.network.published["web"] == {80: [(ips[1], 8080)]}

            w.runtime.healthy = lambda _: True
            await asyncio.sleep(3)
            assert w.network.published["web"] == {80: [(ip, 8080) for ip in ips]}

    run_virtual(main())


def test_endpoints_are_reported_by_name() -> None:
    async def main() -> None:
        async with world(POD, SERVICE) as w:
            emitted = [event for event in w.timeline.since() if event.kind == "endpoints"]

            assert emitted[0].data == {"namespace": "default", "ready": [], "not_ready": [], "serving": []}
            assert emitted[-1].object == "service/web"
            assert emitted[-1].data["ready"] == emitted[-1].data["serving"] == ["bare"]

    run_virtual(main())


def test_a_service_selects_by_labels_within_its_namespace() -> None:
    async def main() -> None:
        other = {**POD, "metadata": {"name": "other", "labels": LABELS, "namespace": "elsewhere"}}
        plain = {**POD, "metadata": {"name": "plain", "labels": {"app": "db"}}}
        async with world(POD, other, plain, SERVICE) as w:
            assert w.network.published["web"] == {80: [(w.cluster.pods()[0].pod.ip, 8080)]}

    run_virtual(main())


def test_pods_that_are_not_ready_can_be_published() -> None:
    async def main() -> None:
        service = {**SERVICE, "spec": {**SERVICE["spec"], "publishNotReadyAddresses": True}}  # type: ignore[dict-item]
        async with world(POD, service, seconds=0) as w:
            w.runtime.healthy = lambda _: False
            await asyncio.sleep(5)

            assert w.network.published["web"] == {80: [(w.cluster.pods()[0].pod.ip, 8080)]}

    run_virtual(main())


def test_a_deployments_pods_carry_its_templates_hash() -> None:
    async def main() -> None:
        async with world(TWO) as w:
            labels = w.cluster.pods()[0].pod.template.labels

            assert labels == {**LABELS, "pod-template-hash": w.names()[0].split("-")[1]}
            assert parse_pod_template({"metadata": {"labels": LABELS}, "spec": SPEC}).labels == LABELS

    run_virtual(main())


def calls_of_a_change(own: int, others: int) -> int:
    """Count the controllers' calls, and their rules', as one of `own` pods turns unready and ready beside others."""
    many: dict[str, Any] = deepcopy(TWO)
    many["spec"]["replicas"] = own
    other, service = deepcopy(many), deepcopy(SERVICE)
    other["metadata"]["name"] = "other"
    other["spec"] |= {"replicas": others, "selector": {"matchLabels": {"app": "other"}}}
    other["spec"]["template"]["metadata"]["labels"] = {"app": "other"}
    service["metadata"] = {"name": "other"}  # type: ignore[assignment]
    service["spec"]["selector"] = {"app": "other"}  # type: ignore[index]
    code = Path(crashy.__file__).parent
    counted = {str(path) for path in [*(code / "controllers").glob("*.py"), code / "objects" / "service.py"]}
    calls = 0

    def count(frame: FrameType, event: str, _arg: object) -> None:
        nonlocal calls
        calls += event == "call" and frame.f_code.co_filename in counted

    async def main() -> None:
        async with world(many, other, SERVICE, service) as w:
            sick = next(view.pod for view in w.cluster.pods() if view.pod.template.labels["app"] == "web")
            before = len(w.timeline)
            sys.setprofile(count)
            w.runtime.healthy = lambda pod: pod is not sick
            await asyncio.sleep(3)
            w.runtime.healthy = lambda _: True
            await asyncio.sleep(3)
            sys.setprofile(None)
            changes = [event.object for event in w.timeline.since(before) if event.kind == "endpoints"]
            assert changes == ["service/web", "service/web"]

    run_virtual(main())
    return calls


def test_a_change_costs_the_same_however_many_pods_others_have() -> None:
    assert calls_of_a_change(own=3, others=1) == calls_of_a_change(own=3, others=90) > 0


def test_a_change_costs_about_the_same_however_many_pods_its_own_deployment_has() -> None:
    assert calls_of_a_change(own=90, others=1) < 1.5 * calls_of_a_change(own=5, others=1)  # by halves


def test_two_namespaces_may_have_the_same_deployment() -> None:
    async def main() -> None:
        there: dict[str, Any] = deepcopy(TWO)
        there["metadata"]["namespace"] = "elsewhere"
        async with world(TWO, there) as w:
            assert [view.pod.namespace for view in w.cluster.pods()] == ["default"] * 2 + ["elsewhere"] * 2
            assert not w.events("SuccessfulDelete")

    run_virtual(main())


def test_a_bare_pod_whose_labels_change_leaves_a_service_and_comes_back() -> None:
    async def main() -> None:
        async with world(POD, SERVICE) as w:
            ip = w.cluster.pods()[0].pod.ip
            for labels, places in (({"app": "db"}, []), (LABELS, [(ip, 8080)])):
                w.cluster.apply(manifests({**POD, "metadata": {"name": "bare", "labels": labels}}))
                assert w.network.published["web"] == {80: places}

    run_virtual(main())

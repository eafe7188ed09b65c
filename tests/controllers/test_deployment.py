"""What becomes of a Deployment when its manifest is applied again, in virtual time."""

from __future__ import annotations

import asyncio
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crashy.clock import run_virtual
from crashy.controllers.deployment import DeploymentController
from crashy.controllers.replicas import counts
from crashy.controllers.rollout import fenceposts, is_available
from crashy.errors import BadInput
from crashy.kubelet.runtime import Pod
from crashy.objects.pod import Container
from tests.controllers.worlds import POD, SERVICE, TWO, World, manifests, world
from tests.kubelet.scripted import Life

Object = dict[str, Any]


def web(image: str = "crashy-app:1", replicas: int | None = 2, **spec: object) -> Object:
    """Return the Deployment `web` with an image of its own, which its pods can be told apart by."""
    made: Object = deepcopy(TWO)
    made["spec"] |= spec
    made["spec"]["replicas"] = replicas
    if replicas is None:
        del made["spec"]["replicas"]
    made["spec"]["template"]["spec"]["containers"][0]["image"] = image
    return made


def rolling(surge: int | str, unavailable: int | str) -> Object:
    return {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}


def image(pod: Pod) -> str:
    return pod.template.containers[0].image.rpartition(":")[2]


def images(w: World) -> list[str]:
    """Return the images of the pods that count."""
    return sorted(image(view.pod) for view in w.cluster.pods() if counts(view.status))


def scalings(w: World, after: int = 0) -> list[str]:
    """Return how ReplicaSets were scaled, each by its place in the order of their creation."""
    sets = [one.name for one in w.cluster.controllers(DeploymentController)[0].sets]
    texts = []
    for event in w.timeline.since(after):
        if event.reason == "ScalingReplicaSet":
            name, change = event.message.split("replica set ")[1].split(" from ")
            texts.append(f"{event.message.split()[1]} {sets.index(name)} {change}")
    return texts


def progress(w: World) -> list[str]:
    return [event.reason for event in w.timeline.since() if event.kind == "condition"]


async def rolled(w: World, *objects: Object, seconds: float = 60) -> dict[Any, Any]:
    done = w.cluster.apply(manifests(*objects))
    await asyncio.sleep(seconds)
    return done


def test_another_template_goes_pod_by_pod() -> None:
    async def main() -> None:
        async with world(web()) as w:
            before = len(w.timeline)
            done = await rolled(w, web("crashy-app:2"))

            assert done == {("Deployment", "default", "web"): "configured"}
            assert images(w) == ["2", "2"]
            assert scalings(w, before) == ["up 1 0 to 1", "down 0 2 to 1", "up 1 1 to 2", "down 0 1 to 0"]
            old, new = w.cluster.controllers(DeploymentController)[0].sets
            hashes = {view.pod.template.labels["pod-template-hash"] for view in w.cluster.pods()}
            assert hashes == {new.name.rpartition("-")[2]} != {old.name.rpartition("-")[2]}

    run_virtual(main())


def test_its_progress_is_reported() -> None:
    async def main() -> None:
        async with world(web()) as w:
            assert progress(w) == ["NewReplicaSetCreated", "ReplicaSetUpdated", "NewReplicaSetAvailable"]
            await rolled(w, web("crashy-app:2"))
            assert progress(w)[3:] == ["NewReplicaSetCreated", "ReplicaSetUpdated", "NewReplicaSetAvailable"]
            event = [one for one in w.timeline.since() if one.kind == "condition"][-1]
            name = w.cluster.controllers(DeploymentController)[0].newest
            assert event.object == "deployment/web"
            assert event.message == f'ReplicaSet "{name}" has successfully progressed.'
            assert (event.data["condition"], event.data["status"]) == ("Progressing", "True")

    run_virtual(main())


def test_a_version_that_never_gets_ready_stalls_the_rollout_and_the_old_manifest_ends_it() -> None:
    async def main() -> None:
        async with world(web(replicas=4, progressDeadlineSeconds=30)) as w:
            w.runtime.healthy = lambda pod: image(pod) != "2"
            before = len(w.timeline)
            await rolled(w, web("crashy-app:2", replicas=4, progressDeadlineSeconds=30), seconds=20)
            assert "ProgressDeadlineExceeded" not in progress(w)
            await asyncio.sleep(60)

            assert images(w) == ["1", "1", "1", "2", "2"]
            assert scalings(w, before) == ["up 1 0 to 1", "down 0 4 to 3", "up 1 1 to 2"]
            (event,) = w.events("ProgressDeadlineExceeded")
            name = w.cluster.controllers(DeploymentController)[0].newest
            assert event.message == f'ReplicaSet "{name}" has timed out progressing.'
            assert event.data["status"] == "False"
            assert w.cluster.controllers(DeploymentController)[0].reason == "ProgressDeadlineExceeded"

            again = len(w.timeline)
            await rolled(w, web(replicas=4, progressDeadlineSeconds=30))
            assert images(w) == ["1"] * 4
            assert len(w.cluster.controllers(DeploymentController)[0].sets) == 2
            assert scalings(w, again) == ["down 1 2 to 0", "up 0 3 to 4"]  # those that never got ready first
            assert progress(w)[-1] == "NewReplicaSetAvailable"

    run_virtual(main())


def test_a_late_success_ends_the_stall() -> None:
    async def main() -> None:
        async with world(web()) as w:
            w.runtime.healthy = lambda pod: image(pod) != "2"
            await rolled(w, web("crashy-app:2", progressDeadlineSeconds=10), seconds=30)
            w.runtime.healthy = lambda _: True
            await asyncio.sleep(30)

            assert progress(w)[-3:] == ["ProgressDeadlineExceeded", "ReplicaSetUpdated", "NewReplicaSetAvailable"]
            assert images(w) == ["2", "2"]

    run_virtual(main())


def test_min_ready_seconds_hold_every_step() -> None:
    async def main() -> None:
        async with world(web(minReadySeconds=20), seconds=1) as w:
            await asyncio.sleep(10)
            counted = w.cluster.controllers(DeploymentController)[0].counted()
            assert (counted.ready, counted.available) == (2, 0)
            await asyncio.sleep(20)
            assert w.cluster.controllers(DeploymentController)[0].counted().available == 2

            start = w.timeline.now()
            await rolled(w, web("crashy-app:2", minReadySeconds=20), seconds=90)
            last = w.events("ScalingReplicaSet")[-1]
            assert images(w) == ["2", "2"]
            assert 40 < last.t - start < 46

    run_virtual(main())


def test_recreate_ends_the_old_before_it_makes_the_new() -> None:
    async def main() -> None:
        async with world(web(strategy={"type": "Recreate"})) as w:
            before = len(w.timeline)
            await rolled(w, web("crashy-app:2", strategy={"type": "Recreate"}))
            assert scalings(w, before) == ["down 0 2 to 0", "up 1 0 to 2"]
            order = [
                e.reason for e in w.timeline.since(before) if e.reason in {"Exited", "Started", "SuccessfulCreate"}
            ]
            assert order[:4] == ["Exited", "Exited", "SuccessfulCreate", "SuccessfulCreate"]
            assert images(w) == ["2", "2"]

    run_virtual(main())


def test_another_number_only_scales() -> None:
    async def main() -> None:
        async with world(web()) as w:
            before = len(w.timeline)
            await rolled(w, web(replicas=3))
            await rolled(w, web(replicas=0))
            await rolled(w, web(replicas=1))
            assert scalings(w, before) == ["up 0 2 to 3", "down 0 3 to 0", "up 0 0 to 1"]

    run_virtual(main())


def test_scaling_in_the_midst_of_a_rollout_is_shared_out() -> None:
    """Kubernetes' documentation, 'Proportional scaling': 10 replicas, maxSurge 3, maxUnavailable 2, scaled to 15."""

    async def main() -> None:
        async with world(web(replicas=10, strategy=rolling(3, 2)), seconds=10) as w:
            w.runtime.healthy = lambda pod: image(pod) != "2"
            await rolled(w, web("crashy-app:2", replicas=10, strategy=rolling(3, 2)))
            assert images(w) == ["1"] * 8 + ["2"] * 5
            w.cluster.scale(w.cluster.workloads()[0], 15)
            assert images(w) == ["1"] * 11 + ["2"] * 7

    run_virtual(main())


def test_template_and_number_at_once() -> None:
    async def main() -> None:
        async with world(web()) as w:
            before = len(w.timeline)
            await rolled(w, web("crashy-app:2", replicas=3))
            assert scalings(w, before)[0] == "up 0 2 to 3"  # the old ones too, as in Kubernetes
            assert images(w) == ["2"] * 3

    run_virtual(main())


def test_the_same_again_changes_nothing() -> None:
    async def main() -> None:
        async with world(web(), POD, SERVICE) as w:
            before = len(w.timeline)
            written_out = web()
            written_out["spec"]["template"]["spec"]["restartPolicy"] = "Always"
            done = await rolled(w, written_out, POD, SERVICE)
            assert set(done.values()) == {"unchanged"}
            assert not [e for e in w.timeline.since(before) if e.kind != "probe"]

    run_virtual(main())


@pytest.mark.parametrize(("first", "second", "left"), [(None, None, 5), (2, 2, 2), (None, 3, 3), (2, None, 1)])
def test_a_number_that_is_not_written_is_left_alone(first: int | None, second: int | None, left: int) -> None:
    async def main() -> None:
        async with world(web(replicas=first)) as w:
            w.cluster.scale(w.cluster.workloads()[0], 5)
            await rolled(w, web("crashy-app:2", replicas=second))
            assert images(w) == ["2"] * left

    run_virtual(main())


def test_what_is_not_named_stays() -> None:
    async def main() -> None:
        async with world(web(), POD) as w:
            names = w.names()
            await rolled(w, {**POD, "metadata": {"name": "other"}})
            assert w.names() == [*names, "other"]

    run_virtual(main())


def test_a_bare_pod_that_has_gone_is_made_again() -> None:
    async def main() -> None:
        async with world(POD) as w:
            w.cluster.delete(w.cluster.pods()[0].pod)
            await asyncio.sleep(10)
            assert await rolled(w, POD) == {("Pod", "default", "bare"): "created"}
            assert w.names() == ["bare"]

    run_virtual(main())


def test_a_bare_pods_labels_may_change() -> None:
    async def main() -> None:
        async with world(POD, SERVICE) as w:
            ip = w.cluster.pods()[0].pod.ip
            await rolled(w, {**POD, "metadata": {"name": "bare", "labels": {"app": "else"}}})
            assert w.network.published["web"] == {80: []}
            await rolled(w, POD)
            assert w.network.published["web"] == {80: [(ip, 8080)]}

    run_virtual(main())


def test_a_bare_pods_image_may_change_and_restarts_its_container() -> None:
    async def main() -> None:
        pod = deepcopy(POD)
        pod["spec"]["containers"][0]["image"] = "crashy-app:2"
        async with world(POD) as w:
            (before,) = w.cluster.pods()
            assert await rolled(w, pod) == {("Pod", "default", "bare"): "configured"}
            (after,) = w.cluster.pods()
            assert (after.pod.uid, after.pod.ip) == (before.pod.uid, before.pod.ip)
            assert after.status.containers[0].restart_count == 1
            assert [e.message for e in w.events("Killing")] == ["Container web definition changed, will be restarted"]
            assert 'image "crashy-app:2"' in w.events("Pulled")[-1].message
            assert await rolled(w, pod) == {("Pod", "default", "bare"): "unchanged"}
            assert after.status.containers[0].restart_count == 1

    run_virtual(main())


def test_what_can_not_change_is_refused_and_nothing_is_half_done() -> None:
    async def main() -> None:
        pod = deepcopy(POD)
        pod["spec"]["containers"][0]["ports"][0]["containerPort"] = 81
        selected = web("crashy-app:2")
        selected["spec"]["selector"] = {"matchExpressions": [{"key": "app", "operator": "Exists"}]}
        async with world(web(), POD) as w:
            before = w.names()
            with pytest.raises(BadInput) as refused:
                w.cluster.apply(manifests(selected, pod, {**POD, "metadata": {"name": "other"}}))
            assert refused.value.lines == (
                'test.yaml:1: Deployment/web: spec.selector: Invalid value: {"matchExpressions": [{"key": "app", '
                '"operator": "Exists"}]}: field is immutable',
                "test.yaml:1: Pod/bare: spec: Forbidden: pod updates may not change fields other than "
                "`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,"
                "`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` "
                "(allow it to be set to 1 if it was previously negative); delete the pod first",
            )
            await asyncio.sleep(10)
            assert w.names() == before
            with pytest.raises(BadInput, match="a lab runs at most 100 pods; with the existing ones"):
                w.cluster.scale(w.cluster.workloads()[0], 100)

    run_virtual(main())


def test_a_service_changes_its_ports_and_whom_it_publishes() -> None:
    async def main() -> None:
        async with world(POD, SERVICE) as w:
            w.runtime.healthy = lambda _: False
            await asyncio.sleep(5)
            spec = {**SERVICE["spec"], "ports": [{"port": 81, "targetPort": 8080}]}  # type: ignore[dict-item]
            await rolled(w, {**POD}, {**SERVICE, "spec": {**spec, "publishNotReadyAddresses": True}})
            assert w.network.published["web"] == {81: [(w.cluster.pods()[0].pod.ip, 8080)]}
            assert w.cluster.services()[0].ready == w.network.published["web"]

    run_virtual(main())


@settings(deadline=None, max_examples=50)
@given(
    replicas=st.integers(1, 6),
    surge=st.one_of(st.integers(0, 3), st.sampled_from(["0%", "25%", "100%"])),
    unavailable=st.one_of(st.integers(0, 3), st.sampled_from(["0%", "34%", "100%"])),
    min_ready=st.integers(0, 5),
    starts=st.lists(st.floats(0.01, 8), min_size=1, max_size=4),
    versions=st.integers(1, 3),
    pause=st.floats(0, 20),
)
def test_a_rollout_keeps_to_its_bounds(
    replicas: int,
    surge: int | str,
    unavailable: int | str,
    min_ready: int,
    starts: list[float],
    versions: int,
    pause: float,
) -> None:
    """However slowly pods start, and however soon the next version follows."""
    if str(surge).strip("%") == str(unavailable).strip("%") == "0":
        unavailable = 1
    fence = fenceposts(replicas, surge, unavailable)

    def life(pod: Pod, _container: Container, _attempt: int) -> Life:
        return Life(start_seconds=starts[int(pod.uid[:4], 16) % len(starts)], term_seconds=1)

    async def main() -> None:
        settings = {"replicas": replicas, "strategy": rolling(surge, unavailable), "minReadySeconds": min_ready}
        async with world(web("crashy-app:0", **settings), seconds=60, script=life) as w:

            def look(_event: object) -> None:
                views = [view for view in w.cluster.pods() if counts(view.status)]
                now = asyncio.get_running_loop().time()
                ready = [view.status for view in views]
                available = sum(
                    is_available(ready=s.ready, ready_since=s.ready_since, now=now, min_ready_seconds=min_ready)
                    for s in ready
                )
                assert len(views) <= replicas + fence.max_surge
                assert available >= replicas - fence.max_unavailable

            w.timeline.subscribe(look)
            for version in range(1, versions + 1):
                w.cluster.apply(manifests(web(f"crashy-app:{version}", **settings)))
                await asyncio.sleep(pause)
            await asyncio.sleep(30 * replicas)
            assert images(w) == [str(versions)] * replicas

    run_virtual(main())


# --- paused


def test_a_paused_one_is_not_rolled_out_until_it_is_resumed() -> None:
    async def main() -> None:
        async with world(web()) as w:
            await rolled(w, web("crashy-app:2", paused=True))
            assert images(w) == ["1", "1"]
            assert progress(w)[-1] == "DeploymentPaused"

            await rolled(w, web("crashy-app:2"))
            assert images(w) == ["2", "2"]
            paused = progress(w).index("DeploymentPaused")
            assert progress(w)[paused + 1 :] == [
                "DeploymentResumed",
                "NewReplicaSetCreated",
                "ReplicaSetUpdated",
                "NewReplicaSetAvailable",
            ]

    run_virtual(main())


def test_the_condition_of_a_paused_one_is_unknown_and_no_deadline_counts() -> None:
    async def main() -> None:
        async with world(web()) as w:
            await rolled(w, web("crashy-app:2", paused=True, progressDeadlineSeconds=5), seconds=100)
            conditions = [event for event in w.timeline.since() if event.kind == "condition"]
            assert (conditions[-1].data["status"], conditions[-1].message) == ("Unknown", "Deployment is paused")

    run_virtual(main())


def test_a_paused_one_is_scaled_also_from_nothing() -> None:
    async def main() -> None:
        async with world(web()) as w:
            for replicas in (3, 0, 1):
                await rolled(w, web("crashy-app:2", replicas=replicas, paused=True))
                assert images(w) == ["1"] * replicas
            assert scalings(w) == ["up 0 0 to 2", "up 0 2 to 3", "down 0 3 to 0", "up 0 0 to 1"]

    run_virtual(main())


def test_one_that_begins_paused_has_no_pods() -> None:
    async def main() -> None:
        async with world(web(paused=True)) as w:
            await asyncio.sleep(10)
            assert images(w) == []
            assert progress(w) == ["DeploymentPaused"]

    run_virtual(main())

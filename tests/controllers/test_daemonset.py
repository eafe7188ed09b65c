"""DaemonSets over modelled containers, in virtual time: 07a and 07b of the recordings of 1.36.2."""

from __future__ import annotations

import asyncio
from typing import Any

from crashy.clock import run_virtual
from crashy.controllers.daemonset import DaemonSetController
from tests.controllers.worlds import LABELS, SPEC, World, manifests, world


def daemon_set(strategy: dict[str, Any] | None = None, version: str = "1", **spec: Any) -> dict[str, Any]:
    template = {"metadata": {"labels": LABELS | {"version": version}}, "spec": SPEC}
    spec |= {"selector": {"matchLabels": LABELS}, "template": template}
    spec |= {"updateStrategy": strategy} if strategy else {}
    return {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "web"}, "spec": spec}


SURGE = {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}


def reported(w: World) -> list[str]:
    """Name the pods by the order of their creation: `web-abcde is ready` becomes `1 is ready`."""
    numbers: dict[str, int] = {}
    lines = []
    for event in w.timeline.since():
        if event.reason in {"SuccessfulCreate", "SuccessfulDelete"}:
            name = event.message.rpartition(" ")[2]
            lines.append(f"{event.reason} {numbers.setdefault(name, len(numbers) + 1)}")
        elif event.kind == "pod" and event.reason in {"Succeeded", "Deleted"}:
            lines.append(f"{event.reason} {numbers[event.object.removeprefix('pod/')]}")
    return lines


def status(w: World) -> dict[str, int]:
    (controller,) = w.cluster.controllers(DaemonSetController)
    return controller.status()


def test_an_update_makes_the_new_pod_as_soon_as_the_old_one_has_ended() -> None:
    async def main() -> None:
        async with world(daemon_set()) as w:
            assert status(w) == {
                "currentNumberScheduled": 1,
                "numberMisscheduled": 0,
                "desiredNumberScheduled": 1,
                "numberReady": 1,
                "updatedNumberScheduled": 1,
                "numberAvailable": 1,
            }
            w.cluster.apply(manifests(daemon_set(version="2")))
            assert "updatedNumberScheduled" not in status(w)
            await asyncio.sleep(5)
            w.cluster.delete(w.cluster.pods()[0].pod)
            await asyncio.sleep(5)

            assert reported(w) == [
                *("SuccessfulCreate 1", "SuccessfulDelete 1", "Succeeded 1", "SuccessfulCreate 2", "Deleted 1"),
                *("Succeeded 2", "SuccessfulCreate 3", "Deleted 2"),
            ]

    run_virtual(main())


def test_a_surge_deletes_the_old_pod_once_the_new_one_is_available() -> None:
    async def main() -> None:
        async with world(daemon_set(SURGE, minReadySeconds=3)) as w:
            w.cluster.apply(manifests(daemon_set(SURGE, version="2", minReadySeconds=3)))
            await asyncio.sleep(2)
            assert len(w.names()) == 2
            assert all(view.status.ready for view in w.cluster.pods())
            await asyncio.sleep(6)
            w.cluster.delete(w.cluster.pods()[0].pod)
            await asyncio.sleep(5)

            assert reported(w) == [
                *("SuccessfulCreate 1", "SuccessfulCreate 2", "SuccessfulDelete 1", "Succeeded 1", "Deleted 1"),
                *("SuccessfulCreate 3", "Succeeded 2", "Deleted 2"),
            ]

    run_virtual(main())


def test_on_delete_leaves_the_pod_alone() -> None:
    async def main() -> None:
        async with world(daemon_set({"type": "OnDelete"})) as w:
            w.cluster.apply(manifests(daemon_set({"type": "OnDelete"}, version="2")))
            await asyncio.sleep(5)
            assert reported(w) == ["SuccessfulCreate 1"]
            w.cluster.delete(w.cluster.pods()[0].pod)
            await asyncio.sleep(5)

            assert [view.pod.template.labels["version"] for view in w.cluster.pods()] == ["2"]

    run_virtual(main())

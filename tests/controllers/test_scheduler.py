"""A cordoned node takes no new pods: 09e of the recordings of 1.36.2."""

from __future__ import annotations

import asyncio
from copy import deepcopy

from crashy.clock import run_virtual
from tests.controllers.test_daemonset import daemon_set
from tests.controllers.worlds import SERVICE, TWO, world

UNSCHEDULABLE = (
    "0/1 nodes are available: 1 node(s) {}. no new claims to deallocate, preemption: 0/1 nodes are available: "
    "1 Preemption is not helpful for scheduling."
)


def test_new_pods_wait_for_the_node_and_are_bound_when_it_takes_them() -> None:
    async def main() -> None:
        async with world(TWO, SERVICE) as w:
            assert w.cluster.scheduler.cordon()
            assert not w.cluster.scheduler.cordon()
            w.cluster.delete(w.cluster.pods()[0].pod)
            await asyncio.sleep(5)
            waiting = w.cluster.pods()[-1]
            assert (waiting.status.phase, waiting.status.containers) == ("Pending", ())
            w.cluster.scheduler.uncordon()
            await asyncio.sleep(5)

            seen = [event for event in w.events("Scheduled", "FailedScheduling") if event.object == waiting.pod.object]
            assert [(event.reason, event.message) for event in seen] == [
                ("FailedScheduling", UNSCHEDULABLE.format("were unschedulable")),
                ("FailedScheduling", UNSCHEDULABLE.format("had untolerated taint(s)")),
                ("Scheduled", f"Successfully assigned default/{waiting.pod.name} to crashy-lab"),
            ]
            assert all(view.status.ready for view in w.cluster.pods())
            assert len(w.network.published["web"][80]) == 2

    run_virtual(main())


def test_one_that_waits_is_gone_at_once_when_it_is_deleted() -> None:
    async def main() -> None:
        async with world(TWO) as w:
            w.cluster.scheduler.cordon()
            w.cluster.delete(w.cluster.pods()[0].pod)
            await asyncio.sleep(5)
            (workload,) = w.cluster.workloads()
            w.cluster.scale(workload, 1)
            await asyncio.sleep(0.1)

            assert len(w.names()) == 1

    run_virtual(main())


def test_daemons_and_those_that_tolerate_it_do_not_mind() -> None:
    async def main() -> None:
        daemons = deepcopy(daemon_set())
        daemons["spec"]["selector"]["matchLabels"] = daemons["spec"]["template"]["metadata"]["labels"] = {"app": "d"}
        tolerant = deepcopy(TWO)
        tolerant["spec"]["template"]["spec"]["tolerations"] = [{"operator": "Exists"}]
        async with world(daemons, tolerant) as w:
            w.cluster.scheduler.cordon()
            for view in w.cluster.pods():
                w.cluster.delete(view.pod)
            await asyncio.sleep(6)

            assert len(w.names()) == 3
            assert w.events("FailedScheduling") == []

    run_virtual(main())

"""The node's conditions and its pods', when its kubelet is not heard of; 14b of the recordings of 1.36.2."""

from __future__ import annotations

import asyncio
from copy import deepcopy

import pytest

from crashy.clock import run_virtual
from crashy.controllers.node import STARTUP_SECONDS
from crashy.engines.sim.plans import Silent
from tests.controllers.worlds import POD, SERVICE, TWO, world


def test_the_node_is_unknown_and_then_ready_again_and_no_eviction_comes() -> None:
    async def main() -> None:
        async with world(TWO, SERVICE) as w:
            await w.cluster.node.stop("kubelet")
            await asyncio.sleep(60)
            assert not any(view.status.ready for view in w.cluster.pods())
            assert w.network.published["web"][80] == []
            await w.cluster.node.start()
            await asyncio.sleep(400)

            conditions = [
                (e.reason, e.data["status"], e.message)
                for e in w.timeline.since()
                if e.kind == "condition" and e.object == "node/crashy-lab"
            ]
            assert conditions == [
                ("NodeStatusUnknown", "Unknown", "Kubelet stopped posting node status."),
                ("KubeletReady", "True", "kubelet is posting ready status"),
            ]
            assert {e.message.partition(" Pod ")[0] for e in w.events("TaintManagerEviction")} == {
                "Cancelling deletion of"
            }
            assert all(view.status.ready and not view.status.deleting for view in w.cluster.pods())
            assert len(w.network.published["web"][80]) == 2

    run_virtual(main())


def test_what_is_made_and_deleted_meanwhile_waits_for_the_kubelet() -> None:
    async def main() -> None:
        async with world(TWO) as w:
            await w.cluster.node.stop("kubelet")
            w.cluster.delete(w.cluster.pods()[0].pod)
            await asyncio.sleep(20)
            made = w.cluster.pods()[-1]
            assert (len(w.names()), made.status.phase, made.status.containers) == (3, "Pending", ())
            began = asyncio.get_running_loop().time()
            await w.cluster.node.start()
            assert asyncio.get_running_loop().time() - began == pytest.approx(STARTUP_SECONDS)
            await asyncio.sleep(10)

            assert (len(w.names()), w.cluster.pods()[-1].status.ready) == (2, True)

    run_virtual(main())


def test_a_pod_that_has_ended_needs_no_kubelet_to_be_deleted() -> None:
    async def main() -> None:
        ended = deepcopy(POD)
        ended["spec"]["restartPolicy"] = "Never"
        async with world(ended, script=lambda *_: Silent(done=True)) as w:
            (view,) = w.cluster.pods()
            assert view.status.phase == "Succeeded"
            await w.cluster.node.stop("kubelet")
            w.cluster.delete(view.pod)
            await asyncio.sleep(0.1)
            assert w.names() == []
            await w.cluster.node.start()

    run_virtual(main())

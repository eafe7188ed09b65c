"""Every kind that a lab runs has a controller, but for Pods, which the cluster runs as they are."""

from __future__ import annotations

from crashy.controllers.workloads import CONTROLLERS
from crashy.objects.kinds import RUN


def test_every_kind_that_is_run_has_a_controller() -> None:
    assert {*CONTROLLERS, "Pod"} == {*RUN}

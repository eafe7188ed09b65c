"""A pod's sandbox ends with its node: kubelet: pkg/kubelet/kuberuntime/kuberuntime_manager.go."""

from __future__ import annotations

from crashy.kubelet.history import Histories, Instance
from crashy.kubelet.outcome import Results
from crashy.kubelet.pod import compute_pod_actions
from crashy.kubelet.sandbox import PodSandbox
from crashy.objects.pod import Container, PodTemplate, ProbeType

TEMPLATE = PodTemplate((Container("app"),), init_containers=(Container("first"),))
RAN = Histories(
    {
        "first": (Instance("a", 0, 1.0, 2.0, 0),),
        "app": (Instance("b", 0, 3.0, 20.0, 255, "Unknown"),),
    }
)


def test_a_new_one_begins_with_the_first_init_container_and_remembers_no_earlier_one() -> None:
    sandbox = PodSandbox()
    assert set(sandbox.records(TEMPLATE, RAN)) == {"first", "app"}

    sandbox.lose()
    results = {kind: Results() for kind in ProbeType}
    actions = compute_pod_actions(TEMPLATE, sandbox.records(TEMPLATE, RAN), results, sandbox=sandbox.now)
    assert (actions.kill_pod, actions.start_init, actions.start, actions.attempt) == (True, ("first",), (), 1)

    sandbox.renew(21.0, actions.attempt)
    again = RAN.started("first", Instance("c", 1, 22.0))
    assert sandbox.now.usable
    assert set(sandbox.records(TEMPLATE, RAN)) == {"app"}
    assert sandbox.records(TEMPLATE, again)["first"].id == "c"

"""What is counted of a ReplicaSet's pods is what counting them all would give."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from crashy.controllers.base import PodView
from crashy.controllers.replicas import Replicas, counts
from crashy.controllers.rollout import is_available
from crashy.kubelet.runtime import Pod
from crashy.objects.pod import PodTemplate, parse_pod_template
from crashy.objects.status import ContainerStatus, PodStatus

TEMPLATE: PodTemplate = parse_pod_template({"spec": {"containers": [{"name": "web", "image": "crashy-app"}]}})
TIMES = st.integers(0, 4).map(float)  # few, so that many are alike


@st.composite
def statuses(draw: st.DrawFn) -> PodStatus:
    container = ContainerStatus("web", restart_count=draw(st.integers(0, 2)))
    return PodStatus(
        draw(st.sampled_from(("Pending", "Running", "Succeeded", "Failed"))),
        (container,),
        ready=draw(st.booleans()),
        ready_since=draw(TIMES),
        deleting=draw(st.booleans()),
    )


CHANGES = st.lists(st.tuples(st.integers(0, 6), st.none() | statuses(), TIMES), max_size=40)


def worth(view: PodView) -> tuple[bool, bool, float, int, float]:
    status = view.status
    since = status.ready_since if status.ready else 0.0
    return status.phase == "Running", status.ready, -since, -status.containers[0].restart_count, -view.pod.created_at


@given(changes=CHANGES, now=TIMES, least=st.integers(0, 3), wanted=st.integers(0, 7))
def test_it_counts_and_ranks_as_a_look_at_all_of_them_does(
    changes: list[tuple[int, PodStatus | None, float]], now: float, least: int, wanted: int
) -> None:
    replicas, there = Replicas(), dict[str, PodView]()
    for number, status, created in changes:
        uid = f"uid-{number}"
        if status is None:
            if there.pop(uid, None):
                replicas.drop(uid)
            continue
        pod = there[uid].pod if uid in there else Pod(f"web-{number}", "default", uid, "", TEMPLATE, created)
        there[uid] = PodView(pod, status)
        replicas.put(there[uid])

    views = list(there.values())
    active = [view for view in views if counts(view.status)]
    ready = [view.status.ready_since for view in active if view.status.ready]
    available = [
        since for since in ready if is_available(ready=True, ready_since=since, now=now, min_ready_seconds=least)
    ]
    assert (len(replicas), replicas.active, replicas.ready) == (len(views), len(active), len(ready))
    assert replicas.unfinished == sum(view.status.phase not in {"Succeeded", "Failed"} for view in views)
    assert replicas.available(now, least) == len(available)
    later = [since + least for since in ready if since not in available]
    assert replicas.next_available(now, least) == min(later, default=None)
    assert replicas.surplus(wanted) == sorted(active, key=worth)[: max(0, len(active) - wanted)]


def test_of_pods_alike_the_one_that_was_created_first_goes_however_often_it_has_changed() -> None:
    replicas = Replicas()
    status = PodStatus("Running", (), ready=True)
    first, second = (PodView(Pod(name, "default", name, "", TEMPLATE), status) for name in ("b", "a"))
    for view in (first, second, replace(first, status=PodStatus("Pending", ())), first):
        replicas.put(view)

    assert replicas.surplus(1) == [first]

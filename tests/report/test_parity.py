"""Two timelines set against each other, written by hand."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crashy.report.parity import MEASURES, Row, comparable, compare
from crashy.timeline import Event
from tests.report.events import status


def kube(t: float, reason: str, obj: str = "pod/a", message: str = "", container: str = "web") -> Event:
    return Event(t, "kubelet", "event", obj, reason, message, {"container": container} if container else {})


def pod(t: float, name: str = "a", *, ready: bool, restarts: int = 0, reason: str = "Running") -> Event:
    return Event(t, "kubelet", "pod", f"pod/{name}", reason, data=status(ready=ready, restarts=restarts))


def edge(t: float, reason: str) -> Event:
    return Event(t, "experiment", "experiment", "experiment/x", reason)


def request(t: float, *, ok: bool = True) -> Event:
    data = {"sent": t, "latency": 0.01, "ok": ok, "status": 200 if ok else 500, "failure": "", "pod": "a"}
    return Event(t, "traffic", "request", "service/web", data=data)


def fault(t: float, name: str = "a") -> Event:
    return Event(t, "lab", "fault", f"pod/{name}", "Injected", "freeze")


HEALED = (
    edge(0, "Begun"),
    kube(0, "Scheduled", container=""),
    kube(0.1, "Started"),
    pod(1, ready=True),
    request(5),
    fault(6),
    request(6.5, ok=False),
    kube(7, "Unhealthy", message="Liveness probe failed: timeout"),
    kube(7.5, "Unhealthy", message="Readiness probe failed: timeout"),
    pod(7.5, ready=False),
    kube(8, "Unhealthy", message="Liveness probe failed: timeout"),
    kube(9, "Killing"),
    kube(9.1, "Started"),
    pod(9.1, ready=False, restarts=1),
    pod(10, ready=True, restarts=1),
    request(11),
    edge(20, "Ended"),
)


def later(events: Sequence[Event], seconds: float, *, since: float = 0.0) -> list[Event]:
    """The same, but what came `since` a time comes so much later."""
    return [e._replace(t=e.t + seconds) if since <= e.t < 20 and e.kind != "experiment" else e for e in events]


def differ(left: Sequence[Event], right: Sequence[Event], **tolerances: float) -> list[Row]:
    return [row for row in compare(comparable(left), comparable(right), **tolerances) if row.differs]


def which(rows: Sequence[Row]) -> list[tuple[str, str]]:
    return [(row.what, row.object) for row in rows]


def test_a_run_is_as_it_is() -> None:
    rows = compare(comparable(HEALED), comparable(HEALED))

    assert not [row for row in rows if row.differs]
    assert {row.what for row in rows} == set(MEASURES)
    lanes = {row.object: row.left for row in rows if row.what == "reasons"}
    assert lanes == {
        "pod/a": "Scheduled",
        "pod/a web": "Started, Unhealthy, Killing, Started",
        "pod/a status": "Ready, NotReady, Ready",
        "pod/a readiness": "Unhealthy",
    }


@given(st.floats(-0.24, 0.24))
def test_what_is_within_the_tolerance_is_no_difference(seconds: float) -> None:
    assert not differ(HEALED, later(HEALED, seconds, since=7))


@pytest.mark.parametrize("seconds", [0.3, -0.3])
def test_an_event_that_is_off_is_named_with_both_times(seconds: float) -> None:
    off = [e._replace(t=e.t + seconds) if e.reason == "Killing" else e for e in HEALED]

    (row,) = differ(HEALED, off)

    assert (row.what, row.object, row.left, row.right) == (
        "times",
        "pod/a web",
        "Killing 9.00s",
        f"Killing {9 + seconds:.2f}s",
    )
    assert row.apart == pytest.approx(seconds)
    assert not differ(HEALED, off, seconds=0.5)


def test_what_is_late_because_the_one_before_it_was_is_not_late_again() -> None:
    late = later(later(HEALED, 0.2, since=7), 0.2, since=9)

    assert not [row for row in differ(HEALED, late) if row.what == "times"]


def test_times_count_from_the_experiments_begin() -> None:
    def moved(event: Event) -> Event:
        sent = {"sent": event.data["sent"] + 3} if event.kind == "request" else {}
        return event._replace(t=event.t + 3, data={**event.data, **sent})

    assert not differ(HEALED, [moved(event) for event in HEALED])


def test_probes_of_their_own_rhythm_have_no_order_among_each_other() -> None:
    before = [e._replace(t=6.9) if e.message.startswith("Readiness") else e for e in HEALED]
    swapped = sorted(before, key=lambda event: event.t)

    assert not differ(HEALED, swapped, seconds=1)


def test_a_readiness_probe_that_fails_again_after_the_pod_was_ready_counts_anew() -> None:
    again = [*HEALED[:-1], kube(12, "Unhealthy", message="Readiness probe failed: timeout"), HEALED[-1]]

    (row,) = differ(HEALED, again)

    assert (row.object, row.left, row.right) == ("pod/a readiness", "Unhealthy", "Unhealthy, Unhealthy")


def test_another_order_of_reasons_is_a_difference_and_says_both() -> None:
    missing = [e for e in HEALED if e.reason != "Killing"]

    (row,) = differ(HEALED, missing)

    assert (row.what, row.object) == ("reasons", "pod/a web")
    assert (row.left, row.right) == ("Started, Unhealthy, Killing, Started", "Started, Unhealthy, Started")


def test_the_platform_that_does_nothing_is_reported_in_every_way() -> None:
    blind = [e for e in HEALED if e.t < 7 or e.kind == "experiment"] + [request(11)]

    rows = differ(HEALED, [*blind[:-2], blind[-1], blind[-2]])

    assert which(rows) == [
        ("reasons", "pod/a web"),
        ("reasons", "pod/a status"),
        ("reasons", "pod/a readiness"),
        ("restarts", "pod/a"),
        ("detect", "fault 1"),
        ("drain", "fault 1"),
        ("recover", "fault 1"),
    ]
    assert [row.right for row in rows[-3:]] == ["never", "5.00s", "never"]
    assert rows[3].apart == -1


def test_users_who_fare_otherwise_are_a_difference() -> None:
    spared = [e._replace(data={**e.data, "ok": True, "status": 200}) if e.kind == "request" else e for e in HEALED]

    assert which(differ(HEALED, spared)) == [("outage", ""), ("availability", "")]
    assert which(differ(HEALED, spared, share=0.5)) == [("outage", "")]


def test_what_the_other_run_was_too_short_for_is_left_out() -> None:
    *rest, end = HEALED
    longer = [*rest, kube(19.9, "BackOff"), end]

    assert not differ(HEALED, longer)
    assert not differ(longer, HEALED)


def test_what_comes_after_the_end_is_not_of_the_experiment() -> None:
    assert not differ(HEALED, [*HEALED, kube(20.1, "Killing")])


def deployment(name: str, first: str, second: str, hit: str) -> list[Event]:
    replicas = f"replicaset/{name}"
    return [
        edge(0, "Begun"),
        kube(0, "ScalingReplicaSet", "deployment/web", f"Scaled up replica set {name} to 2", ""),
        kube(0, "SuccessfulCreate", replicas, f"Created pod: {first}", ""),
        kube(0, "SuccessfulCreate", replicas, f"Created pod: {second}", ""),
        kube(0.1, "Started", f"pod/{first}"),
        kube(0.1, "Started", f"pod/{second}"),
        pod(1, first, ready=True),
        pod(1, second, ready=True),
        fault(6, hit),
        kube(9, "Killing", f"pod/{hit}"),
        pod(9, hit, ready=False, restarts=1),
        edge(20, "Ended"),
    ]


def test_pods_of_a_deployment_go_by_their_role_whatever_their_names() -> None:
    left = deployment("web-1", "web-1-aa", "web-1-bb", "web-1-aa")
    right = deployment("web-7", "web-7-xx", "web-7-yy", "web-7-yy")

    rows = compare(comparable(left), comparable(right))

    assert not [row for row in rows if row.differs]
    assert {row.object for row in rows if row.what == "restarts"} == {"pod/web.1.1", "pod/web.1.2"}


def test_the_pods_of_a_new_version_are_reported_from_the_old_ones() -> None:
    events = deployment("web-1", "web-1-aa", "web-1-bb", "web-1-aa")
    update = [
        kube(12, "ScalingReplicaSet", "deployment/web", "Scaled up replica set web-2 from 0 to 1", ""),
        kube(12, "SuccessfulCreate", "replicaset/web-2", "Created pod: web-2-cc", ""),
        pod(13, "web-2-cc", ready=True),
        pod(14, "web-1-bb", ready=False, reason="Deleted"),
    ]
    summary = comparable([*events[:-1], *update, events[-1]])

    assert [m.reason for m in summary.lanes["pod/web.2.1 status"]] == ["Ready"]
    assert [m.reason for m in summary.lanes["pod/web.1.2 status"]] == ["Ready", "NotReady", "Deleted"]


def cron_job(name: str, pod_name: str) -> list[Event]:
    return [
        edge(0, "Begun"),
        kube(10, "SuccessfulCreate", "cronjob/tick", f"Created job {name}", ""),
        kube(10, "SuccessfulCreate", f"job/{name}", f"Created pod: {pod_name}", ""),
        kube(10.1, "Started", f"pod/{pod_name}"),
        kube(12, "Completed", f"job/{name}", "Job completed", ""),
        edge(20, "Ended"),
    ]


def test_jobs_of_a_cron_job_go_by_their_number_whatever_their_names() -> None:
    left, right = comparable(cron_job("tick-100", "tick-100-aa")), comparable(cron_job("tick-7", "tick-7-bb"))

    assert set(left.lanes) == {"cronjob/tick", "job/tick.1", "pod/tick.1.1 web"}
    assert not [row for row in compare(left, right) if row.differs]

"""Summaries of timelines written by hand."""

from __future__ import annotations

import pytest

from crashy.report.results import FaultResult, summarize
from crashy.report.terminal import columns, summary
from crashy.timeline import Event
from tests.report.events import status


def pod(t: float, *, ready: bool, restarts: int = 0, name: str = "web-1") -> Event:
    return Event(t, "kubelet", "pod", f"pod/{name}", data=status(ready=ready, restarts=restarts))


def kube(t: float, reason: str, message: str, name: str = "web-1") -> Event:
    return Event(t, "kubelet", "event", f"pod/{name}", reason, message)


def endpoints(t: float, *pods: str, service: str = "web") -> Event:
    return Event(t, "endpoints", "endpoints", f"service/{service}", data={"ready": list(pods)})


def many_endpoints(t: float, joined: str = "", left: str = "") -> Event:
    """Tell as an event does where there are too many to be named."""
    counts = {"ready": 150, "not_ready": 0, "serving": 150}
    data = {"joined": joined.split(), "left": left.split(), "counts": counts}
    return Event(t, "endpoints", "endpoints", "service/web", data=data)


def request(t: float, *, ok: bool = True, pod: str = "") -> Event:
    data = {"sent": t, "latency": 0.01, "ok": ok, "status": 200 if ok else 500, "failure": "", "pod": pod}
    return Event(t, "traffic", "request", "service/web", data=data)


def fault(t: float, spec: str, name: str = "web-1") -> Event:
    return Event(t, "lab", "fault", f"pod/{name}", "Injected", spec)


def faults(events: list[Event]) -> tuple[FaultResult, ...]:
    return summarize(events).faults


FREEZE = [
    pod(1, ready=True),
    endpoints(1, "web-1", "web-2"),
    request(9),
    fault(10, "freeze"),
    request(10.5, ok=False),
    kube(11, "Unhealthy", "Readiness probe failed: timeout"),
    pod(11.1, ready=False),
    endpoints(11.2, "web-2"),
    request(12),
    kube(13, "Killing", "Container web failed liveness probe, will be restarted"),
    pod(14, ready=False, restarts=1),
    pod(14.5, ready=True, restarts=1),
    endpoints(14.6, "web-1", "web-2"),
    request(15, ok=False),
]


def test_a_fault_is_followed_from_its_injection_to_the_pod_ready_again() -> None:
    (seen,) = faults(FREEZE)

    assert (seen.pod, seen.fault, seen.at) == ("web-1", "freeze", 10)
    assert (seen.detected, seen.detected_by) == (1, "Unhealthy: Readiness probe failed: timeout")
    assert seen.left == pytest.approx(1.2)
    assert seen.drained == 0.5
    assert seen.recovered == 4.5
    assert seen.restarts == 1
    assert (seen.errors, seen.requests) == (1, 2)


def test_a_pod_does_not_leave_a_service_that_is_not_its_own() -> None:
    events = [
        endpoints(1, "db-1", service="db"),
        endpoints(1, "web-1", "web-2"),
        fault(10, "latency delay=2s", "db-1"),
        endpoints(14, "web-2"),
    ]

    assert faults(events)[0].left is None


def test_a_restart_that_was_never_published_as_unready_counts_as_recovered() -> None:
    events = [pod(1, ready=True), fault(5, "crash"), kube(6, "Killing", "so"), pod(6.5, ready=True, restarts=1)]

    assert faults(events)[0].recovered == 1.5


def test_what_nobody_noticed_never_came() -> None:
    (seen,) = faults([pod(1, ready=True), fault(5, "crash mode=errors"), request(6, ok=False)])

    assert (seen.detected, seen.left, seen.recovered, seen.restarts) == (None, None, None, 0)
    assert seen.errors == 1


def test_a_second_fault_on_the_same_pod_has_its_own_row() -> None:
    first, second = faults(
        [*FREEZE, fault(20, "crash"), pod(21, ready=False, restarts=1), pod(22, ready=True, restarts=2)]
    )

    assert first.recovered == 4.5
    assert (second.detected, second.recovered, second.restarts) == (1, 2, 1)
    assert second.detected_by == "NotReady"


def test_of_a_fault_that_nobody_noticed_and_that_has_ended_errors_count_until_the_next_one() -> None:
    ended = Event(12, "lab", "fault", "pod/web-1", "Ended", "latency for=2s")
    later = [fault(13, "error", name="web-2"), request(14, ok=False)]

    first, _ = faults([fault(10, "latency for=2s"), request(11, ok=False), ended, request(12.5, ok=False), *later])

    assert (first.errors, first.requests) == (2, 2)


def refused(t: float, spec: str, why: str, name: str = "web-1") -> Event:
    return Event(t, "lab", "fault", f"pod/{name}", "NotInjected", f"{spec}: {why}")


def test_a_fault_that_was_not_injected_has_no_row() -> None:
    tried = [fault(10, "memory to=90%"), refused(10.1, "memory to=90%", "to: '90%': the container has no memory limit")]
    troubles = [pod(10.2, ready=False), pod(10.3, ready=True)]

    assert faults([pod(1, ready=True), *tried, *troubles]) == ()
    assert faults([*FREEZE[:6], *(one._replace(t=11.05) for one in tried), *FREEZE[6:]]) == faults(FREEZE)


def test_only_what_was_refused_is_taken_back() -> None:
    events = [fault(1, "crash"), fault(2, "error"), fault(2, "error", "web-2"), fault(3, "error code=500")]

    seen = faults([*events, refused(4, "error", "no such pod")])

    assert [(one.pod, one.fault) for one in seen] == [
        ("web-1", "crash"),
        ("web-2", "error"),
        ("web-1", "error code=500"),
    ]


def test_another_pods_troubles_are_not_this_ones() -> None:
    (seen,) = faults([fault(1, "unready", "web-2"), pod(2, ready=False), kube(3, "Unhealthy", "no")])

    assert (seen.detected, seen.recovered) == (None, None)


def test_users_are_counted_over_the_whole_run() -> None:
    summary = summarize(FREEZE)

    assert (summary.requests, summary.errors, summary.availability, summary.last_error) == (4, 2, 0.5, 15)
    assert [(o.start, o.end, o.requests) for o in summary.outages] == [(10.5, 12, 1), (15, 15, 1)]
    assert (summary.restarts, summary.ready) == ({"web-1": 1}, {"web-1": True})


def test_drain_is_the_last_request_that_the_sick_pod_was_given() -> None:
    requested = [request(2, pod="web-1"), request(3, pod="web-2"), request(4, ok=False), request(5, pod="web-2")]

    assert faults([fault(1, "unready"), *requested])[0].drained == 3


@pytest.mark.parametrize(
    ("message", "seconds"),
    [
        ("back-off 10s restarting failed container=web pod=web-1_default(uid)", 10),
        ("back-off 2m40s restarting failed container=web pod=web-1_default(uid)", 160),
        ("back-off 5m0s restarting failed container=web pod=web-1_default(uid)", 300),
        ("", 0),
    ],
)
def test_the_longest_back_off_is_read_off_the_pods(message: str, seconds: int) -> None:
    waiting = Event(
        1, "kubelet", "pod", "pod/web-1", data=status(ready=False, restarts=1, containers=[{"message": message}])
    )

    assert summarize([waiting]).back_off == seconds


def test_what_a_pod_answers_after_it_has_left_is_counted() -> None:
    events = [
        endpoints(1, "web-1", "web-2"),
        endpoints(5, "web-2"),
        request(4.9, pod="web-1"),
        request(6, pod="web-1"),
        request(7, pod="web-2"),
        endpoints(9, "web-1", "web-2"),
        request(10, pod="web-1"),
    ]

    assert summarize(events).after_leaving == 1


def test_of_many_endpoints_who_joined_and_left_is_followed() -> None:
    events = [
        endpoints(1, "web-1"),
        many_endpoints(2, joined="web-2 web-3"),
        fault(3, "unready", "web-2"),
        many_endpoints(4, left="web-3"),
        many_endpoints(5, left="web-2"),
        request(6, pod="web-2"),
        request(7, pod="web-1"),
        many_endpoints(8, joined="web-2"),
        request(9, pod="web-2"),
        request(10, pod="web-3"),
        endpoints(11, "web-1", "web-2", "web-3"),
        request(12, pod="web-3"),
    ]
    summary = summarize(events)

    assert summary.faults[0].left == 2
    assert summary.after_leaving == 2


def test_an_empty_timeline_has_results_too() -> None:
    summary = summarize([])

    assert (summary.requests, summary.availability, summary.end) == (0, 1.0, 0.0)


def test_the_summary_is_a_table_the_first_signs_and_a_line_on_users() -> None:
    assert summary(FREEZE).splitlines() == [
        "AT     POD    FAULT   DETECTED  OUT OF SERVICE  RECOVERED  RESTARTS  USERS' ERRORS",
        "10.0s  web-1  freeze  1.0s      1.2s            4.5s       1         1 of 2",
        "",
        "Detected, out of service, recovered: seconds after the fault. The first sign of each:",
        "11.0s  Unhealthy: Readiness probe failed: timeout",
        "",
        "users: 4 requests, 2 errors, 50.00 % answered; the last error 15.0s in, none in the 0.0s since",
    ]


def test_a_fault_that_nobody_noticed_has_no_first_sign() -> None:
    table = "AT    POD    FAULT               DETECTED  OUT OF SERVICE  RECOVERED  RESTARTS  USERS' ERRORS"

    assert summary([fault(1, "latency delay=50ms")]).splitlines() == [
        table,
        "1.0s  web-1  latency delay=50ms  -         -               -          0         0 of 0",
    ]


def test_columns_align_as_kubectls_do() -> None:
    assert columns([("NAME", "READY"), ("web-1-abc", "1/1")]) == "NAME        READY\nweb-1-abc   1/1"


@pytest.mark.parametrize("end", [("Deleted", {}), ("Running", {"deleting": True})])
def test_a_pod_that_was_or_is_being_deleted_is_not_among_those_that_must_be_ready(
    end: tuple[str, dict[str, bool]],
) -> None:
    reason, data = end
    gone = Event(3, "kubelet", "pod", "pod/web-2", reason, data=status(ready=False, restarts=0, **data))

    assert summarize([pod(1, ready=True), gone]).ready == {"web-1": True}

"""Derived timelines and upstream's end-to-end tests, on the driver over modelled containers.

The timelines assume that nothing takes time but what they name, so they run without the relist's tick grid and with a
requeue at the very end of the window.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from signal import Signals
from typing import Any

import pytest

from crashy.engines.sim.runtime import Script
from crashy.kubelet.versions import NEWEST, Requeue
from crashy.objects.pod import ProbeType
from tests.kubelet.cases import Expect, Means, Where, case
from tests.kubelet.scripted import Answer, Hang, Life, Refuse, ScriptedPhase, Stopped
from tests.kubelet.simulation import Run, simulate

IDEAL = replace(NEWEST, relist_seconds=0.0, requeue=Requeue.EXACT)


def get(path: str, **fields: int) -> dict[str, Any]:
    return {"httpGet": {"path": path, "port": 8080}, **fields}


def run(command: str, **fields: int) -> dict[str, Any]:
    return {"exec": {"command": command.split()}, **fields}


def pod(grace: int = 30, **container: Any) -> dict[str, Any]:
    return {"terminationGracePeriodSeconds": grace, "containers": [{"name": "app", "image": "app", **container}]}


def always(life: Life) -> Script:
    return lambda _pod, _container, _attempt: life


def only_first(life: Life, then: Life) -> Script:
    return lambda _pod, _container, attempt: then if attempt else life


def ideal(spec: Mapping[str, Any], script: Script, seconds: float, **more: Any) -> Run:
    return simulate(spec, script, seconds, profile=IDEAL, **more)


def probed(run: Run, probe_type: str) -> list[float]:
    """Return when each probe began."""
    return [round(t - event.data["seconds"], 2) for t, event in run.of("probe", probe_type)]


@pytest.mark.case("timeline.liveness-500")
def test_liveness_500(expect: Expect) -> None:
    # workers start 4 s before the container, so their grid is at 1, 6, 11, ... from its start
    spec = pod(livenessProbe=get("/healthz", periodSeconds=5))
    sick = Life(start_seconds=4, listens_at=0, phases=(ScriptedPhase(Answer(500), 12),), term_seconds=0.5)
    seen = ideal(spec, only_first(sick, Life(start_seconds=0)), 32)

    assert probed(seen, "liveness") == [1, 6, 11, 16, 21, 26, 31]
    assert seen.times("event", "Unhealthy") == [16, 21, 26]
    assert seen.times("event", "Killing") == [26]
    assert seen.exited() == [26.5]
    assert seen.started() == [0, 26.5]
    assert seen.restarts == 1
    *probes, later = probed(seen, "liveness")
    expect(
        probe_times_s=probes,
        unhealthy_events_at_s=seen.times("event", "Unhealthy"),
        killing_event_at_s=seen.times("event", "Killing")[0],
        old_container_gone_at_s=seen.exited()[0],
        new_container_start_s=seen.started()[1],
        restart_count=seen.restarts,
        next_probe_s=later,
    )


@pytest.mark.case("timeline.liveness-hang-full-grace", "frozen.sigstop-grace")
def test_liveness_hang_takes_the_full_grace(expect: Expect) -> None:
    spec = pod(livenessProbe=get("/healthz", periodSeconds=5))
    frozen = Life(start_seconds=4, phases=(ScriptedPhase(Stopped(), 12),))
    seen = ideal(spec, only_first(frozen, Life(start_seconds=0)), 58)

    assert probed(seen, "liveness")[3:6] == [16, 21, 26]
    assert seen.times("event", "Killing") == [27]
    assert seen.exited() == [57]
    assert seen.exit_codes() == [137]
    assert seen.started() == [0, 57]
    (kill,), (end,), (code,) = seen.times("event", "Killing"), seen.exited(), seen.exit_codes()
    failing = probed(seen, "liveness")[3:6]
    expect(
        "timeline.liveness-hang-full-grace",
        failing_probe_starts_s=failing,
        stored_failure_at_s=failing[-1] + 1,
        sigterm_at_s=kill,
        sigkill_at_s=end,
        new_container_start_s=seen.started()[1],
        exit_code=code,
        downtime_s=seen.started()[1] - 12,
    )
    expect(
        "frozen.sigstop-grace",
        sigterm=Means("stays pending", end > kill),
        killed_after_s=end - kill,
        signal=Signals(code - 128).name,
        exit_code=code,
    )


@pytest.mark.case("timeline.startup-then-ready")
def test_startup_then_ready(expect: Expect) -> None:
    spec = pod(
        startupProbe=get("/", periodSeconds=1, failureThreshold=30),
        readinessProbe=get("/", periodSeconds=10),
        livenessProbe=get("/", periodSeconds=1),
    )
    seen = ideal(spec, always(Life(start_seconds=0.8, listens_at=12.3)), 20)

    assert probed(seen, "startup")[-1] == 13.2
    assert probed(seen, "readiness")[0] == 13.2
    assert seen.ready_changes() == [(13.2, True)]
    assert probed(seen, "liveness")[0] == 14.2
    ((ready, _),) = seen.ready_changes()
    started = probed(seen, "startup")[-1]
    expect(
        startup_success_at_s=started,
        readiness_probe_at_s=Means("13.2 + sync latency (manual trigger)", probed(seen, "readiness")[0] == started),
        ready_at_s=Means("13.2 + sync latency", ready == started),
        **{"liveness_probes_before_s_13.2": sum(t < started for t in probed(seen, "liveness"))},
    )


@pytest.mark.case("timeline.startup-never")
def test_startup_never(expect: Expect) -> None:
    spec = pod(startupProbe=get("/", periodSeconds=2, failureThreshold=5), livenessProbe=get("/", periodSeconds=1))
    seen = ideal(spec, always(Life(start_seconds=1.999, phases=(ScriptedPhase(Refuse()),))), 8.1)

    assert probed(seen, "startup") == [0, 2, 4, 6, 8]
    assert seen.messages("Killing") == ["Container app failed startup probe, will be restarted"]
    assert seen.times("event", "Killing") == [8.001]
    assert probed(seen, "liveness") == []
    expect(
        probe_times_s=probed(seen, "startup"),
        killing_event=seen.messages("Killing")[0],
        killing_at_s=round(seen.times("event", "Killing")[0], 2),
        other_probes_executed=len(probed(seen, "liveness")),
    )


@pytest.mark.case("timeline.readiness-extra-probe")
def test_a_readiness_failure_is_followed_by_an_extra_probe_and_the_ticks_go_on_from_there() -> None:
    spec = pod(readinessProbe=get("/", periodSeconds=5, failureThreshold=1))
    sick = Life(start_seconds=0, listens_at=0, phases=(ScriptedPhase(Answer(500, latency=0.05), 9.999, 10.02),))
    seen = ideal(spec, always(sick), 16)

    assert seen.ready_changes() == [(0, True), (10.05, False), (10.05, True)]
    assert probed(seen, "readiness") == [0, 5, 10, 10.05, 15.05]


@pytest.mark.case("timeline.crash-loop-5s")
def test_a_crash_loop(expect: Expect) -> None:
    seen = ideal(pod(), always(Life(start_seconds=0, exits_at=5, exit_code=1)), 700)

    assert seen.started() == [0, 5, 20, 45, 90, 175, 340, 645]
    assert seen.exited() == [5, 10, 25, 50, 95, 180, 345, 650]
    for moment, restarts in {4: 0, 6: 1, 21: 2, 46: 3, 91: 4, 176: 5, 341: 6, 646: 7}.items():
        known = [status for t, status in seen.statuses if t <= moment]
        assert known[-1].containers[0].restart_count == restarts
    waiting = [status.containers[0] for t, status in seen.statuses if 10 <= t <= 20]
    # The traces overrule the derived "CrashLoopBackOff while waiting": it is published by the sync after the one
    # that found the container in back-off, which is the restart's own.
    assert [(c.state, c.reason) for c in waiting] == [
        ("terminated", "Error"),
        ("waiting", "CrashLoopBackOff"),
        ("running", ""),
    ]
    counts = {"4": 0, "6": 1, "21": 2, "46": 3, "91": 4, "176": 5, "341": 6, "646": 7}
    at = {moment: [s for t, s in seen.statuses if t <= int(moment)][-1] for moment in counts}
    expect(
        start_times_s=seen.started(),
        exit_times_s=seen.exited(),
        waiting_reason_while_waiting=next(c.reason for c in waiting if c.state == "waiting"),
        restart_count_at_s={moment: status.containers[0].restart_count for moment, status in at.items()},
    )


@pytest.mark.case("timeline.delete-pod")
def test_deleting_a_pod(expect: Expect) -> None:
    spec = pod(
        lifecycle={"preStop": {"sleep": {"seconds": 5}}},
        livenessProbe=get("/", periodSeconds=1),
        readinessProbe=get("/", periodSeconds=1),
    )
    seen = ideal(spec, always(Life(start_seconds=0.5, term_seconds=2)), 130, play={100: lambda d, _: d.delete()})

    assert next(t for t, s in seen.statuses if s.deleting) == 100.5
    assert (seen.times("event", "Killing"), seen.messages("Killing")) == ([100], ["Stopping container app"])
    assert 99 < probed(seen, "liveness")[-1] <= 100
    assert 106 < probed(seen, "readiness")[-1] <= 107
    assert seen.exited() == [107]
    assert seen.status.phase == "Succeeded"
    assert seen.gone_at is not None
    assert 107 < seen.gone_at < 108
    deleted = next(t for t, s in seen.statuses if s.deleting) - seen.zero
    last = {kind: probed(seen, kind)[-1] for kind in ("liveness", "readiness")}
    expect(
        endpoint_ready_false_at_s=deleted + 1,  # the case's own propagation
        liveness_and_startup_workers_stopped_at_s=Where(lambda t: t - 1 < last["liveness"] <= t),
        readiness_probes_continue_until_s=Where(lambda t: t - 1 < last["readiness"] <= t),
        killing_event_at_s=seen.times("event", "Killing")[0],
        killing_message=seen.messages("Killing")[0],
        pod_gone_after_s=Where(lambda t: t <= (seen.gone_at or 0) < t + 1),
    )


@dataclass(frozen=True)
class EndToEnd:
    """One upstream test: what runs, for how long, and what must come of it (None: nothing is said of it)."""

    name: str
    spec: Mapping[str, Any]
    life: Life
    seconds: float
    restarts: tuple[int, float] = (0, 0)
    ready: bool | None = None
    message: str = ""


AFTER_10 = Life(phases=(ScriptedPhase(Answer(500), 10, targets=("/healthz",)),))
SLEEPS = Life(phases=(ScriptedPhase(Hang(), targets=("sleep 10",)),))
FALSE = Life(phases=(ScriptedPhase(Answer(500), targets=("false", "cat ready")),))
ONCE = {"failureThreshold": 1}
UP = (1, float("inf"))

# test/e2e/common/node/container_probe.go
END_TO_END = (
    EndToEnd(
        "e2e.ready-after-initial-delay",
        pod(readinessProbe=get("/", initialDelaySeconds=30)), Life(), 29,
    ),
    EndToEnd("e2e.readiness-always-failing", pod(readinessProbe=run("false")), FALSE, 60, ready=False),
    EndToEnd(
        "e2e.exec-liveness-ok",
        pod(livenessProbe=run("cat /tmp/health", initialDelaySeconds=15, **ONCE)), Life(), 240,
    ),
    EndToEnd(
        "e2e.http-liveness-restart",
        pod(livenessProbe=get("/healthz", initialDelaySeconds=15, **ONCE)), AFTER_10, 240, UP,
    ),
    EndToEnd(
        "e2e.tcp-liveness-not-restarted",
        pod(livenessProbe={"tcpSocket": {"port": 8080}, "initialDelaySeconds": 15, **ONCE}),
        Life(phases=(ScriptedPhase(Answer(500), 10),)),
        240,
    ),
    EndToEnd(
        "e2e.monotonic-restarts",
        pod(livenessProbe=get("/healthz", initialDelaySeconds=5, **ONCE)), AFTER_10, 840, (5, 99)
    ),
    EndToEnd(
        "e2e.exec-timeout-liveness",
        pod(livenessProbe=run("sleep 10", timeoutSeconds=1, initialDelaySeconds=15, **ONCE)),
        SLEEPS, 60, UP, message='Liveness probe failed: command timed out: "sleep 10" timed out after 1s',
    ),
    EndToEnd(
        "e2e.exec-timeout-readiness",
        pod(readinessProbe=run("sleep 10", timeoutSeconds=1, initialDelaySeconds=15, **ONCE)),
        SLEEPS, 60, ready=False,
    ),
    EndToEnd(
        "e2e.nonlocal-redirect",
        pod(livenessProbe=get("/redirect", **ONCE)),
        Life(phases=(ScriptedPhase(Answer(302, '<a href="http://0.0.0.0/">Found</a>.'), targets=("/redirect",)),)), 60,
        message='Liveness probe warning: Probe terminated redirects, Response body: <a href="http://0.0.0.0/">Found</a>.',
    ),
    EndToEnd(
        "e2e.startup-fails",
        pod(livenessProbe=run("true"), startupProbe=run("false", initialDelaySeconds=15, failureThreshold=3)),
        FALSE, 90, UP,
    ),
    EndToEnd(
        "e2e.startup-delays-liveness",
        pod(livenessProbe=run("false", **ONCE), startupProbe=run("false", initialDelaySeconds=15, failureThreshold=60)),
        FALSE, 240,
    ),
    EndToEnd(
        "e2e.grpc-ok",
        pod(livenessProbe={"grpc": {"port": 5000}, "timeoutSeconds": 5, **ONCE}), Life(), 60, ready=True,
    ),
    EndToEnd(
        "e2e.grpc-wrong-port",
        pod(livenessProbe={"grpc": {"port": 2333}, "timeoutSeconds": 5, **ONCE}),
        Life(phases=(ScriptedPhase(Refuse()),)), 60, UP,
        message='Liveness probe failed: timeout: failed to connect service "10.0.0.1:2333" within 5s: '
        "context deadline exceeded",
    ),
)  # fmt: skip


@pytest.mark.parametrize("test", [case(test.name, test) for test in END_TO_END])
def test_end_to_end(test: EndToEnd, expect: Expect) -> None:
    seen = simulate(test.spec, always(test.life), test.seconds)

    least, most = test.restarts
    assert least <= seen.restarts <= most
    assert test.ready in {None, seen.status.ready}
    assert not test.message or test.message in {event.message for _, event in seen.of("event")}
    events = [event for _, event in seen.of("event")]
    counts = sorted({c.restart_count for _, status in seen.statuses for c in status.containers if c.restart_count})
    expect(
        ready=seen.status.ready,
        restarts=seen.restarts,
        observe_s=test.seconds,
        restarts_at_least=Where(lambda least: seen.restarts >= least),
        within_s=Where(lambda most: seen.started()[least] <= most),
        restart_counts=Where(lambda expected: counts[: len(expected)] == expected),
        event=Where(lambda e: any(e["reason"] == x.reason and e["message_contains"] in x.message for x in events)),
    )


@pytest.mark.parametrize("kind", [case(f"event.unhealthy.{kind}", kind) for kind in ProbeType])
def test_every_failed_attempt_has_its_event(kind: ProbeType, expect: Expect) -> None:
    spec = pod(**{kind.field: run("false", periodSeconds=5, failureThreshold=9)})
    seen = simulate(spec, always(FALSE), 13)
    attempts, events = len(probed(seen, kind)), seen.times("event", "Unhealthy")

    assert len(events) == attempts >= 2
    words = "on every failing attempt, also below failureThreshold"
    expect(emitted=Means(words, len(events) == attempts and seen.restarts == 0))


@pytest.mark.case("e2e.ready-right-after-startup")
def test_ready_soon_after_startup_whatever_the_period(expect: Expect) -> None:
    spec = pod(
        startupProbe=run("cat startup", periodSeconds=5, failureThreshold=120),
        readinessProbe=run("cat ready", periodSeconds=30),
    )
    seen = simulate(spec, always(Life(phases=(ScriptedPhase(Answer(500), 0, 32, ("cat startup",)),))), 70)
    started = next(t for t, status in seen.statuses if status.containers and status.containers[0].started)

    took = seen.ready_changes()[0][0] - (started - seen.zero)
    assert took < 0.1
    expect(seconds_from_started_to_ready=Where(lambda bounds: bounds["min"] <= took <= bounds["max"]))


@pytest.mark.case("e2e.startup-probe-level-grace")
def test_a_startup_probe_has_a_grace_of_its_own(expect: Expect) -> None:
    probe = run("false", initialDelaySeconds=10, terminationGracePeriodSeconds=5, **ONCE)
    deaf = replace(FALSE, term_seconds=None)
    seen = simulate(pod(500, startupProbe=probe), always(deaf), 60)

    assert seen.exited()[0] - seen.times("event", "Killing")[0] == pytest.approx(5)
    again = seen.started()[1]
    expect(
        restarts_at_least=Where(lambda least: seen.restarts >= least),
        expected_about_s=Where(lambda most: 10 + 5 - 1 < again <= most),
    )


@pytest.mark.case("e2e.readiness-during-termination", "e2e.no-liveness-during-termination")
def test_a_terminating_pod_gets_unready_by_its_probe_and_liveness_is_not_asked(expect: Expect) -> None:
    gone = ScriptedPhase(Answer(500), targets=("cat *",))
    spec = pod(
        readinessProbe=run("cat ready", periodSeconds=2, failureThreshold=1),
        livenessProbe=run("cat alive", periodSeconds=1, failureThreshold=1),
    )
    seen = simulate(spec, always(Life(term_seconds=20, on_term=(gone,))), 90, play={10: lambda d, _: d.delete()})
    unready = next(t for t, status in seen.statuses if status.deleting and not status.ready)

    assert unready - seen.zero < 13
    assert not any("Liveness" in message for message in seen.messages("Unhealthy"))
    assert seen.restarts == 0
    expect(
        pod_becomes_unready_while_terminating=seen.gone_at is not None and unready - seen.zero < seen.gone_at,
        event_containing_failed_liveness_probe=any("Liveness" in message for message in seen.messages("Unhealthy")),
    )

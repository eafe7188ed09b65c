"""Workers, sync and back-off together, on virtual time without latency: what a user sees, second by second.

Derived from kubelet: prober/worker.go, kuberuntime/kuberuntime_manager.go, kuberuntime/kuberuntime_container.go.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from crashy.kubelet.grace import grace_after_pre_stop, grace_period
from crashy.kubelet.outcome import Outcome, Stored
from crashy.kubelet.pod import ContainerRecord, RecordState, compute_pod_actions, next_restart_count
from crashy.kubelet.worker import ContainerView, Worker, is_started, wants_trigger
from crashy.objects.pod import Container, Exec, PodTemplate, Probe, ProbeType
from tests.kubelet.cases import Expect
from tests.kubelet.model import BAD, GOOD, Clocked

LIVENESS, READINESS, STARTUP = ProbeType.LIVENESS, ProbeType.READINESS, ProbeType.STARTUP


def probe(**fields: int) -> Probe:
    return Probe(Exec(("true",)), **fields)


def app(container_id: str = "A", **fields: float | bool) -> ContainerView:
    return replace(ContainerView(container_id, "running", started=True), **fields)


@pytest.mark.case("timeline.liveness-500")
def test_liveness_500() -> None:
    """200 until 12 s, then 500; the container ends half a second after its SIGTERM."""
    settings = probe(period_seconds=5)
    worker = Worker(LIVENESS, settings)
    born = {"A": 0.0, "B": 26.5}
    answers: list[tuple[float, Outcome]] = []

    def ask(now: float) -> tuple[Outcome, float]:
        answers.append((now, BAD if 12 <= now < 26.5 else GOOD))
        return answers[-1][1], 0.0

    def view(now: float) -> ContainerView:
        newest = max((c for c in born if born[c] <= now), key=born.__getitem__)
        return app(newest, started_at=born[newest])

    clocked = Clocked(worker, 1.0, view, ask)
    template = PodTemplate((Container("app", liveness_probe=settings),))
    records = {"app": ContainerRecord("A", RecordState.RUNNING)}
    maps = {LIVENESS: worker.results, STARTUP: Worker(STARTUP, settings).results}
    killings = []
    for at, _ in clocked.run(31):
        for kill in compute_pod_actions(template, records, maps).kill:
            killings.append((at, kill.message))
            count = next_restart_count(records["app"])
            records["app"] = ContainerRecord("B", RecordState.RUNNING, restart_count=count)

    assert clocked.probed == [1, 6, 11, 16, 21, 26, 31]
    assert [at for at, outcome in answers if outcome is BAD] == [16, 21, 26]
    assert killings == [(26, "Container app failed liveness probe, will be restarted")]
    assert records["app"].restart_count == 1


@pytest.mark.case("timeline.liveness-hang-full-grace", "frozen.sigstop-grace")
def test_a_frozen_process_takes_the_whole_grace_period() -> None:
    """SIGSTOP at 12 s: SIGTERM stays pending, so SIGKILL comes at the end of the grace period (exit code 137)."""
    clocked = Clocked(
        Worker(LIVENESS, probe(period_seconds=5)),
        1.0,
        lambda _: app(),
        lambda now: (BAD, 1.0) if now >= 12 else (GOOD, 0.0),
    )
    failed = [at for at, stored in clocked.run(40) if stored is Stored.FAILURE]
    assert clocked.probed == [1, 6, 11, 16, 21, 26]
    assert failed == [27]
    killed = failed[0] + grace_after_pre_stop(grace_period(30))
    assert killed == 57
    assert killed - 12 == 45


@pytest.mark.case("timeline.startup-then-ready")
def test_ready_right_after_the_start() -> None:
    """Everything succeeds from 12.3 s on: the startup probe sees it at 13.2 s, and triggers readiness."""
    startup = Clocked(
        Worker(STARTUP, probe(period_seconds=1, failure_threshold=30)),
        0.2,
        lambda _: app(started=False),
        lambda now: (GOOD if now >= 12.3 else BAD, 0.0),
    )
    started_at = next(at for at, stored in startup.run(60) if stored is Stored.SUCCESS)
    assert started_at == pytest.approx(13.2)
    assert len(startup.probed) == 14

    def view(now: float) -> ContainerView:
        result = Stored.SUCCESS if now >= started_at else Stored.UNKNOWN
        return app(started=is_started(running=True, startup_result=result, has_startup_worker=True))

    liveness = Clocked(Worker(LIVENESS, probe(period_seconds=10)), 0.0, view, lambda _: (GOOD, 0.0))
    liveness.news(30)
    assert liveness.probed == [20, 30]

    readiness = Worker(READINESS, probe(period_seconds=10))
    assert wants_trigger(running=True, started=True, readiness_result=readiness.results.get("A"))
    decision = readiness.step(started_at, view(started_at), GOOD)
    assert (decision.changed, decision.stored) == (True, Stored.SUCCESS)


@pytest.mark.case("timeline.startup-never")
def test_a_start_that_never_ends() -> None:
    """A refusing container under a startup probe of period 2 and threshold 5; nothing else is probed."""
    settings = probe(period_seconds=2, failure_threshold=5)
    startup = Clocked(Worker(STARTUP, settings), 0.0, lambda _: app(started=False), lambda _: (BAD, 0.0))
    assert startup.news(100) == [(0, Stored.UNKNOWN), (8, Stored.FAILURE)]
    assert startup.probed == [0, 2, 4, 6, 8]
    actions = compute_pod_actions(
        PodTemplate((Container("app", startup_probe=settings),)),
        {"app": ContainerRecord("A", RecordState.RUNNING)},
        {STARTUP: startup.worker.results, LIVENESS: Worker(LIVENESS, settings).results},
    )
    assert actions.kill[0].message == "Container app failed startup probe, will be restarted"
    for probe_type in (LIVENESS, READINESS):
        other = Clocked(Worker(probe_type, settings), 0.0, lambda _: app(started=False), lambda _: (BAD, 0.0))
        other.news(100)
        assert other.probed == []


@pytest.mark.case("timeline.readiness-extra-probe")
def test_a_glitch_of_readiness_heals_at_once(expect: Expect) -> None:
    """Unready in [9, 10.02): the failure at 10 s makes the pod sync, 50 ms later the sync triggers another probe."""
    clocked = Clocked(
        Worker(READINESS, probe(period_seconds=5, failure_threshold=1)),
        0.0,
        lambda _: app(),
        lambda now: (BAD if 9 <= now < 10.02 else GOOD, 0.0),
    )
    news = []
    for at, stored in clocked.run(16):
        news.append((at, stored))
        if at > 0 and wants_trigger(running=True, started=True, readiness_result=stored):
            clocked.ticker.trigger()
            clocked.now += 0.05
    assert [(at, str(stored)) for at, stored in news] == [
        (0, "failure"),
        (0, "success"),
        (10, "failure"),
        (10.05, "success"),
    ]
    assert clocked.probed == [0, 5, 10, 10.05, pytest.approx(15.05)]
    (_, _), (_, _), (not_ready, _), (ready, _) = news
    _, _, _, extra, later = clocked.probed
    expect(not_ready_at_s=not_ready, extra_probe_at_s=extra, ready_again_at_s=ready, next_probe_s=later)


@pytest.mark.case("timeline.delete-pod")
def test_a_deletion_with_a_pre_stop_hook(expect: Expect) -> None:
    """Deleted at 100 s, preStop sleeps 5 s, the process ends 2 s after SIGTERM; readiness is probed all the while."""
    deleted, hook = 100, 5
    sigterm = deleted + hook
    grace = grace_after_pre_stop(grace_period(30, deletion_grace=30), hook)
    assert (sigterm, sigterm + grace) == (105, 130)
    gone = sigterm + 2

    def probed(probe_type: ProbeType) -> list[float]:
        clocked = Clocked(
            Worker(probe_type, probe(period_seconds=1)),
            0.0,
            lambda now: app(pod_deleting=now >= deleted, started=probe_type is not STARTUP),
            lambda _: (GOOD, 0.0),
        )
        clocked.news(gone)
        return clocked.probed

    assert max(probed(READINESS)) == gone
    assert max(probed(LIVENESS)) == deleted - 1
    assert max(probed(STARTUP)) == 0
    expect(prestop_from_to_s=[deleted, deleted + hook], sigterm_at_s=sigterm, sigkill_deadline_s=sigterm + grace)

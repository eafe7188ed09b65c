"""The ledger counts as the kubelet does, and says what it will do."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crashy.faults.scope import ProbeName
from crashy.kubelet.outcome import Outcome, Result, Stored
from crashy.kubelet.worker import ContainerView, Worker
from crashy.objects.pod import Probe, ProbeType, TCPSocket
from crashy.patient.ledger import KEPT_RESULTS, MOST_PROBES, MOST_TARGET, UNKNOWN, Asked, Ledger, measured
from crashy.patient.probe_settings import ProbeSettings

LIVEZ, READYZ = Asked("http", 8080, "/livez"), Asked("http", 8080, "/readyz")


def settings(kind: ProbeName = "liveness", asked: Asked = LIVEZ, *, period: int = 5, **numbers: Any) -> ProbeSettings:
    return ProbeSettings(kind, *asked, period=period, **numbers)


def seen(known: list[ProbeSettings], statuses: list[int], asked: Asked = LIVEZ, seconds: float = 0.0) -> Ledger:
    """Return the ledger of a patient that answered so, every five seconds from 0 on."""
    ledger = Ledger(known, 0.0)
    for i, status in enumerate(statuses):
        ledger.note(asked, "liveness", 5.0 * i, status, seconds)
    return ledger


def state(ledger: Ledger, now: float) -> Any:
    return ledger.summary(now)[0]["state"]


@given(st.floats(0.5, 3600), st.integers(0, 2**32), st.data())
def test_the_period_is_measured_whatever_was_missed(period: float, seed: int, data: st.DataObject) -> None:
    missed = data.draw(st.sets(st.integers(1, KEPT_RESULTS), max_size=KEPT_RESULTS // 3))
    rng = random.Random(seed)
    times = [(i + rng.uniform(-0.05, 0.05)) * period for i in range(KEPT_RESULTS + 2) if i not in missed]

    found = measured(times)

    assert found is not None
    assert abs(found - period) <= 0.11 * period


@given(st.floats(1, 60), st.sets(st.floats(0.1, 18.9), max_size=3))
def test_the_period_is_measured_whatever_was_asked_out_of_turn(period: float, extra: set[float]) -> None:
    times = sorted({*range(20), *extra})

    assert measured([period * time for time in times]) == pytest.approx(period, rel=0.01)


@pytest.mark.parametrize(("times", "period"), [([], None), ([1.0], None), ([1.0, 1.0], 0.0), ([0.0, 2.0], 2.0)])
def test_few_results_have_a_period_or_none(times: list[float], period: float | None) -> None:
    assert measured(times) == period


@pytest.mark.parametrize(
    ("kind", "numbers", "statuses", "now", "words"),
    [
        ("liveness", {}, [], 0, "not seen yet"),
        ("liveness", {}, [200], 1, "alive"),
        ("liveness", {}, [500], 1, "failure 1 of 3, restart in about 9 s"),
        ("liveness", {}, [500, 200], 6, "alive"),
        ("liveness", {}, [200, 500, 500], 11, "failure 2 of 3, restart in about 4 s"),
        ("liveness", {}, [500, 500, 500], 11, "failure 3 of 3: the kubelet restarts the container"),
        ("liveness", {"failure_threshold": 1}, [499], 1, "failure 1 of 1: the kubelet restarts the container"),
        ("liveness", {}, [200], 61, "alive; not seen for 61 s"),
        ("liveness", {}, [500], 61, "failure 1 of 3; not seen for 61 s"),
        ("readiness", {}, [200, 503], 61, "failure 1 of 3; not seen for 56 s"),
        ("liveness", {}, [500, 500, 500], 90, "failure 3 of 3: the kubelet restarts the container"),
        ("startup", {"failure_threshold": 30}, [503, 503], 6, "failure 2 of 30, restart in about 139 s"),
        ("startup", {}, [503, 200], 99, "started"),
        ("startup", {}, [503, 503, 503], 11, "failure 3 of 3: the kubelet restarts the container"),
        ("readiness", {}, [503], 1, "not ready; ready after 1 more success"),
        ("readiness", {"success_threshold": 3}, [200], 1, "not ready; ready after 2 more successes, in about 9 s"),
        ("readiness", {}, [200], 1, "ready"),
        ("readiness", {}, [200, 503], 6, "failure 1 of 3, out of its Services in about 9 s"),
        ("readiness", {}, [200, 503, 503, 503], 16, "not ready; ready after 1 more success"),
        ("readiness", {"success_threshold": 2}, [200, 200, 503, 503, 503, 200], 26, "not ready; ready after 1 more su"),
        ("readiness", {"success_threshold": 2}, [200, 200, 503, 200], 16, "ready"),
    ],
)
def test_the_state_is_what_the_kubelet_makes_of_it(
    kind: ProbeName, numbers: dict[str, Any], statuses: list[int], now: float, words: str
) -> None:
    assert state(seen([settings(kind, **numbers)], statuses), now).startswith(words)


def test_without_settings_it_says_so_and_counts() -> None:
    assert state(seen([], [200, 500, 500]), 11) == f"failed 2 in a row; {UNKNOWN}"
    assert state(seen([], [500, 200]), 6) == f"succeeded 1 in a row; {UNKNOWN}"
    assert seen([], [500]).summary(1)[0]["due_in"] is None


@pytest.mark.parametrize(("timeout", "failed"), [(1, 3), (2, 0)])
def test_an_answer_after_the_timeout_is_a_failure(timeout: int, failed: int) -> None:
    (row,) = seen([settings(timeout=timeout)], [200, 200, 200], seconds=1.5).summary(11)

    assert row["failed"] == row["consecutive_failures"] == failed


def test_what_the_kubelet_discards_changes_nothing() -> None:
    ledger = seen([settings()], [200, 500])
    for at in (10.0, 15.0):
        ledger.note(LIVEZ, None, at, 499, 1.0, counts=False)
    (row,) = ledger.whole(16, str)

    assert row["state"] == "failure 1 of 3, restart in about 0 s; the last 2 did not count"
    assert (row["seen"], row["failed"], row["consecutive_failures"]) == (4, 1, 1)
    assert [one["ok"] for one in row["results"]] == [True, False, None, None]
    assert ledger.totals["liveness", "http", "discarded"] == 2


def test_the_tries_of_a_probe_that_errs_are_one_of_its_periods() -> None:
    ledger = Ledger([settings()], 0.0)
    for i in range(5):
        for attempt in range(3):
            ledger.note(LIVEZ, None, 10.0 * i + 0.1 * attempt, 200, 0.0, counts=False)

    assert ledger.summary(2)[0]["period"] == 10.0


@given(
    st.sampled_from(list(ProbeType)),
    st.integers(1, 3),
    st.integers(1, 4),
    st.lists(st.sampled_from([True, True, False, None]), max_size=30),
)
def test_it_counts_as_the_kubelets_worker_does(
    kind: ProbeType, success: int, failure: int, outcomes: list[bool | None]
) -> None:
    success = success if kind is ProbeType.READINESS else 1
    worker = Worker(kind, Probe(TCPSocket(80), success_threshold=success, failure_threshold=failure))
    ledger = Ledger([settings(kind.value, success_threshold=success, failure_threshold=failure)], 0.0)
    (row,) = ledger.rows()
    app = ContainerView("A", "running", started=kind is not ProbeType.STARTUP)
    for at, ok in enumerate(outcomes):
        result = Result.SUCCESS if ok else Result.FAILURE
        decision = worker.step(float(at), app, Outcome(result, error="unexpected EOF" if ok is None else ""))
        ledger.note(LIVEZ, None, float(at), 200 if ok else 500, 0.0, counts=ok is not None)

        assert row.over == worker.on_hold
        if kind is ProbeType.READINESS:
            assert row.passed == (decision.stored is Stored.SUCCESS)
        if worker.on_hold:
            break


def test_a_probe_of_which_none_counted_has_no_state() -> None:
    ledger = Ledger([settings()], 0.0)
    ledger.note(LIVEZ, None, 1.0, 200, 0.0, counts=False)

    assert ledger.summary(2)[0]["due_in"] is None
    assert state(ledger, 2) == "no result yet; the last 1 did not count"


def test_a_timeout_puts_off_what_the_kubelet_does() -> None:
    ledger = seen([settings(timeout=2)], [499], seconds=2.0)

    assert ledger.summary(2)[0]["due_in"] == 10.0


@pytest.mark.parametrize(
    ("probe", "words"),
    [
        (ProbeSettings("liveness", "tcp", 8080), "tcp probes can't be seen from inside"),
        (ProbeSettings("liveness", "exec", 0, "cat f"), "exec probes can't be seen from inside"),
        (ProbeSettings("liveness", "http", 8080, "/livez", "example.com"), "it asks another host, example.com"),
    ],
)
def test_what_cannot_be_seen_is_said(probe: ProbeSettings, words: str) -> None:
    known, other = seen([probe], [200]).summary(1)

    assert known["state"] == words
    assert other["state"] == "succeeded 1 in a row; not one of PROBES"


def test_a_startup_probe_has_all_that_comes_until_its_success_and_nothing_after() -> None:
    ledger = seen([settings("startup"), settings("liveness")], [500, 500, 200, 200, 500])
    startup, liveness = ledger.summary(21)

    assert (startup["seen"], startup["state"]) == (3, "started")
    assert (liveness["seen"], liveness["consecutive_failures"]) == (2, 1)


@given(st.integers(1, 20), st.integers(1, 20), st.floats(0.05, 0.95))
def test_liveness_and_readiness_of_the_same_path_are_told_apart_by_their_rhythm(
    ready: int, live: int, phase: float
) -> None:
    """Each asks on a grid of its own; where both grids meet, either may have asked."""
    ledger = Ledger([settings("readiness", period=ready), settings("liveness", period=live, initial_delay=1)], 0.0)
    times = [i * ready for i in range(20)] + [1 + phase + i * live for i in range(20)]
    for at in sorted(times):
        ledger.note(LIVEZ, None, at, 200, 0.0)
    rows = ledger.summary(400)

    assert sum(row["seen"] for row in rows) == 40
    if ready == live:
        assert [row["seen"] for row in rows] == [20, 20]
        assert [row["period"] for row in rows] == [pytest.approx(ready)] * 2


@pytest.mark.parametrize(
    ("configured", "asked", "same"),
    [
        ("/a b", "/a%20b", True),
        ("livez", "/livez", True),
        ("/livez?full=1", "/livez?full=1", True),
        ("/livez", "/livez?full=1", False),
        ("/livez", "/readyz", False),
    ],
)
def test_a_request_is_of_the_probe_that_asks_its_path(configured: str, asked: str, same: bool) -> None:
    ledger = Ledger([settings(asked=Asked("http", 8080, configured))], 0.0)
    ledger.note(Asked("http", 8080, asked), None, 1.0, 200, 0.0)

    assert ledger.summary(2)[0]["seen"] == same


def test_another_port_or_protocol_is_another_probe() -> None:
    ledger = Ledger([settings()], 0.0)
    ledger.note(Asked("http", 8081, "/livez"), None, 1.0, 200, 0.0)
    ledger.note(Asked("grpc", 8080, "/livez"), None, 1.0, 200, 0.0)
    ledger.note(Asked("http", 0, "/livez"), None, 1.0, 499, 0.0)  # its connection had gone before it had a port

    assert [row["seen"] for row in ledger.summary(2)] == [1, 1, 1]


def test_the_last_results_are_kept() -> None:
    (row,) = seen([], [200] * 50).whole(250, str)

    assert len(row["results"]) == KEPT_RESULTS
    assert row["results"][-1] == {"time": "245.0", "ago": 5.0, "status": 200, "seconds": 0.0, "ok": True}
    assert row["seen"] == 50


def test_invented_probes_displace_each_other_and_no_real_one() -> None:
    ledger = seen([settings()], [200] * 3)
    for _ in range(2):
        ledger.note(Asked("http", 8080, "/own"), None, 1.0, 200, 0.0)
    for i in range(1000):
        ledger.note(Asked("http", 8080, f"/{i}"), None, 2.0 + i, 404, 0.0)
    rows = ledger.summary(2000)

    assert len(rows) == 1 + MOST_PROBES
    assert [row["path"] for row in rows[:2]] == ["/livez", "/own"]


@given(st.text())
def test_a_target_is_short_and_printable(target: str) -> None:
    ledger = Ledger([], 0.0)
    ledger.note(Asked("grpc", 1, target), None, 1.0, 404, 0.0)
    shown = ledger.summary(1)[0]["service"]

    assert len(shown) <= MOST_TARGET
    assert shown.isprintable()


def test_totals_and_failures_are_by_kind_and_handler() -> None:
    ledger = seen([settings(), ProbeSettings("readiness", "tcp", 8080)], [200, 500, 500])
    ledger.note(READYZ, None, 1.0, 200, 0.0)

    assert ledger.totals == {
        ("liveness", "http", "success"): 1,
        ("liveness", "http", "failure"): 2,
        ("other", "http", "success"): 1,
    }
    assert ledger.failures() == {("liveness", "http"): 2, ("other", "http"): 0}

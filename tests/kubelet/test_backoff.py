"""The table of waits. kubernetes: staging/src/k8s.io/client-go/util/flowcontrol/backoff_test.go."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crashy.kubelet.backoff import Backoff, CrashLoop, crash_loop_backoff, format_go_duration
from crashy.kubelet.versions import NEWEST, PROFILES
from tests.kubelet.cases import Each, Expect, Means, case


def raised(backoff: Backoff, times: int, now: float = 0.0) -> Backoff:
    for _ in range(times):
        backoff.next(now, "key", now)
    return backoff


@pytest.mark.case("backoff.slow")
def test_waits_double_up_to_the_maximum(expect: Expect) -> None:
    """flowcontrol: TestSlowBackoff."""
    backoff = Backoff(1, 50)
    seen = []
    for second in range(1, 11):
        seen.append(backoff.get("key"))
        backoff.next(second, "key", second)
    assert seen == [0, 1, 2, 4, 8, 16, 32, 50, 50, 50]
    assert backoff.get("another key") == 0
    expect(get_before_each_next_s=seen)


@pytest.mark.case("backoff.expires")
def test_an_entry_expires_after_twice_the_maximum(expect: Expect) -> None:
    """flowcontrol: TestBackoffReset."""
    backoff = raised(Backoff(1, 5), 6)
    before = backoff.in_backoff_since(0.0, "key", 0.0)
    assert before
    assert backoff.in_backoff_since(4.0, "key", 0.0)
    assert not backoff.in_backoff_since(5.0, "key", 0.0)
    assert not backoff.in_backoff_since(7.0, "key", 0.0)
    after = backoff.in_backoff_since(11.0, "key", 0.0)
    assert not after
    expect(in_backoff_before=before, in_backoff_since_last_update_after=after)
    backoff.next(11.0, "key", 11.0)
    assert backoff.get("key") == 1


@pytest.mark.parametrize(("idle", "wait"), [case("backoff.high-water-mark", 6, 5), (10, 5), (10.001, 1)])
def test_an_entry_lives_on_up_to_twice_the_maximum(idle: float, wait: float, expect: Expect) -> None:
    """flowcontrol: TestBackoffHighWaterMark; the comparison is strict."""
    backoff = raised(Backoff(1, 5), 6)
    backoff.next(idle, "key", idle)
    assert backoff.get("key") == wait
    expect(get_s=backoff.get("key"))


@pytest.mark.parametrize(
    ("idle", "kept"),
    [case("backoff.gc-keeps", 6, True), (10, True), (10.001, False), case("backoff.gc-deletes", 12, False)],
)
def test_garbage_collection(idle: float, kept: bool, expect: Expect) -> None:
    """flowcontrol: TestBackoffGC."""
    backoff = raised(Backoff(1, 5), 6)
    backoff.gc(idle)
    present = backoff.get("key") > 0
    assert present is kept
    expect(entry_present=present)


@pytest.mark.case("backoff.since-update")
def test_since_the_last_update(expect: Expect) -> None:
    """flowcontrol: TestIsInBackOffSinceUpdate."""
    backoff = Backoff(1, 10)
    free: list[int] = []
    raised_at = 0
    waits: dict[int, float] = {}
    for tick in [*range(36), 56, 57]:
        if backoff.in_backoff_since(tick, "key", raised_at):
            waits[tick] = backoff.get("key")
        else:
            free.append(tick)
            backoff.next(tick, "key", tick)
            raised_at = tick
    assert free == [0, 1, 3, 7, 15, 25, 35, 56, 57]
    expected = {2: 2, **dict.fromkeys(range(4, 7), 4), **dict.fromkeys(range(8, 15), 8)}
    assert waits == {**expected, **dict.fromkeys(range(16, 25), 10), **dict.fromkeys(range(26, 35), 10)}
    spans = [key.split("-") for key in ("2", "4-6", "8-14", "16-24", "26-34")]
    shown = {"-".join(span): sorted({waits[tick] for tick in range(int(span[0]), int(span[-1]) + 1)}) for span in spans}
    expect(false_at_ticks=free, backoff_value_while_true_s={span: wait for span, (wait,) in shown.items()})


@pytest.mark.parametrize(
    ("reduced_decay", "period", "initial", "maximum"),
    [
        case("backoff.kubelet-defaults", False, None, 10, 300),
        case("backoff.kubelet-reduced-decay", True, None, 1, 60),
        case("backoff.kubelet-node-max-2s", False, 2, 2, 2),
        case("backoff.kubelet-node-max-60s", False, 60, 10, 60),
        case("backoff.kubelet-node-max-wins-over-reduced", True, 120, 1, 120),
        (False, 1, 1, 1),
        (False, 300, 10, 300),
    ],
)
def test_the_kubelets_tables(
    reduced_decay: bool, period: float | None, initial: float, maximum: float, expect: Expect
) -> None:
    """kubelet: pkg/kubelet/kubelet.go newCrashLoopBackOff."""
    backoff = crash_loop_backoff(reduced_decay=reduced_decay, max_restart_period=period)
    assert (backoff.initial, backoff.maximum, backoff.reset_after) == (initial, maximum, 600)
    expect(initial_s=backoff.initial, max_s=backoff.maximum, reset_after_s=backoff.reset_after)
    waits = []
    for _ in range(11):
        backoff.next(0.0, "key", 0.0)
        waits.append(backoff.get("key"))
    assert (waits[0], waits[-1]) == (initial, maximum)
    factor = waits[1] / waits[0]
    expect(factor=factor, jitter=max(b - min(factor * a, maximum) for a, b in pairwise(waits)))


@pytest.mark.parametrize("period", [0.999, 300.001, 0, -1])
def test_a_period_out_of_range_is_refused(period: float) -> None:
    with pytest.raises(ValueError, match=r"^maxContainerRestartPeriod: .*: must be from 1 to 300 seconds$"):
        crash_loop_backoff(max_restart_period=period)


def test_an_old_kubelet_has_neither_gate() -> None:
    old = PROFILES["1.20"]
    assert crash_loop_backoff(old).maximum == 300
    for settings in ({"reduced_decay": True}, {"max_restart_period": 60.0}):
        with pytest.raises(ValueError, match=r"^Kubernetes 1\.20 has no setting for the restart back-off$"):
            crash_loop_backoff(old, **settings)  # type: ignore[arg-type]
    assert crash_loop_backoff(PROFILES["1.32"], reduced_decay=True).maximum == 60


def test_the_defaults_are_the_kubelets() -> None:
    backoff = Backoff()
    assert (backoff.initial, backoff.maximum, backoff.reset_after) == (10, 300, 600)


def test_no_exited_record_starts_at_once_and_leaves_the_table_alone() -> None:
    """kubelet: kuberuntime_manager.go doBackOff."""
    backoff = Backoff()
    assert backoff.do_backoff(0.0, "key", None) is None
    assert backoff.get("key") == 0


@pytest.mark.case("dobackoff.in-window")
def test_in_the_window_it_waits_until_the_window_ends(expect: Expect) -> None:
    """kubelet: kuberuntime_manager_test.go TestDoBackOff."""
    backoff = raised(Backoff(1, 10), 1)
    loop = backoff.do_backoff(3.0, "key", 3.0)
    assert loop is not None
    assert loop == CrashLoop(until=4.0, backoff=1)
    message = loop.message(container="app", pod="web-0", namespace="default", uid="U")
    until = Means("finishedAt + 1s", loop.until == 3.0 + 1)
    expect(in_backoff=loop is not None, retry_at=until, message_nonempty=bool(message))
    assert backoff.do_backoff(3.5, "key", 3.0) == CrashLoop(until=4.0, backoff=1)
    assert backoff.get("key") == 1


@pytest.mark.parametrize(
    ("elapsed", "waits"),
    [
        (0.0, True),
        case("backoff.window-is-strict", 9.999, True),
        case("backoff.window-is-strict", 10.0, False),
        (10.001, False),
    ],
)
def test_the_window_is_strict(elapsed: float, waits: bool, expect: Expect) -> None:
    """flowcontrol: backoff.go IsInBackOffSince."""
    backoff = Backoff()
    backoff.next(0.0, "key", 0.0)
    found = backoff.in_backoff_since(5.0 + elapsed, "key", 5.0)
    assert found is waits
    expect(in_backoff=Each(found, int(elapsed >= 10)))
    assert (backoff.do_backoff(5.0 + elapsed, "key", 5.0) is not None) is waits


@pytest.mark.parametrize(("ran_for", "next_wait"), [(600.0, 20), (600.001, 10)])
def test_a_long_life_resets_the_wait(ran_for: float, next_wait: float) -> None:
    backoff = Backoff()
    backoff.next(0.0, "key", 0.0)
    assert backoff.do_backoff(ran_for + 10, "key", ran_for) is None
    assert backoff.get("key") == next_wait


def test_a_long_life_is_not_in_the_window_of_its_last_start() -> None:
    backoff = Backoff()
    backoff.next(0.0, "key", 0.0)
    assert not backoff.in_backoff_since(601.0, "key", 601.0)
    assert backoff.in_backoff_since(600.0, "key", 600.0)


@pytest.mark.parametrize(
    ("wait", "message"),
    [
        (10, "back-off 10s restarting failed container=app pod=web-0_default(U)"),
        case("dobackoff.message", 80, "back-off 1m20s restarting failed container=app pod=web-0_default(U)"),
        (300, "back-off 5m0s restarting failed container=app pod=web-0_default(U)"),
    ],
)
def test_the_waiting_message(wait: float, message: str, expect: Expect) -> None:
    """kubelet: kuberuntime_manager.go doBackOff."""
    words = CrashLoop(until=0.0, backoff=wait).message(container="app", pod="web-0", namespace="default", uid="U")
    assert words == message
    names = {"container": "app", "pod": "web-0", "namespace": "default", "uid": "U"}
    event = "Back-off restarting failed container app in pod web-0_default(U)"
    found = NEWEST.texts.back_off.format(**names)
    assert found == event
    expect(waiting_message=words, event={"type": "Warning", "reason": "BackOff", "message": found})


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (1, "1s"),
        (10, "10s"),
        (20.0, "20s"),
        (59.999, "59.999s"),
        (60, "1m0s"),
        (80, "1m20s"),
        (160, "2m40s"),
        (300, "5m0s"),
        (3599.5, "59m59.5s"),
        (3600, "1h0m0s"),
        (3661.25, "1h1m1.25s"),
        (360000, "100h0m0s"),
        (1.5, "1.5s"),
        (0.999, "999ms"),
        (0.25, "250ms"),
        (0.0011, "1.1ms"),
        (0.001, "1ms"),
        (0.0000015, "1.5µs"),
        (0.000001, "1µs"),
        (0.0000001, "100ns"),
        (0.0000000001, "0s"),
        (-90, "-1m30s"),
        (-0.5, "-500ms"),
        (1.05, "1.05s"),
        (0.999999999, "999.999999ms"),
    ],
)
def test_durations_are_written_as_go_writes_them(seconds: float, text: str) -> None:
    """Go: time.Duration.String."""
    assert format_go_duration(seconds) == text


@given(
    initial=st.floats(0.1, 100),
    factor=st.floats(1, 100),
    starts=st.lists(st.floats(0, 30), min_size=2, max_size=30),
)
def test_waits_are_monotone_up_to_their_cap(initial: float, factor: float, starts: list[float]) -> None:
    backoff = Backoff(initial, initial * factor, reset_after=1e9)
    now, previous = 0.0, 0.0
    for pause in starts:
        now += pause
        backoff.next(now, "key", now)
        wait = backoff.get("key")
        assert wait == min(max(2 * previous, initial), backoff.maximum)
        assert previous <= wait <= backoff.maximum
        previous = wait


@given(finished=st.floats(0, 1e6), raises=st.integers(1, 12), after=st.floats(0, 700))
def test_a_wait_ends_when_it_says(finished: float, raises: int, after: float) -> None:
    backoff = crash_loop_backoff()
    for _ in range(raises):
        backoff.next(finished, "key", finished)
    now = finished + after
    loop = backoff.do_backoff(now, "key", finished)
    if loop is None:
        assert now - finished >= min(10 * 2 ** (raises - 1), 300)
    else:
        assert loop.until == finished + loop.backoff
        assert loop.until > now
        later = max(loop.until, finished + loop.backoff)
        assert backoff.do_backoff(later + 1e-6, "key", finished) is None

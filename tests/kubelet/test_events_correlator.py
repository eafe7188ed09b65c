"""What is left of many events. client-go: tools/record/events_cache_test.go TestEventCorrelator."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crashy.kubelet import events
from crashy.kubelet.events import COMBINED, Event, EventCorrelator
from crashy.kubelet.versions import PROFILES
from tests.kubelet.cases import Expect, case


def event(message: str = "boom", reason: str = "Unhealthy", obj: str = "pod/web", **fields: str) -> Event:
    return Event(obj, "Warning", reason, message, **fields)


def similar(count: int) -> list[Event]:
    return [event(f"boom {i}") for i in range(count)]


def unrelated(count: int) -> list[Event]:
    return [event(f"message {i}", f"Reason{i}", f"pod/web-{i}") for i in range(count)]


@pytest.mark.parametrize(
    ("previous", "interval", "count", "combined"),
    [
        case("events.correlate.single", [], 5, 1, False),
        case("events.correlate.duplicate", [event()], 5, 2, False),
        case("events.correlate.duplicate-many", [event()] * 10, 5, 11, False),
        case("events.correlate.unique-many", unrelated(30), 5, 1, False),
        (similar(8), 5, 1, False),
        case("events.correlate.similar-10th", similar(9), 5, 1, True),
        case("events.correlate.similar-11th", similar(10), 5, 2, True),
        (similar(9), 599, 1, True),
        case("events.correlate.similar-slow", similar(9), 600, 1, False),
    ],
)
def test_the_next_one(previous: list[Event], interval: float, count: int, combined: bool, expect: Expect) -> None:
    correlator = EventCorrelator()
    for i, earlier in enumerate(previous):
        correlator.correlate(earlier, now=i * interval)
    now = len(previous) * interval
    stored = correlator.correlate(event(), now)
    assert stored is not None
    assert (stored.count, stored.message) == (count, f"{COMBINED}boom" if combined else "boom")
    prefix = stored.message.removesuffix("boom")
    expect(count=stored.count, aggregated=bool(prefix), message_prefix=prefix)
    assert stored.last == now
    assert stored.first == now - (count - 1) * interval


@pytest.mark.parametrize(
    ("other", "counted", "combined"),
    [
        # TestEventAggregatorByReasonFunc: the group leaves the message out; events differ by their container as well
        (event(), True, True),
        case("events.group-key-ignores-message", event("other"), False, True),
        case("events.group-key-ignores-message", event(reason="Killing"), False, False),
        (event(obj="pod/other"), False, False),
        (event(component="scheduler"), False, False),
        (event(field_path="spec.containers{app}"), False, True),
    ],
)
def test_what_belongs_together(other: Event, counted: bool, combined: bool, expect: Expect) -> None:
    correlator = EventCorrelator()
    correlator.correlate(event(), 0)
    after = correlator.correlate(other, 1)
    assert after is not None
    apart = after.count == 1
    assert apart is not counted
    correlator = EventCorrelator()
    for earlier in similar(9):
        correlator.correlate(earlier, 0)
    after = correlator.correlate(other, 1)
    assert after is not None
    together = after.message.startswith(COMBINED)
    assert together is combined
    if apart and together:
        expect(same_group=[["a", "b"]], distinct_local_key=[["a", "b"]])
    elif apart:
        expect(different_group=[["a", "c"]])


def test_combining_ends_with_a_pause() -> None:
    correlator = EventCorrelator()
    for earlier in similar(12):
        correlator.correlate(earlier, 0)
    late = correlator.correlate(event("late"), 600)
    assert late is not None
    assert (late.message, late.count) == ("late", 1)


@pytest.mark.parametrize(
    ("version", "kinds", "written"),
    [
        ("1.20", (("Warning", "A"),), 25),
        ("1.20", (("Warning", "A"), ("Normal", "B")), 25),
        ("1.36", (("Warning", "A"), ("Warning", "B")), 25),
        ("1.36", (("Warning", "A"), ("Normal", "B")), 50),
    ],
)
def test_a_flood_is_cut(version: str, kinds: tuple[tuple[str, str], ...], written: int) -> None:
    correlator = EventCorrelator(PROFILES[version])
    flood = [replace(event(reason=reason), type=type_) for _ in range(40) for type_, reason in kinds]
    stored = [correlator.correlate(one, 0) for one in flood]
    assert sum(e is not None for e in stored) == written
    other = correlator.correlate(event(obj="pod/other"), 0)
    assert other is not None


def test_after_a_flood_one_event_in_five_minutes_is_written_with_the_full_count() -> None:
    correlator = EventCorrelator()
    for _ in range(30):
        correlator.correlate(event(), 0)
    assert correlator.correlate(event(), 299) is None
    stored = correlator.correlate(event(), 300)
    assert stored is not None
    assert (stored.count, stored.first, stored.last) == (32, 0, 300)
    assert correlator.correlate(event(), 599) is None
    assert correlator.correlate(event(), 600) is not None


def test_a_long_peace_earns_no_more_than_one_burst() -> None:
    correlator = EventCorrelator()
    correlator.correlate(event(), 0)
    assert sum(correlator.correlate(event(), 10**6) is not None for _ in range(40)) == 25


def test_only_the_latest_keys_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "CACHE_ENTRIES", 2)
    correlator = EventCorrelator()
    for obj in ("pod/a", "pod/b", "pod/a", "pod/c"):
        correlator.correlate(event(obj=obj), 0)
    kept, forgotten = (correlator.correlate(event(obj=obj), 0) for obj in ("pod/a", "pod/b"))
    assert kept is not None
    assert forgotten is not None
    assert (kept.count, forgotten.count) == (3, 1)


@pytest.mark.case("events.constants")
def test_the_numbers_are_client_gos(expect: Expect) -> None:
    """client-go: tools/record/events_cache.go."""
    assert (events.AGGREGATE_AFTER, events.AGGREGATE_SECONDS) == (10, 600)
    assert (events.SPAM_BURST, events.SPAM_REFILL_SECONDS, events.CACHE_ENTRIES) == (25, 300, 4096)
    expect(
        aggregate_after=events.AGGREGATE_AFTER,
        aggregate_interval_s=events.AGGREGATE_SECONDS,
        spam_burst=events.SPAM_BURST,
        spam_refill=f"1 per {events.SPAM_REFILL_SECONDS:g} s per (source, object)",
        lru_entries=events.CACHE_ENTRIES,
    )


_MOMENTS = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 700)), max_size=60)


@given(_MOMENTS)
def test_equal_events_are_all_counted_once(moments: list[tuple[str, int]]) -> None:
    correlator = EventCorrelator()
    now, happened = 0, Counter[str]()
    for message, pause in moments:
        now += pause
        happened[message] += 1
        stored = correlator.correlate(event(message), now)
        assert stored is None or stored.count == happened[message]
        assert stored is None or stored.first <= stored.last == now


@given(st.lists(st.integers(0, 100), min_size=26, max_size=80))
def test_what_is_written_never_exceeds_the_bucket(pauses: list[int]) -> None:
    correlator = EventCorrelator()
    now = written = 0
    for i, pause in enumerate(pauses):
        now += pause
        written += correlator.correlate(event(f"{i}"), now) is not None
        assert written <= 25 + now // 300

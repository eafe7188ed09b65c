"""The kinds of events: names, and data that are read as they were made."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crashy.timeline import Event, Timeline, kinds

KINDS = {name: value for name, value in vars(kinds).items() if isinstance(value, kinds.Kind)}
NAMES = st.lists(st.sampled_from([f"web-{i}" for i in range(300)]), unique=True)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_an_event_is_read_as_it_was_added_and_written(kind: kinds.Kind[kinds.Log]) -> None:
    timeline = Timeline(lambda: 0.0)
    kind.add(timeline.add, "lab", "pod/web", "Said", "hello", {"container": "app"})

    (event,) = timeline.since()
    assert (event.source, event.kind, event.object, event.reason, event.message) == (
        *("lab", kind, "pod/web"),
        *("Said", "hello"),
    )
    assert list(kind.read([event, event._replace(kind="another")])) == [(event, {"container": "app"})]
    assert kind.of(event._replace(kind="another")) is None
    assert kind.of(Event.from_json(event.to_json())) == {"container": "app"}


def test_a_name_is_one_kind_but_for_what_a_patient_has_on_its_own_timeline() -> None:
    twice = {kind for kind in KINDS.values() if [*KINDS.values()].count(kind) > 1}

    assert twice == {kinds.REQUEST, kinds.LOG}


@given(NAMES, st.integers(0, 300), NAMES)
def test_whoever_reads_every_event_knows_who_is_ready(names: list[str], cut: int, before: list[str]) -> None:
    """Whether all are named, or, of more than a hundred, those that changed."""
    ready, not_ready = names[:cut], names[cut:]
    joined, left = sorted({*ready} - {*before}), sorted({*before} - {*ready})
    data = kinds.endpoints("default", ready=ready, not_ready=not_ready, serving=ready, joined=joined, left=left)

    assert kinds.ready_after(data, frozenset(before)) == {*ready}
    assert kinds.has_serving(data) == bool(ready)
    assert sum(len(value) for key, value in data.items() if key in {"ready", "not_ready"}) <= kinds.MOST_NAMED


@pytest.mark.parametrize(("others", "named"), [(99, True), (100, False)])
def test_up_to_a_hundred_endpoints_are_named_and_of_more_what_changed(others: int, named: bool) -> None:
    ready = [f"web-{i}" for i in range(others)]
    data = kinds.endpoints("x", ready=ready, not_ready=["sick"], serving=ready, joined=["web-0"], left=["sick"])

    if named:
        assert data == {"namespace": "x", "ready": ready, "not_ready": ["sick"], "serving": ready}
    else:
        counts = {"ready": others, "not_ready": 1, "serving": others}
        assert data == {"namespace": "x", "joined": ["web-0"], "left": ["sick"], "counts": counts}
